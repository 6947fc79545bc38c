"""``--wait`` and resolvers that are silent, slow, share a name, or are invented.

Earlier, a resolver that missed a broadcast of 0.3 seconds was not awaited, and the command reported
success. These resolvers are real processes, or hand-made ones that send any message.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.e2e.stack import FOO, CommandOutput, Stack, wait_until
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.raw_nats import RawClient, connect_raw
from tests.support.resolvers import (
    connect_to,
    list_resolvers,
    make_announcement,
    registry_of,
    run_resolver,
)
from tests.support.waiting import DEADLINE_S, eventually_true, retry

from zonegit.bus import RemoteObjects, RemoteRefs, connect
from zonegit.bus.propagation import Waiter
from zonegit.bus.resolver_status import KnownResolvers
from zonegit.bus.service import answer_requests
from zonegit.config import BusSettings
from zonegit.errors import Unavailable
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    MAX_ANNOUNCEMENT,
    MAX_RESOLVERS,
    AskStatus,
    RefEvent,
    Registered,
    ResolverStatus,
    ServedEvent,
)
from zonegit.zone import names

ZONE = names.parse("foo.com.")
SET = ("set", "www", "A", "60")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run two resolvers that serve a zone."""
    made = Stack(tmp_path_factory.mktemp("stack") / "data")
    made.up("--resolvers", "2")
    made.zone("foo.com", FOO.replace("www   IN CNAME api\n", ""))
    yield made
    made.down()


class AddressIterator:
    """An iterator with a new address for each change."""

    last = 0

    def __next__(self) -> str:
        self.last += 1
        return f"192.0.2.{self.last}"


ADDRESSES = AddressIterator()


def change(stack: Stack, *words: str, status: int = 0) -> CommandOutput:
    """Commit a new address, and wait for it."""
    return stack.run(*SET, next(ADDRESSES), "--wait", *words, status=status)


def check_missed(stack: Stack, name: str, *others: str) -> None:
    """Check that a change reports this resolver as late, and none of the others.

    A short timeout is enough for the others on most machines; if it is not, the next one is longer.
    """
    for seconds in ("1", "10", "100"):
        said = change(stack, "--timeout", seconds, status=6).err
        if name in said and not any(each in said for each in others):
            assert "committed, but" in said
            return
    raise AssertionError(said)


def test_a_stopped_resolver_is_named_until_it_continues(stack: Stack) -> None:
    still = stack.pid_of("--name resolver-2")
    os.kill(still, signal.SIGSTOP)
    try:
        check_missed(stack, "resolver-2", "resolver-1")
        # After three missed announcements it is silent, but still registered.
        wait_until(lambda: registry_of(stack)["resolver-2"].is_silent)
        check_missed(stack, "resolver-2", "resolver-1")
        assert "BAD  resolver-2" in stack.run("doctor", status=1).out
        assert "resolver-2" in stack.run("resolvers").out
    finally:
        os.kill(still, signal.SIGCONT)
    change(stack)


def test_a_resolver_that_was_killed_is_named_and_one_that_said_goodbye_is_not(
    stack: Stack, tmp_path: Path
) -> None:
    with run_resolver(stack, tmp_path, "extra") as process:
        killed = wait_until_serving(stack, "extra")
        assert "extra" in change(stack).out
        process.kill()
        process.wait()
    check_missed(stack, "extra", "resolver-1", "resolver-2")
    with run_resolver(stack, tmp_path, "extra") as process:
        wait_until_serving(stack, "extra", killed)
        process.terminate()
        assert process.wait(timeout=DEADLINE_S) == 0
    wait_until(lambda: "extra" not in registry_of(stack))
    assert "extra" not in change(stack).out


def wait_until_serving(stack: Stack, name: str, after: str = "") -> str:
    """Wait until an instance other than ``after`` serves under this name, and return it."""
    wait_until(lambda: find_instance(stack, name) not in ("", after), f"{name} does not serve")
    return find_instance(stack, name)


def find_instance(stack: Stack, name: str) -> str:
    """Return the instance that serves under this name and is not silent, or an empty string."""
    found = registry_of(stack).get(name)
    is_there = found is not None and found.last.is_serving and not found.is_silent
    return found.last.instance if found is not None and is_there else ""


def test_a_second_resolver_with_a_name_does_not_start_and_the_first_continues(
    stack: Stack, tmp_path: Path
) -> None:
    with run_resolver(stack, tmp_path / "one", "twin"):
        first = wait_until_serving(stack, "twin")
        with run_resolver(stack, tmp_path / "two", "twin") as second:
            assert second.wait(timeout=DEADLINE_S) == 1
        log = (tmp_path / "two" / "twin.log").read_text()
        assert "a resolver named twin is running on 127.0.0.1:" in log
        found = registry_of(stack)["twin"]
        assert (found.last.instance, found.is_contested) == (first, False)
        assert "twin" in change(stack).out


