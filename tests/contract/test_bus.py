"""The contract of the bus with callers and services, on a real nats-server."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import nats
import nats.errors
import pytest
from tests.contract.conftest import bus_pair
from tests.support.graphs import BASE, chain
from tests.support.nats import configure_nats, nats_server, signal_nats, start_nats
from tests.support.waiting import eventually, eventually_true, retry

from zonegit.bus import Bus, RemoteObjects, connect, discovery, headers
from zonegit.bus.endpoints import Endpoint, Endpoints
from zonegit.bus.lanes import MAX_RUNNING_OF_OPERATOR
from zonegit.bus.service import answer_requests, serve
from zonegit.config import BusSettings
from zonegit.errors import Conflict, Corrupt, Denied, Internal, Invalid, Unavailable
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, RawObject
from zonegit.objects.model import Symref
from zonegit.store import ref_names
from zonegit.store.objects import Dated
from zonegit.wire import codec, subjects, verbs
from zonegit.wire.messages import (
    AskStatus,
    CommitHistory,
    Done,
    FindObjects,
    FoundObjects,
    GetObjects,
    GotObjects,
    Heartbeat,
    HistoryOf,
)
from zonegit.wire.subjects import Request
from zonegit.zone import names

Pair = tuple[Bus, Bus]
FIND = "zg.ada.objects.find"
ASK = FindObjects(prefix="0000")
SECRET = "opensesame"
OBJECTS = verbs.of_service("objects")


def serve_find(answer: Callable[[], Awaitable[None]]) -> Endpoints:
    """Run a service whose find calls ``answer`` first."""

    async def find(request: Request, message: FindObjects) -> FoundObjects:
        await answer()
        return FoundObjects(objects=[])

    return {"find": Endpoint(OBJECTS["find"], find)}


async def nothing() -> None:
    pass


async def test_a_failure_arrives_as_it_was_raised(pair: Pair) -> None:
    async def lose() -> None:
        raise Conflict("it moved", hint="look again", tip="beef")

    served, bus = pair
    async with serve(served, "objectstore", "objects", serve_find(lose)):
        with pytest.raises(Conflict) as caught:
            await bus.request(FIND, ASK, FoundObjects)
    assert (caught.value.message, caught.value.hint) == ("it moved", "look again")
    assert caught.value.details == {"tip": "beef"}


async def test_a_bug_arrives_as_internal_without_its_text(pair: Pair) -> None:
    async def fail() -> None:
        raise ValueError(SECRET)

    served, bus = pair
    async with serve(served, "objectstore", "objects", serve_find(fail)):
        with pytest.raises(Internal) as caught:
            await bus.request(FIND, ASK, FoundObjects)
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {caught.value.details}"
    assert caught.value.details["log_id"]


async def test_a_malformed_message_is_refused_with_its_field(pair: Pair) -> None:
    served, bus = pair
    async with serve(served, "objectstore", "objects", serve_find(nothing)):
        with pytest.raises(Invalid, match="prefix"):
            await bus.request(FIND, Done(), FoundObjects)
        with pytest.raises(Invalid, match="verb"):
            await bus.request("zg.ada.objects.burn", ASK, FoundObjects)
        with pytest.raises(Invalid, match="token"):
            await bus.request("zg.=zz.objects.find", ASK, FoundObjects)


async def test_a_missing_service_is_named_at_once(pair: Pair) -> None:
    _, bus = pair
    with pytest.raises(Unavailable, match="no objects service answers on nats://") as caught:
        await bus.request(FIND, ASK, FoundObjects, timeout=60)
    assert caught.value.hint


async def test_a_late_answer_is_unavailable(pair: Pair) -> None:
    served, bus = pair
    release = asyncio.Event()

    async def wait() -> None:
        await release.wait()

    async with serve(served, "objectstore", "objects", serve_find(wait)):
        with pytest.raises(Unavailable, match=r"did not answer within 0\.05 s"):
            await bus.request(FIND, ASK, FoundObjects, timeout=0.05)
        release.set()


async def test_a_request_is_dropped_after_its_sender_gave_up(nats_url: str, pair: Pair) -> None:
    served, bus = pair
    carried_out = []

    async def note() -> None:
        carried_out.append(1)

    late = {headers.DEADLINE: f"{time.time() - 1:.3f}"}
    client = await nats.connect(nats_url, inbox_prefix="_INBOX.ada")
    async with serve(served, "objectstore", "objects", serve_find(note)):
        reply = await client.request(FIND, codec.encode(ASK), 5, headers=late)
        assert reply.headers is not None
        assert reply.headers[headers.FAILED] == "unavailable"
        assert carried_out == []
        await bus.request(FIND, ASK, FoundObjects)
        assert carried_out == [1]
    await client.close()


async def test_requests_run_concurrently(pair: Pair) -> None:
    """Each request waits until all have begun."""
    served, bus = pair
    together = asyncio.Barrier(MAX_RUNNING_OF_OPERATOR)

    async def meet() -> None:
        await together.wait()

    async with serve(served, "objectstore", "objects", serve_find(meet)):
        asking = (bus.request(FIND, ASK, FoundObjects) for _ in range(MAX_RUNNING_OF_OPERATOR))
        await asyncio.gather(*asking)


async def test_more_requests_than_run_at_once_are_all_answered(pair: Pair) -> None:
    served, bus = pair
    async with serve(served, "objectstore", "objects", serve_find(nothing)):
        answers = await asyncio.gather(*(bus.request(FIND, ASK, FoundObjects) for _ in range(500)))
    assert len(answers) == 500


async def test_a_rolling_restart_loses_no_request(nats_url: str, pair: Pair) -> None:
    """Two instances of a service, stopped and started in turn under load."""
    first, bus = pair
    answered = 0
    stop = asyncio.Event()

    async def think() -> None:
        await asyncio.sleep(0.002)

    async def ask_on() -> None:
        nonlocal answered
        while not stop.is_set():
            await bus.request(FIND, ASK, FoundObjects)
            answered += 1

    async with (
        connect(BusSettings(nats_url), name="second") as second,
        serve(first, "objectstore", "objects", serve_find(think)),
    ):
        callers = [asyncio.create_task(ask_on()) for _ in range(20)]
        for _ in range(5):
            async with serve(second, "objectstore", "objects", serve_find(think)):
                begun = answered
                await eventually(lambda before=begun: answered > before + 100)
        stop.set()
        await asyncio.gather(*callers)


async def test_an_unreachable_bus_is_named_without_its_password() -> None:
    with nats_server() as url:
        gone = url.replace("://", f"://ada:{SECRET}@")
    with pytest.raises(Unavailable) as caught:
        async with connect(BusSettings(gone), name="cli"):
            pass
    assert url in caught.value.message
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


async def test_a_patient_service_waits_for_the_bus(tmp_path: Path) -> None:
    with start_nats(tmp_path, -1) as url:
        port = int(url.rpartition(":")[2])
    heard: list[str] = []
    waited = asyncio.Event()

    def report(event: str, **fields: str) -> None:
        heard.append(event)
        waited.set()

    async def join() -> bool:
        async with connect(BusSettings(url), name="refs", patient=True, report=report) as bus:
            return bus.connected

    joining = asyncio.create_task(join())
    await waited.wait()
    with start_nats(tmp_path, port):
        assert await joining
    assert set(heard) == {"bus.awaited"}


async def test_a_wrong_password_is_denied() -> None:
    with nats_server('authorization { user: "ada", password: "right" }') as url:
        wrong = url.replace("://", f"://ada:{SECRET}@")
        with pytest.raises(Denied) as caught:
            async with connect(BusSettings(wrong), name="cli", patient=True):
                pass
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "url", ["", "nats://", "nats://:x@:1", "nats://h:no", "nats://[::1", "h:1"]
)
async def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="URL"):
        async with connect(BusSettings(url), name="cli", patient=True):
            pass


PERMISSIONS = """
authorization { users = [ {
    user: ada, password: x, permissions: {
        publish: { allow: ["zg.ada.>"], deny: ["zg.ada.refs.move.heads.main.>"] }
        subscribe: { allow: ["_INBOX_ada.>"] }
} } ] }
"""


async def test_a_request_denied_by_the_bus_fails_as_denied() -> None:
    """The denial arrives separately from any reply, and with its subject in lower case."""
    zone = names.parse("0/25.2.0.192.in-addr.arpa.")
    with nats_server(PERMISSIONS) as url:
        settings = BusSettings(url.replace("://", "://ada:x@"))
        async with connect(settings, name="cli") as bus:
            subject = subjects.request("ada", "refs", "move", ref_names.branch(zone, "main"))
            with pytest.raises(Denied, match="=2F25"):
                await bus.request(subject, Done(), Done, timeout=60)
            with pytest.raises(Unavailable, match="no refs service"):
                await bus.request("zg.ada.refs.where", Done(), Done)
            with pytest.raises(Denied, match=r"zg\.events"):
                async with bus.subscribe(subjects.EVENTS, lambda subject, data: None):
                    pass


async def test_an_inbox_of_another_user_is_denied() -> None:
    elsewhere = PERMISSIONS.replace("_INBOX_ada", "_INBOX_eve")
    with nats_server(elsewhere) as url:
        settings = BusSettings(url.replace("://", "://ada:x@"))
        async with connect(settings, name="cli") as bus:
            for _ in range(2):
                with pytest.raises(Denied):
                    await bus.request("zg.ada.refs.where", Done(), Done, timeout=60)


async def test_waiting_requests_fail_when_the_bus_stops(tmp_path: Path) -> None:
    begun = asyncio.Event()
    release = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await release.wait()

    with start_nats(tmp_path, -1) as url:
        async with (
            bus_pair(url) as (served, bus),
            serve(served, "objectstore", "objects", serve_find(wait)),
        ):
            asking = asyncio.create_task(bus.request(FIND, ASK, FoundObjects, timeout=600))
            await begun.wait()
            signal_nats(tmp_path, signal.SIGKILL)
            with pytest.raises(Unavailable, match="was closed"):
                await asking
            with pytest.raises(Unavailable, match="was closed"):
                await bus.request(FIND, ASK, FoundObjects, timeout=600)
            await eventually(lambda: not bus.connected and not served.connected)
            release.set()


async def test_a_client_reconnects_to_its_bus_and_reports_a_gap(tmp_path: Path) -> None:
    heard: list[Heartbeat] = []
    gaps: list[int] = []

    def hear(subject: str, data: bytes) -> None:
        heard.append(codec.decode(data, Heartbeat))

    beat = Heartbeat(epoch="e", sequence=1, time=0.0)
    with start_nats(tmp_path, -1) as url:
        port = int(url.rpartition(":")[2])
        stack = connect(BusSettings(url), name="resolver")
        bus = await stack.__aenter__()
        bus.on_reconnect(lambda: gaps.append(1))
    try:
        with start_nats(tmp_path, port):
            await eventually(lambda: gaps == [1])
            async with bus.subscribe(subjects.HEARTBEAT, hear):
                await retry(lambda: bus.publish(subjects.HEARTBEAT, beat), Unavailable)
                await eventually(lambda: heard == [beat])
    finally:
        await stack.__aexit__(None, None, None)


async def test_a_subscription_outlives_a_reconnect(tmp_path: Path) -> None:
    heard: list[str] = []
    back = asyncio.Event()
    with start_nats(tmp_path, -1) as url:
        port = int(url.rpartition(":")[2])
        stack = connect(BusSettings(url), name="resolver")
        bus = await stack.__aenter__()
        bus.on_reconnect(back.set)
        listening = bus.subscribe("zg.served.>", lambda subject, data: heard.append(subject))
        await listening.__aenter__()
    try:
        with start_nats(tmp_path, port):
            await back.wait()
            await bus.publish("zg.served.=", Done())
            await eventually(lambda: heard == ["zg.served.="])
            await listening.__aexit__(None, None, None)
    finally:
        await stack.__aexit__(None, None, None)


async def test_an_overflowed_subscription_is_a_gap(pair: Pair) -> None:
    _, bus = pair
    gaps: list[int] = []
    bus.on_reconnect(lambda: gaps.append(1))
    overflow = nats.errors.SlowConsumerError("zg.events.x", "", 1, None)
    await bus.handle_error(overflow)
    assert gaps == [1]


async def test_a_repeated_denial_is_reported_once(nats_url: str) -> None:
    """A resolver announces itself every few seconds, even with a name that is not its user's."""
    reported: list[str | None] = []

    def report(event: str, **fields: str) -> None:
        if event == "bus.denied":
            reported.append(fields.get("subject"))

    async with connect(BusSettings(nats_url), name="test", report=report) as bus:
        for subject in ("zg.served.a._", "zg.served.a._", "zg.served.b._", "zg.served.a._"):
            denial = f'permissions violation for publish to "{subject}"'
            await bus.handle_error(nats.errors.Error(denial))
    assert reported == ["zg.served.a._", "zg.served.b._"]


