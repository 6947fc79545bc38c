"""The bus of a local stack permits each role its own work and nothing else."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support import commits
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.remote_stores import objects_of, refs_of
from tests.support.waiting import eventually, retry

from zonegit.bus import Bus, connect
from zonegit.config import BusSettings
from zonegit.errors import Denied, Unavailable
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent
from zonegit.wire import subjects
from zonegit.wire.messages import ServedEvent
from zonegit.zone import names
from zonegit_cli.stack import nats

FOO = names.parse("foo.com.")
MAIN = ref_names.branch(FOO, "main")


@asynccontextmanager
async def stack(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Run both stores on such a bus, and yield its URLs by role."""
    users = nats.make_passwords()
    configuration = nats.write_configuration(folder, 0, users).read_text()
    with nats_server(configuration) as url:
        urls = {role: url.replace("://", f"://{role}:{pw}@") for role, pw in users.items()}
        with (
            run_service("objectstore", urls["objectstore"], folder),
            run_service("refs", urls["refs"], folder),
        ):
            yield urls


@asynccontextmanager
async def joined(urls: dict[str, str], role: str) -> AsyncIterator[Bus]:
    async with connect(BusSettings(urls[role]), name=role) as bus:
        objects, refs = (
            objects_of(bus, role),
            refs_of(bus, role),
        )
        await retry(lambda: objects.find("0000"), Unavailable)
        await retry(refs.snapshot, Unavailable)
        yield bus


def origin(actor: str) -> Origin:
    return Origin(actor, "test", secrets.token_hex(16))


async def test_an_operator_can_commit_and_a_resolver_can_read(tmp_path: Path) -> None:
    async with stack(tmp_path) as urls, joined(urls, "cli") as cli, joined(urls, "resolver") as dns:
        heard: list[str] = []
        repo = Repo(
            objects_of(cli, "ada"),
            refs_of(cli, "ada"),
            "ada",
            lambda: Identity("A", "a@b", 1),
        )
        async with dns.subscribe(subjects.EVENTS, lambda subject, data: heard.append(subject)):
            await heads.initialise(repo, FOO)
            made = commits.commit(FOO, 1)
            await repo.objects.put(made.objects)
            await repo.refs.move(MAIN, Absent(), made.id, origin("ada"), made.objects)
            await eventually(lambda: subjects.event("moved", MAIN) in heard)
        assert await objects_of(dns, "resolver").get([made.id]) == {made.id: made.objects[-1]}
        for objects in (repo.objects, objects_of(dns, "resolver")):
            (dated,) = await objects.history([made.id], 9)
            assert dated.raw == made.objects[-1]
        served = ServedEvent(
            resolver="r", zone=FOO, branch="main", epoch="e", sequence=1, commit=made.id,
            serial=1, delay_ms=0.1,
        )  # fmt: skip
        told: list[str] = []
        async with cli.subscribe("zg.served.>", lambda subject, data: told.append(subject)):
            await dns.publish(subjects.served("r", FOO), served)
            await eventually(lambda: told == [subjects.served("r", FOO)])


async def test_a_resolver_cannot_write(tmp_path: Path) -> None:
    made = commits.commit(FOO, 1)
    async with stack(tmp_path) as urls, joined(urls, "resolver") as dns:
        refs = refs_of(dns, "resolver")
        with pytest.raises(Denied):
            await objects_of(dns, "resolver").put(made.objects)
        with pytest.raises(Denied):
            await refs.register(FOO, origin("resolver"))
        with pytest.raises(Denied):
            await refs.move(MAIN, Absent(), made.id, origin("resolver"))


async def test_an_operator_cannot_answer_requests_or_publish_events(tmp_path: Path) -> None:
    reported: list[str] = []

    def report(event: str, **fields: str) -> None:
        reported.append(f"{event} {fields.get('subject')}")

    async with (
        stack(tmp_path) as urls,
        connect(BusSettings(urls["cli"]), name="cli", report=report) as cli,
    ):
        with pytest.raises(Denied):
            async with cli.subscribe("zg.*.refs.>", lambda subject, data: None):
                pass
        await cli.send("zg.heartbeat", b"")
        await eventually(lambda: "bus.denied zg.heartbeat" in reported)