def test_a_successor_starts_right_after_a_kill_of_its_predecessor(
    stack: Stack, tmp_path: Path
) -> None:
    with run_resolver(stack, tmp_path / "one", "heir") as first:
        killed = wait_until_serving(stack, "heir")
        first.kill()
        with run_resolver(stack, tmp_path / "two", "heir"):
            wait_until_serving(stack, "heir", killed)
            assert "heir" in change(stack).out


def test_a_resolver_that_is_frozen_while_another_takes_its_name_is_reported(
    stack: Stack, tmp_path: Path
) -> None:
    with run_resolver(stack, tmp_path / "one", "ghost") as first:
        before = wait_until_serving(stack, "ghost")
        os.kill(first.pid, signal.SIGSTOP)
        with run_resolver(stack, tmp_path / "two", "ghost") as second:
            wait_until(lambda: registry_of(stack)["ghost"].last.instance != before)
            os.kill(first.pid, signal.SIGCONT)
            # The second one exits if it is young enough; otherwise both continue, and are reported.
            wait_until(
                lambda: (
                    second.poll() == 1
                    or "two processes have this name" in stack.run("doctor", status=1).out
                )
            )
            assert first.poll() is None


async def test_a_resolver_that_never_answered_a_broadcast_is_awaited_until_it_serves(
    stack: Stack,
) -> None:
    """The original fault: it missed the broadcast, and the command returned success at once."""
    async with connect_to(stack, "resolver") as bus:
        moves: asyncio.Queue[RefEvent] = asyncio.Queue()

        def hear(_subject: str, octets: bytes) -> None:
            moves.put_nowait(codec.decode(octets, RefEvent))

        async with bus.subscribe(subjects.EVENTS, hear):
            await bus.publish(subjects.announcement("slow"), make_announcement("slow"))
            await bus.flush()
            changing = asyncio.create_task(asyncio.to_thread(change, stack))
            moved = await moves.get()
            # It is slow: the others have already answered and served.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await asyncio.shield(changing)
            report = ServedEvent(
                resolver="slow", zone=ZONE, branch="main", epoch=moved.epoch,
                sequence=moved.entry.sequence, commit=moved.entry.new, serial=None, delay_ms=0.0,
            )  # fmt: skip
            await bus.publish(subjects.served("slow", ZONE), report)
            assert "slow" in (await changing).out
            goodbye = msgspec.structs.replace(make_announcement("slow"), is_leaving=True)
            await bus.publish(subjects.announcement("slow"), goodbye)
            await bus.flush()


async def test_a_lost_report_is_replaced_by_a_status_request(stack: Stack) -> None:
    """An announcement shows that the resolver is past the move, so the command queries its
    status."""
    async with connect_to(stack, "resolver") as bus:
        moves: asyncio.Queue[RefEvent] = asyncio.Queue()
        at = msgspec.structs.replace(make_announcement("mute"), sequence=0)

        def hear(_subject: str, octets: bytes) -> None:
            moves.put_nowait(codec.decode(octets, RefEvent))

        def answer(_asked: AskStatus) -> ResolverStatus:
            return ResolverStatus(
                resolver="mute", version="1", listen=["127.0.0.1:1"], metrics=None,
                branches=["main"], only=[], at=None, epoch=at.epoch, sequence=at.sequence, lag=0,
                zones=[],
            )  # fmt: skip

        status = answer_requests(bus, subjects.resolver("mute", "status"), AskStatus, answer)
        async with bus.subscribe(subjects.EVENTS, hear), status:
            await bus.publish(subjects.announcement("mute"), at)
            await bus.flush()
            changing = asyncio.create_task(asyncio.to_thread(change, stack))
            moved = await moves.get()
            at = msgspec.structs.replace(at, epoch=moved.epoch, sequence=moved.entry.sequence)
            while not changing.done():  # as it does every three seconds
                await bus.publish(subjects.announcement("mute"), at)
                await asyncio.wait({changing}, timeout=0.1)
            assert "mute" in (await changing).out
            goodbye = msgspec.structs.replace(at, is_leaving=True)
            await bus.publish(subjects.announcement("mute"), goodbye)
            await bus.flush()


async def test_a_goodbye_of_an_awaited_resolver_ends_the_wait_for_it(stack: Stack) -> None:
    async with connect_to(stack, "resolver") as bus:
        moves: asyncio.Queue[bytes] = asyncio.Queue()
        async with bus.subscribe(subjects.EVENTS, lambda _, octets: moves.put_nowait(octets)):
            await bus.publish(subjects.announcement("leaver"), make_announcement("leaver"))
            await bus.flush()
            changing = asyncio.create_task(asyncio.to_thread(change, stack))
            await moves.get()
            goodbye = msgspec.structs.replace(make_announcement("leaver"), is_leaving=True)
            await bus.publish(subjects.announcement("leaver"), goodbye)
            assert "leaver" not in (await changing).out


