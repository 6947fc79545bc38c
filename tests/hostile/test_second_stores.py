"""A ref store with an empty folder, and two stores that serve at the same time.

No resolver drops the zones that it serves, and one of two stores exits.
"""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.stack import FOO, Stack, wait_until
from tests.support.nats import nats_server
from tests.support.processes import ServiceProcess, run_service
from tests.support.waiting import eventually, eventually_true, retry

from zonegit.bus import Bus, RemoteObjects, RemoteRefs, connect
from zonegit.bus.service import answer_requests
from zonegit.config import BusSettings
from zonegit.errors import Unavailable
from zonegit.store.ref_log import Origin
from zonegit.wire import subjects
from zonegit.wire.messages import AskPresence, Heartbeat, Presence
from zonegit.zone import names
from zonegit.zone.names import Name

STORES = ["objectstore", "refs"]
LATER = FOO.replace("admin 1 ", "admin 9 ").replace("192.0.2.80", "192.0.2.90")


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data")
    yield stack
    stack.down()


def swap_refs(stack: Stack, put: Callable[[Path], object]) -> None:
    """Change the folder of refs while it runs, and kill refs; the supervisor restarts it."""
    pid = stack.pid_of("zonegit_refs")
    put(stack.data / "refs")
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: any(found != pid for found in pids(stack, "zonegit_refs")), "refs did not start"
    )


def pids(stack: Stack, words: str) -> list[int]:
    return [pid for pid, line in stack.processes().items() if words in line]


def list_findings(stack: Stack, status: int) -> dict[str, str]:
    """Return the problems that doctor finds, by check."""
    lines = stack.run("doctor", status=status).out.splitlines()
    bad = (line.split(maxsplit=2) for line in lines if line.startswith("BAD"))
    return {check: text for _, check, text in bad}


def is_refusing(stack: Stack) -> bool:
    """Return whether the resolver reports that it refuses refs; it cannot while refs restarts."""
    try:
        (resolver,) = stack.json("resolvers")
    except (AssertionError, ValueError):
        return False
    return any("another installation" in str(each["problem"]) for each in resolver["zones"])


def join(stack: Stack) -> str:
    """Return the installation of refs after the object store and the resolver have joined it.

    A process that was stopped before joins the first installation that it hears.
    """
    held: str = stack.json("adopt-store")["installation"]

    def is_held() -> bool:
        members = stack.json("adopt-store")["members"]
        return {each["name"]: each["installation"] for each in members} == {
            "objectstore": held,
            "resolver-1": held,
        }

    wait_until(is_held, "not all belong to the installation of refs")
    return held


def test_refs_with_an_empty_folder_removes_no_zone_from_a_running_resolver(
    own_stack: Stack, tmp_path: Path
) -> None:
    """All resolvers answered REFUSED within half a second, and deleted their caches."""
    own_stack.up()
    own_stack.zone("foo.com.")
    join(own_stack)
    kept = tmp_path / "kept"
    swap_refs(own_stack, lambda folder: folder.rename(kept))
    wait_until(lambda: is_refusing(own_stack), "it does not say that it refuses")
    assert own_stack.answer("api.foo.com.", "A") == ["192.0.2.80"]
    wrong = list_findings(own_stack, 1)
    assert "zonegit adopt-store" in wrong["resolver-1"]
    assert "start refs with its own data folder" in wrong["resolver-1"]
    assert "zonegit adopt-store" in wrong["objectstore"]
    assert list((own_stack.data / "resolvers" / "resolver-1").rglob("foo.com.")), "no cache"

    def put_back(folder: Path) -> None:
        shutil.rmtree(folder)
        kept.rename(folder)

    swap_refs(own_stack, put_back)
    wait_until(lambda: is_healthy(own_stack), "it refuses its own refs")
    own_stack.run("set", "api", "A", "300", "192.0.2.81", "--wait", "--zone", "foo.com.")
    assert own_stack.answer("api.foo.com.", "A") == ["192.0.2.81"]


def is_healthy(stack: Stack) -> bool:
    """Return whether doctor finds no problem."""
    try:
        stack.run("doctor")
    except AssertionError:
        return False
    return True