async def test_a_connection_ended_by_the_bus_is_reported(tmp_path: Path) -> None:
    """The client sends a message beyond the limit of a reloaded configuration.

    The connection may end before the client has read the reason: then it reconnects, knows the new
    limit, and the test starts again.
    """

    def limit(octets: int) -> None:
        configure_nats(tmp_path, f"max_payload: {octets}")
        signal_nats(tmp_path, signal.SIGHUP)

    async def ends() -> bool:
        limit(1 << 20)
        async with connect(BusSettings(url), name="refs") as bus:
            connected_again = asyncio.Event()
            bus.on_reconnect(connected_again.set)
            if bus.client.max_payload == 1024:
                return False  # The bus has not read the configuration yet.
            limit(1024)
            while not (bus.closed.is_set() or connected_again.is_set()):
                with suppress(Unavailable):
                    await bus.send("zg.served.=", bytes(4096))
                await asyncio.sleep(0.01)
            return bus.closed.is_set()

    with start_nats(tmp_path, -1) as url:
        await eventually_true(ends)


async def test_a_user_removed_from_the_bus_is_reported_once(tmp_path: Path) -> None:
    known = "authorization { users = [ {user: ada, password: x}, {user: eve, password: y} ] }"
    heard: list[str] = []

    def report(event: str, **fields: str) -> None:
        heard.append(fields.get("error", event))

    with start_nats(tmp_path, -1, known) as url:
        settings = BusSettings(url.replace("://", "://ada:x@"))
        async with connect(settings, name="refs", report=report) as bus:
            configure_nats(tmp_path, known.replace("ada", "bob"))
            signal_nats(tmp_path, signal.SIGHUP)
            await eventually(lambda: "Authorization" in heard[-1] if heard else False)
            configure_nats(tmp_path, known)
            signal_nats(tmp_path, signal.SIGHUP)
            await eventually(lambda: bus.connected)
            await eventually(lambda: heard[-1] == "bus.regained")
    assert sum("Authorization" in text for text in heard) == 1