@pytest.mark.parametrize(("instance", "awaited"), [("one", set()), ("two", {"leaver"})])
def test_a_goodbye_before_the_registry_is_read_counts(instance: str, awaited: set[str]) -> None:
    """The ref store may not have received it yet; a goodbye of another instance does not count."""
    said = make_announcement("leaver", instance="one", is_leaving=True)
    waiter = Waiter(ZONE, "main", 1.0, actor="ada")
    waiter.handle_announcement(said)
    listed = Registered(last=make_announcement("leaver", instance=instance), age=0.0)
    waiter._add_registered(KnownResolvers([listed]))
    assert waiter.awaited == awaited


async def test_a_resolver_cannot_report_or_say_goodbye_for_another(stack: Stack) -> None:
    """This holds even on its own subject, which the bus permits."""
    async with connect_to(stack, "resolver") as bus:
        await bus.publish(subjects.announcement("victim"), make_announcement("victim"))
        forged = codec.encode(msgspec.structs.replace(make_announcement("victim"), is_leaving=True))
        await bus.send(subjects.announcement("liar"), forged)
        report = ServedEvent(
            resolver="victim", zone=ZONE, branch="main", epoch="", sequence=1 << 40,
            commit=None, serial=None, delay_ms=0.0,
        )  # fmt: skip
        await bus.publish(subjects.served("liar", ZONE), report)
        await bus.flush()
        await asyncio.to_thread(check_missed, stack, "victim", "resolver-1", "resolver-2")
        await bus.send(subjects.announcement("victim"), forged)
        await bus.flush()


def test_the_bus_permits_a_resolver_of_the_stack_to_check_its_name(stack: Stack) -> None:
    for name in ("resolver-1", "resolver-2"):
        log = (stack.data / "logs" / f"{name}.log").read_text()
        assert "service.started" in log
        for event in ("name.not-checked", "name.not-watched", "bus.denied"):
            assert event not in log


async def test_the_bus_permits_a_resolver_of_the_stack_to_report_only_about_itself(
    stack: Stack,
) -> None:
    bus = stack.record()["bus"]
    url = bus["url"].replace("://", f"://resolver-1:{bus['users']['resolver-1']}@")
    async with connect_raw(url) as client:
        for name, is_own in (("resolver-1", True), ("resolver-2", False)):
            about = (subjects.announcement(name), subjects.served(name, ZONE))
            # An empty message, which no receiver accepts.
            assert [await client.may_publish(each) for each in about] == [is_own] * 2
            assert await client.may_subscribe(f"zg.resolvers.{name}.status") == is_own


def flood(client: RawClient, name: Callable[[int], str], count: int) -> None:
    for number in range(count):
        said = make_announcement(name(number))
        client.publish(subjects.announcement(said.resolver), codec.encode(said))


async def test_invented_resolvers_fill_the_registry_and_displace_none(tmp_path: Path) -> None:
    """On a bus without users, any client may announce itself. The registry is bounded."""
    with nats_server() as url, run_service("refs", url, tmp_path):
        async with connect(BusSettings(url), name="ada") as bus, connect_raw(url) as client:
            await retry(lambda: RemoteRefs(bus, "ada").snapshot(), Unavailable)
            await bus.publish(subjects.announcement("real"), make_announcement("real"))
            await bus.flush()
            assert "real" in await list_resolvers(bus)
            flood(client, "x{}".format, 3 * MAX_RESOLVERS)
            await client.flush()

            async def is_full() -> bool:
                return len(await list_resolvers(bus)) == MAX_RESOLVERS

            await eventually_true(is_full)
            assert "real" in await list_resolvers(bus)
            log = (tmp_path / "refs.log").read_text()
            assert log.count("registry.full") == 1


def test_with_a_full_registry_a_wait_fails(tmp_path: Path) -> None:
    """A resolver that is not in the registry may still serve the old zone."""
    crowded = Stack(tmp_path / "data")
    try:
        crowded.up()
        crowded.zone("foo.com", FOO.replace("www   IN CNAME api\n", ""))

        async def crowd() -> None:
            async with connect_to(crowded, "resolver") as bus:
                for number in range(MAX_RESOLVERS):
                    said = make_announcement(f"x{number}", is_pinned=True)  # so it is not awaited
                    await bus.publish(subjects.announcement(said.resolver), said)
                await bus.flush()

        asyncio.run(crowd())
        wait_until(lambda: len(registry_of(crowded)) == MAX_RESOLVERS)
        said = change(crowded, status=6).err
        assert "committed, but" in said
        assert "than the ref store can register" in said
        asyncio.run(crowd())  # a refused name is forgotten after a minute
        assert "BAD  registry" in crowded.run("doctor", status=1).out
    finally:
        crowded.down()