def test_a_restarted_resolver_serves_its_cache_until_the_store_is_adopted(
    own_stack: Stack,
) -> None:
    own_stack.up()
    own_stack.zone("foo.com.")
    held = join(own_stack)
    own_stack.run("down")
    shutil.rmtree(own_stack.data / "refs")
    own_stack.up()
    wait_until(lambda: is_refusing(own_stack), "it does not say that it refuses")
    assert own_stack.answer("api.foo.com.", "A") == ["192.0.2.80"]
    own_stack.run("init", "foo.com.")
    own_stack.run("import", "-", "--zone", "foo.com.", stdin=LATER)
    assert own_stack.answer("api.foo.com.", "A") == ["192.0.2.80"]
    shown = own_stack.json("adopt-store")
    assert {each["name"]: each["installation"] for each in shown["members"]} == {
        "objectstore": held,
        "resolver-1": held,
    }
    own_stack.run("adopt-store", "nonsense", status=2)
    assert "that answers has the id" in own_stack.run("adopt-store", "0" * 16).err
    assert not own_stack.run("adopt-store", held).err
    wait_until(
        lambda: own_stack.answer("api.foo.com.", "A") == ["192.0.2.90"], "it is not followed"
    )
    wait_until(lambda: is_healthy(own_stack), "doctor is not content")
    shown = own_stack.json("adopt-store")
    assert set(shown["replaces"]) == {held, "0" * 16}
    assert shown["installation"] not in shown["replaces"]
    assert {each["installation"] for each in shown["members"]} == {shown["installation"]}


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Bus]:
    async with connect(BusSettings(url), name="test") as bus:
        yield bus


async def wait_for_answer(bus: Bus, store: str) -> None:
    """Wait until a store answers."""
    ask: Callable[[], Any] = RemoteRefs(bus, "ada").snapshot
    if store == "objectstore":
        objects = RemoteObjects(bus, "ada")

        async def find() -> None:
            await objects.find("0000")

        ask = find
    await retry(ask, Unavailable)


async def list_instances(bus: Bus, store: str) -> list[Presence]:
    """Return the instances of a store that serve, after one of them answers."""
    found: list[Presence] = []
    while not found:
        found = await bus.broadcast(subjects.presence(store), AskPresence(), Presence, 0.3)
    return found


def zone(number: int) -> Name:
    return names.parse(f"z{number}.example.")


async def register(refs: RemoteRefs, number: int) -> None:
    origin = Origin("ada", "test", f"{number:032x}")
    await retry(lambda: refs.register(zone(number), origin), Unavailable)


async def registered(refs: RemoteRefs) -> set[Name]:
    page = await refs.snapshot()
    found = {each.zone for each in page.zones}
    while page.after is not None:
        page = await refs.snapshot(page.after)
        found |= {each.zone for each in page.zones}
    return found


async def wait_for_exit(process: ServiceProcess) -> str:
    """Wait for a process to exit with status 1, and return its log."""
    assert await asyncio.to_thread(process.wait) == 1
    return process.log.read_text()