async def test_a_broadcast_gathers_every_answer(pair: Pair) -> None:
    served, bus = pair
    subject = subjects.resolvers("status")
    assert await bus.broadcast(subject, AskStatus(), Done, 5) == []
    async with AsyncExitStack() as stack:
        for _ in range(3):
            answering = answer_requests(served, subject, AskStatus, lambda asked: Done())
            await stack.enter_async_context(answering)

        async def all_are_heard() -> bool:
            return await bus.broadcast(subject, AskStatus(), Done, 0.5) == [Done()] * 3

        await eventually_true(all_are_heard)


async def test_a_service_is_discovered_while_it_serves(pair: Pair) -> None:
    served, bus = pair
    async with serve(served, "objectstore", "objects", serve_find(nothing)):

        async def is_found() -> bool:
            return [each.name for each in await discovery.ping(bus, 0.3)] == ["objectstore"]

        await eventually_true(is_found)
    assert await discovery.ping(bus, 0.1) == []


@pytest.mark.parametrize("lie", ["other", "forged", "nothing"])
async def test_a_wrong_object_of_the_store_is_detected(pair: Pair, lie: str) -> None:
    served, bus = pair
    wanted, other = encode(Symref("refs/a")), encode(Symref("refs/b"))
    sent = {
        "other": [other],
        "forged": [RawObject(wanted.id, "symref", other.payload)],
        "nothing": [],
    }

    async def get(request: Request, message: GetObjects) -> GotObjects:
        return GotObjects(objects=sent[lie])

    async with serve(served, "objectstore", "objects", {"get": Endpoint(OBJECTS["get"], get)}):
        with pytest.raises(Corrupt):
            await RemoteObjects(bus, "ada").get([wanted.id])