HUGE_ANNOUNCEMENT = make_announcement("huge", version="v" * 64, branches=["b" * 200, "c" * 200])


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x80",
        b"\xff" * 100,
        bytes(900_000),
        codec.encode(HUGE_ANNOUNCEMENT) + bytes(MAX_ANNOUNCEMENT),
        codec.encode({**msgspec.to_builtins(HUGE_ANNOUNCEMENT), "branches": ["b" * 201]}),
        codec.encode({**msgspec.to_builtins(HUGE_ANNOUNCEMENT), "more": "x" * MAX_ANNOUNCEMENT}),
        codec.encode({**msgspec.to_builtins(HUGE_ANNOUNCEMENT), "resolver": "other"}),
        codec.encode({**msgspec.to_builtins(HUGE_ANNOUNCEMENT), "sequence": 1 << 63}),
        codec.encode({**msgspec.to_builtins(HUGE_ANNOUNCEMENT), "zones": -1}),
    ],
    ids=[
        "empty", "no-fields", "no-msgpack", "900-kB", "more-behind", "long-branch", "unknown-field",
        "another-name", "sequence", "negative",
    ],
)  # fmt: skip
async def test_a_malformed_announcement_is_dropped_and_refs_continues(
    octets: bytes, lone_refs: str
) -> None:
    async with connect(BusSettings(lone_refs), name="ada") as bus:
        await retry(lambda: RemoteRefs(bus, "ada").snapshot(), Unavailable)
        await bus.send(subjects.announcement("huge"), octets)
        await bus.publish(subjects.announcement("next"), make_announcement("next"))
        await bus.flush()
        found = await list_resolvers(bus)
        assert "next" in found
        assert not {"huge", "other"} & found.keys()


NO_QUESTIONS = """
authorization { users: [
  { user: all, password: pw }
  { user: op, password: pw, permissions: { publish: { deny: ["zg.resolvers.>"] } } }
] }
"""


async def test_without_permission_to_query_resolvers_the_commit_is_reported(tmp_path: Path) -> None:
    """The resolver has settings for single zones, so the command has to query it."""
    with nats_server(NO_QUESTIONS) as bare:
        url = bare.replace("://", "://all:pw@")
        stack = Stack(tmp_path, {"ZONEGIT_NATS_URL": bare.replace("://", "://op:pw@")})
        with (
            run_service("objectstore", url, tmp_path),
            run_service("refs", url, tmp_path),
        ):
            async with connect(BusSettings(url), name="ada") as bus:
                await retry(lambda: RemoteRefs(bus, "ada").snapshot(), Unavailable)
                await retry(lambda: RemoteObjects(bus, "ada").find("0000"), Unavailable)
                odd = make_announcement("odd", own_settings=1)
                await bus.publish(subjects.announcement("odd"), odd)
                await bus.flush()
                await asyncio.to_thread(stack.run, "init", "foo.com")
                words = ("import", "-", "--zone", "foo.com", "--wait")
                said = await asyncio.to_thread(stack.run, *words, stdin=FOO, status=5)
        assert "committed, but it is not known which resolvers serve it" in said.err


@pytest.fixture(scope="module")
def lone_refs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a bus with refs alone."""
    folder = tmp_path_factory.mktemp("refs")
    with nats_server() as url, run_service("refs", url, folder):
        yield url


async def test_a_restarted_ref_store_does_not_report_that_there_is_no_resolver(
    tmp_path: Path,
) -> None:
    """The resolver announced itself to the previous process, and will announce itself again in
    seconds."""
    with nats_server() as url:
        async with connect(BusSettings(url), name="ada") as bus, connect_raw(url) as client:
            with run_service("refs", url, tmp_path) as refs:
                await retry(lambda: RemoteRefs(bus, "ada").snapshot(), Unavailable)
                client.subscribe(subjects.resolvers("announce"))
                await client.flush()
                refs.kill()
                refs.start()
                answering = asyncio.create_task(answer_calls(client, "calm"))
                try:
                    known = await retry(lambda: list_resolvers(bus), Unavailable)
                finally:
                    answering.cancel()
                assert list(known) == ["calm"]


async def answer_calls(client: RawClient, name: str) -> None:
    """Answer a call with an announcement, as every resolver does."""
    await client.wait_for(subjects.resolvers("announce"))
    said = make_announcement(name)
    client.publish(subjects.announcement(name), codec.encode(said))
    await client.flush()