@pytest.mark.parametrize("store", STORES)
async def test_the_later_of_two_stores_exits_and_names_the_other(
    store: str, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with nats_server() as url, run_service(store, url, tmp_path / "a") as first:
        async with client(url) as bus:
            await wait_for_answer(bus, store)
            with run_service(store, url, tmp_path / "b") as second:
                log = await wait_for_exit(second)
            assert f"another {store} serves" in log
            assert "service.started" not in log
            await wait_for_answer(bus, store)
            # Its supervisor restarts it repeatedly; the first instance reports a rival.
            (said,) = await list_instances(bus, store)
            assert said.rival
        assert first.terminate() == 0


async def test_no_acknowledged_move_is_lost_next_to_a_second_refs(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with nats_server() as url, run_service("refs", url, tmp_path / "a"):
        async with client(url) as bus:
            refs = RemoteRefs(bus, "ada")
            await wait_for_answer(bus, "refs")
            with run_service("refs", url, tmp_path / "b") as second:
                ending = asyncio.create_task(wait_for_exit(second))
                number = 0
                while not ending.done():
                    await register(refs, number)
                    number += 1
                await ending
            assert await registered(refs) == {zone(each) for each in range(number)}


@pytest.mark.parametrize("store", STORES)
async def test_one_of_two_stores_started_together_continues(store: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with (
        nats_server() as url,
        run_service(store, url, tmp_path / "a") as one,
        run_service(store, url, tmp_path / "b") as other,
    ):
        async with client(url) as bus:
            done, _ = await asyncio.wait(
                [asyncio.create_task(asyncio.to_thread(each.wait)) for each in (one, other)],
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert [task.result() for task in done] == [1]
            await wait_for_answer(bus, store)
            assert len(await list_instances(bus, store)) == 1
            for each in (one, other):
                each.kill()


@pytest.mark.parametrize("store", STORES)
async def test_a_second_process_in_one_folder_exits_and_names_the_first(
    store: str, tmp_path: Path
) -> None:
    """It uses another bus, so neither process hears the other."""
    with nats_server() as url, nats_server() as elsewhere:
        with run_service(store, url, tmp_path) as first:
            await eventually(lambda: "service.started" in first.log.read_text())
            second = ServiceProcess(store, elsewhere, tmp_path)
            second.start()
            log = await wait_for_exit(second)
            assert f"another {store} (process " in log
            assert str(tmp_path / store) in log
        # The kernel released the lock when the first process was killed.
        with run_service(store, elsewhere, tmp_path):
            async with client(elsewhere) as bus:
                await wait_for_answer(bus, store)


@pytest.mark.parametrize("store", STORES)
async def test_a_store_restarts_after_a_kill(store: str, tmp_path: Path) -> None:
    with nats_server() as url, run_service(store, url, tmp_path) as process:
        async with client(url) as bus:
            for _ in range(3):
                await wait_for_answer(bus, store)
                process.kill()
                process.start()
            await wait_for_answer(bus, store)
    assert "service.failed" not in process.log.read_text()


def make_heartbeat(instance: str, started: float) -> Heartbeat:
    return Heartbeat(
        epoch="e", sequence=1, time=time.time(), installation="f" * 16, instance=instance,
        started=started,
    )  # fmt: skip


async def test_old_heartbeats_and_questions_of_strangers_stop_no_store(
    tmp_path: Path,
) -> None:
    with nats_server() as url, run_service("refs", url, tmp_path) as process:
        async with client(url) as bus:
            await wait_for_answer(bus, "refs")
            for number in range(5):
                await bus.publish(subjects.HEARTBEAT, make_heartbeat(f"gone-{number}", 1.0))
                question = AskPresence(instance="mallory")
                await bus.publish(subjects.presence("refs"), question)
                said = await bus.request(subjects.presence("refs"), question, Presence)
            assert not said.rival
            await wait_for_answer(bus, "refs")
        assert process.terminate() == 0
    assert "service.failed" not in process.log.read_text()


@pytest.mark.parametrize("instance", ["", "another"], ids=["earlier release", "silent"])
async def test_an_unanswering_refs_counts_as_running_after_three_heartbeats(
    instance: str, tmp_path: Path
) -> None:
    with nats_server() as url, run_service("refs", url, tmp_path) as process:
        async with client(url) as bus:
            await wait_for_answer(bus, "refs")
            ending = asyncio.create_task(wait_for_exit(process))
            while not ending.done():
                await bus.publish(subjects.HEARTBEAT, make_heartbeat(instance, 0.0))
                await asyncio.wait([ending], timeout=0.2)
            assert "another refs serves" in await ending


async def test_a_later_instance_stops_no_store(tmp_path: Path) -> None:
    with nats_server() as url, run_service("refs", url, tmp_path) as process:
        async with client(url) as bus:
            await wait_for_answer(bus, "refs")
            late = make_heartbeat("late", time.time() + 3600)
            async with run_instance(bus, Presence(instance="late", started=late.started)):
                for _ in range(5):
                    await bus.publish(subjects.HEARTBEAT, late)
                await eventually(lambda: "instance.second" in process.log.read_text())
            await wait_for_answer(bus, "refs")
        assert process.terminate() == 0


@asynccontextmanager
async def run_instance(bus: Bus, presence: Presence) -> AsyncIterator[None]:
    """Run a hand-made instance of refs."""

    def answer(asked: AskPresence) -> Presence | None:
        return presence if asked.instance != presence.instance else None

    async with answer_requests(bus, subjects.presence("refs"), AskPresence, answer):
        yield


@contextmanager
def refs_url(stack: Stack) -> Iterator[str]:
    """Yield the URL of a stack's bus for the user of refs."""
    bus = stack.record()["bus"]
    yield bus["url"].replace("://", f"://refs:{bus['users']['refs']}@")


def test_doctor_fails_while_two_instances_serve_or_one_tries_to(own_stack: Stack) -> None:
    own_stack.up()
    second = Presence(instance="beside", started=time.time() + 3600, installation="f" * 16)

    async def serve_next_to_it(url: str) -> dict[str, str]:
        async with (
            connect(BusSettings(url), name="refs", actor="refs") as bus,
            run_instance(bus, second),
        ):
            return await asyncio.to_thread(list_findings, own_stack, 1)

    async def try_to_serve(url: str) -> None:
        """Announce an instance that is about to exit, until doctor reports it."""
        ends = Presence(instance="tries", started=time.time(), serves=False)
        async with (
            connect(BusSettings(url), name="refs", actor="refs") as bus,
            run_instance(bus, ends),
        ):
            question = AskPresence(instance="tries")

            async def is_reported() -> bool:
                await bus.request(subjects.presence("refs"), question, Presence)
                said = await asyncio.to_thread(list_findings, own_stack, 1)
                return "instance tries, tries to serve" in said.get("refs", "")

            await eventually_true(is_reported)

    with refs_url(own_stack) as url:
        wrong = asyncio.run(serve_next_to_it(url))
        assert "2 instances serve on one bus" in wrong["refs"]
        assert "instance beside" in wrong["refs"]
        asyncio.run(try_to_serve(url))


def test_doctor_names_the_process_that_holds_the_folder(own_stack: Stack) -> None:
    """A process of another bus holds it, so the stack's own cannot start."""
    own_stack.up()
    with nats_server() as elsewhere:
        pid = own_stack.pid_of("zonegit_refs")
        intruder = ServiceProcess("refs", elsewhere, own_stack.data)
        os.kill(pid, signal.SIGSTOP)  # so that the supervisor does not start it again
        (own_stack.data / "refs").rename(own_stack.data / "gone")
        intruder.start()
        try:
            wait_until(lambda: "service.started" in intruder.log.read_text(), "it did not start")
            os.kill(pid, signal.SIGKILL)
            wrong = list_findings(own_stack, 1)
            assert "does not answer" in wrong["refs"]
            assert "uses" in wrong["refs"]
        finally:
            intruder.kill()


EARLIER_PERMISSIONS = """
authorization { users: [{
  user: %s, password: secret
  permissions {
    publish: { allow: %s }, subscribe: { allow: %s }
    allow_responses: { max: 1, expires: "1m" }
  }
}, { user: ada, password: secret }] }
"""
RIGHTS = {
    "objectstore": (["_INBOX.>"], ["_INBOX.objectstore.>", "zg.*.objects.>", "$SRV.>"]),
    "refs": (
        ["_INBOX.>", "zg.events.>", "zg.heartbeat", "zg.refs.objects.>", "zg.resolvers.>"],
        ["_INBOX.refs.>", "zg.*.refs.>", "zg.served.>", "$SRV.>"],
    ),
}


@pytest.mark.parametrize("store", STORES)
async def test_stores_serve_on_a_bus_with_the_permissions_of_the_previous_release(
    store: str, tmp_path: Path
) -> None:
    """They cannot find each other in that case, and log it."""
    publish, subscribe = (json.dumps(each) for each in RIGHTS[store])
    with (
        nats_server(EARLIER_PERMISSIONS % (store, publish, subscribe)) as url,
        run_service(store, url.replace("://", f"://{store}:secret@"), tmp_path) as process,
    ):
        async with client(url.replace("://", "://ada:secret@")) as bus:
            await wait_for_answer(bus, store)
        await eventually(lambda: "instances.not-asked" in process.log.read_text())
        await eventually(lambda: "heartbeats.not-heard" in process.log.read_text())
        assert process.terminate() == 0
