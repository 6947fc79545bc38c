"""docs/nats-server.conf permits each role its own work and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import commits
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.remote_stores import objects_of, refs_of
from tests.support.waiting import eventually, retry

from zonegit.bus import connect
from zonegit.config import BusSettings
from zonegit.errors import Conflict, Denied, Unavailable
from zonegit.objects.codec import encode
from zonegit.objects.model import Identity, Symref
from zonegit.repo import heads
from zonegit.repo.change import sequencer
from zonegit.repo.change.sequencer_state import BranchKey
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent, Exactly
from zonegit.wire import subjects
from zonegit.wire.messages import Heartbeat
from zonegit.zone import names

CONFIGURATION = (Path(__file__).parents[2] / "docs" / "nats-server.conf").read_text()
ROLES = ("objectstore", "refs", "resolver", "operator")
ZONE = names.parse("foo.com.")


def add_user(url: str, role: str) -> str:
    return url.replace("://", f"://{role}:pw-{role}@")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for role in ROLES:
        monkeypatch.setenv(f"{role.upper()}_PASSWORD", f"pw-{role}")
    with nats_server(CONFIGURATION.replace('http: "127.0.0.1:8222"', "")) as found:
        yield found


async def test_an_operator_works_with_both_stores_under_minimal_permissions(
    url: str, tmp_path: Path
) -> None:
    with (
        run_service("objectstore", add_user(url, "objectstore"), tmp_path),
        run_service("refs", add_user(url, "refs"), tmp_path),
    ):
        async with connect(BusSettings(add_user(url, "operator")), name="operator") as bus:
            repo = Repo(
                objects_of(bus, "operator"),
                refs_of(bus, "operator"),
                "operator",
                lambda: Identity("Operator", "operator@example.net", 0),
            )
            await retry(lambda: repo.refs.where("operator"), Unavailable)
            await retry(lambda: repo.objects.find("0000"), Unavailable)
            assert await heads.initialise(repo, ZONE)
            assert (await heads.find_position(repo)).zone == ZONE


async def test_an_operator_cannot_act_as_another(url: str) -> None:
    async with connect(BusSettings(add_user(url, "operator")), name="operator") as bus:
        with pytest.raises(Denied):
            await refs_of(bus, "alice").where("alice")


async def test_an_operator_limited_to_some_zones_finds_its_unfinished_operation(
    url: str,
) -> None:
    async with connect(BusSettings(add_user(url, "operator")), name="operator") as bus:
        refs = refs_of(bus, "alice")  # this user may use none of alice's subjects
        with pytest.raises(Denied):
            await refs.since("", 0)
        nobody = Identity("Alice", "alice@example.net", 0)
        repo = Repo(objects_of(bus, "alice"), refs, "alice", lambda: nobody)
        place = await sequencer.find_key(repo, BranchPosition(ZONE, "main", None))
    assert place == BranchKey("", "alice", "foo.com.", "main")


async def test_a_resolver_reads_and_cannot_write(url: str) -> None:
    async with connect(BusSettings(add_user(url, "resolver")), name="resolver") as bus:
        with pytest.raises(Denied):
            await objects_of(bus, "resolver").put([encode(Symref("HEAD"))])
        origin = Origin("resolver", "test", "0" * 32)
        branch = ref_names.branch(ZONE, "main")
        for attempt in (
            refs_of(bus, "resolver").register(ZONE, origin),
            refs_of(bus, "resolver").point(ref_names.default_head(), branch, origin),
            refs_of(bus, "resolver").unpoint(ref_names.default_head(), origin),
            refs_of(bus, "resolver").unpoint(ref_names.remembered_branch("resolver", ZONE), origin),
        ):
            with pytest.raises(Denied):
                await attempt


@pytest.mark.parametrize("role", ["resolver", "operator"])
async def test_only_permitted_operators_can_adopt_a_store_of_the_original(
    url: str, role: str
) -> None:
    async with connect(BusSettings(add_user(url, role)), name=role) as bus:
        with pytest.raises(Denied):
            await refs_of(bus, role).adopt({}, Origin(role, "migrate", "0" * 32))


@pytest.mark.parametrize("role", ["objectstore", "resolver", "operator"])
async def test_only_refs_can_publish_events(url: str, role: str) -> None:
    heard: list[bytes] = []
    async with (
        connect(BusSettings(add_user(url, "resolver")), name="listener") as listener,
        listener.subscribe(subjects.HEARTBEAT, lambda _, octets: heard.append(octets)),
        connect(BusSettings(add_user(url, role)), name=role) as forger,
        connect(BusSettings(add_user(url, "refs")), name="refs") as refs,
    ):
        await forger.publish(subjects.HEARTBEAT, Heartbeat(epoch="forged", sequence=9, time=0))
        await forger.client.flush()
        await refs.publish(subjects.HEARTBEAT, Heartbeat(epoch="true", sequence=1, time=0))
        await eventually(lambda: bool(heard))
    assert len(heard) == 1
    assert b"true" in heard[0]


@pytest.mark.parametrize("role", ["objectstore", "refs", "operator"])
async def test_no_user_can_read_the_replies_to_another(url: str, role: str) -> None:
    async with connect(BusSettings(add_user(url, role)), name=role) as bus:
        with pytest.raises(Denied):
            async with bus.subscribe("_INBOX.resolver.>", lambda *_: None):
                pass


async def test_an_operator_with_read_access_can_judge_a_move(url: str, tmp_path: Path) -> None:
    made = commits.commit(ZONE, 1)
    branch = ref_names.branch(ZONE, "main")
    with (
        run_service("objectstore", add_user(url, "objectstore"), tmp_path),
        run_service("refs", add_user(url, "refs"), tmp_path),
    ):
        async with (
            connect(BusSettings(add_user(url, "operator")), name="operator") as operator,
            connect(BusSettings(add_user(url, "resolver")), name="resolver") as reader,
        ):
            working, reading = (
                refs_of(operator, "operator"),
                refs_of(reader, "resolver"),
            )
            await retry(lambda: working.where("operator"), Unavailable)
            objects = objects_of(operator, "operator")
            await retry(lambda: objects.find("0000"), Unavailable)
            await working.register(ZONE, Origin("operator", "test", "0" * 32))
            why = Origin("resolver", "test", "1" * 32)
            await reading.judge(branch, Absent(), made.id, why, made.objects)
            with pytest.raises(Conflict):
                await reading.judge(branch, Exactly(made.id), made.id, why, made.objects)
            assert (await reading.basis(branch)).state.tip is None
            with pytest.raises(Denied):
                await reading.move(branch, Absent(), made.id, why)