@pytest.mark.parametrize("lie", ["other", "forged", "nothing", "no commit"])
async def test_a_history_with_unrequested_commits_is_refused(
    pair: tuple[Bus, Bus], lie: str
) -> None:
    served, bus = pair
    graph = chain(2)
    wanted, other = graph.raws
    blob = BASE.objects[0]
    tip = CommitId(blob.id) if lie == "no commit" else graph.ids[0]
    sent = {
        "other": [other],
        "forged": [wanted, RawObject(graph.ids[1], "commit", wanted.payload)],
        "nothing": [],
        "no commit": [blob],
    }

    async def history(request: Request, message: HistoryOf) -> CommitHistory:
        return CommitHistory(commits=[Dated(raw, 7) for raw in sent[lie]])

    endpoints: Endpoints = {"history": Endpoint(OBJECTS["history"], history)}
    async with serve(served, "objectstore", "objects", endpoints):
        with pytest.raises(Corrupt):
            await RemoteObjects(bus, "ada").history([tip], 9)


async def test_a_flood_of_status_requests_leaves_most_time_to_other_work(
    nats_url: str,
) -> None:
    """A resolver answers DNS queries in the same process as status requests."""
    answered = 0

    def answer(asked: AskStatus) -> Done:
        nonlocal answered
        answered += 1
        time.sleep(0.001)
        return Done()

    subject, question = subjects.resolver("ns1", "status"), AskStatus(zone=names.ROOT)
    settings = BusSettings(nats_url)
    async with (
        connect(settings, name="ns1") as served,
        connect(settings, name="ada") as bus,
        answer_requests(served, subject, AskStatus, answer),
    ):
        for _ in range(2_000):
            await bus.client.publish(subject, codec.encode(question), reply="_INBOX.ada.1.2")
        await bus.flush()
        for _ in range(3):  # A cycle of the loop answers at most one request.
            before = answered
            await asyncio.sleep(0)
            assert answered - before <= 1
        while True:
            with suppress(Unavailable):
                await bus.request(subject, question, Done, timeout=1)
                break
        assert answered < 2_000
