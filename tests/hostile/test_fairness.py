"""A greedy actor sends as many requests to the stores as it can, with a client of its own.

The tests check how many of its requests are served before those of others, never times.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from tests.support import commits
from tests.support.graphs import chain
from tests.support.nats import nats_server
from tests.support.remote_stores import objects_of
from tests.support.waiting import eventually, open_in_task

from zonegit.bus import Bus, RemoteObjects, RemoteRefs, connect, headers
from zonegit.bus.endpoints import Endpoint, Endpoints, RequestHandler
from zonegit.bus.lanes import MAX_RUNNING_OF_OPERATOR, OPERATORS, READ, SERVICES, SLOW, WRITE, Lanes
from zonegit.bus.service import serve
from zonegit.config import BusSettings
from zonegit.objects.codec import encode
from zonegit.objects.model import Doc
from zonegit.store import ref_names
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent, Exactly
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    AskSnapshot,
    ChangeInfo,
    CommitHistory,
    FailureReply,
    GetObjects,
    GotObjects,
    HistoryOf,
    Judge,
    ListedObjects,
    ListObjects,
    Move,
)
from zonegit.wire.subjects import Request
from zonegit.zone import names
from zonegit_objectstore import handlers as objectstore
from zonegit_objectstore.sql.objects import open_objects
from zonegit_refs.handlers import DEPTHS, RefHandlers
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.legacy.adopter import LegacyAdopter
from zonegit_refs.sql.refs import open_refs

ZONE = names.parse("foo.com.")
MAIN = ref_names.branch(ZONE, "main")
LIST = codec.encode(ListObjects())
FLOOD = 2_000
"""Requests: 2,000 octets of messages, as it happens."""
OBJECTS = 2_500
PER_ACTOR = 128


@dataclass
class StoresHarness:
    """Both stores on a bus of their own, with a log of the requests that they serve."""

    url: str
    bus: Bus
    objects: Lanes
    refs: Lanes
    log: "RequestLog"

    def waiting(self, lane: str = READ) -> int:
        """Return how many requests of operators wait at the object store."""
        return self.objects.gates[lane].waiting()[OPERATORS]


@dataclass
class RequestLog:
    """The requests served so far, by service and actor. Those of greedy actors wait for ``go``."""

    served: list[tuple[str, str]] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, service: str, actor: str) -> int:
        return self.served.count((service, actor))


def log_requests(service: str, endpoints: Endpoints, log: RequestLog) -> Endpoints:
    """Return endpoints that note the actor of each request."""

    def counting(answer: RequestHandler) -> RequestHandler:
        async def count(request: Request, message: object) -> object:
            if request.actor.startswith("greedy"):
                await log.go.wait()
            reply = await answer(request, message)
            log.served.append((service, request.actor))
            return reply

        return count

    return {
        name: Endpoint(endpoint.verb, counting(endpoint.answer))
        for name, endpoint in endpoints.items()
    }


@asynccontextmanager
async def run_stores(folder: Path) -> AsyncIterator[StoresHarness]:
    log = RequestLog()
    async with AsyncExitStack() as stack:
        url = stack.enter_context(nats_server())
        settings = BusSettings(url)
        bus, asking = [
            await stack.enter_async_context(connect(settings, name=name))
            for name in ("services", "caller")
        ]
        objects = await stack.enter_async_context(open_objects(folder / "objects.sqlite3"))
        await objects.put([encode(Doc({"n": n})) for n in range(OBJECTS)])
        endpoints = log_requests("objects", objectstore.ObjectHandlers(objects).endpoints(), log)
        lanes = await stack.enter_async_context(
            serve(bus, "objectstore", "objects", endpoints, objectstore.DEPTHS)
        )
        refs = await stack.enter_async_context(open_refs(folder / "refs.sqlite3"))
        asked = objects_of(bus, "refs")
        keeper = RefKeeper(refs, asked, lambda *_: None)
        handlers = RefHandlers(keeper, LegacyAdopter(refs, keeper, asked)).endpoints()
        of_refs = await stack.enter_async_context(
            serve(bus, "refs", "refs", log_requests("refs", handlers, log), DEPTHS)
        )
        yield StoresHarness(url, asking, lanes, of_refs, log)


@pytest_asyncio.fixture
async def harness(tmp_path: Path) -> AsyncIterator[StoresHarness]:
    async with open_in_task(run_stores(tmp_path)) as made:
        yield made


class GreedyClient:
    """A client that only sends; ``answers`` counts the replies by code."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self.answers: Counter[str] = Counter()

    async def listen(self) -> None:
        await self._client.subscribe(f"{self._inbox}.*", cb=self._take)

    async def _take(self, message: Msg) -> None:
        found = message.headers or {}
        failed = headers.FAILED in found
        self.answers[codec.decode(message.data, FailureReply).code if failed else "ok"] += 1

    async def send(self, subject: str, octets: bytes, count: int) -> None:
        for number in range(count):
            await self._client.publish(subject, octets, reply=f"{self._inbox}.{number}")
        await self._client.flush()


@asynccontextmanager
async def connect_greedy(url: str, actor: str = "greedy") -> AsyncIterator[GreedyClient]:
    client = await nats.connect(url, inbox_prefix=f"_INBOX.{actor}")
    greedy = GreedyClient(client)
    await greedy.listen()
    yield greedy
    await client.close()


def origin(actor: str, operation: str) -> Origin:
    return Origin(actor, "test", operation * 32)


async def test_requests_beyond_the_bound_are_refused_and_the_rest_is_answered(
    harness: StoresHarness,
) -> None:
    """Requests of 2,000 octets in all kept the store busy for 53 s: now it serves 130 of them."""
    async with connect_greedy(harness.url) as greedy:
        await greedy.send("zg.greedy.objects.list", LIST, FLOOD)
        await eventually(lambda: greedy.answers.total() == FLOOD - PER_ACTOR - 2)
        assert set(greedy.answers) == {"unavailable"}
        harness.log.go.set()
        await eventually(lambda: greedy.answers.total() == FLOOD)
        assert greedy.answers["ok"] == PER_ACTOR + 2


async def test_a_greedy_actor_does_not_delay_another_operator_or_a_resolver(
    harness: StoresHarness,
) -> None:
    """Each of their requests overtakes all except the running ones."""
    made = commits.commit(ZONE, 1, hosts=3)
    ids = [raw.id for raw in made.objects]
    ada, resolver, refs = (
        RemoteObjects(harness.bus, actor, timeout=120) for actor in ("ada", "resolver", "refs")
    )
    await ada.put(made.objects)
    harness.log.served.clear()
    async with connect_greedy(harness.url) as greedy, asyncio.TaskGroup() as group:
        await greedy.send("zg.greedy.objects.list", LIST, FLOOD)
        await eventually(lambda: greedy.answers.total() == FLOOD - PER_ACTOR - 2)
        for asking in (ada.get(ids), resolver.get(ids), refs.get(ids), ada.find("0000")):
            group.create_task(asking)
        gate = harness.objects.gates[READ]
        await eventually(lambda: gate.waiting() == {OPERATORS: PER_ACTOR + 2, SERVICES: 2})
        harness.log.go.set()
    order = [actor for _, actor in harness.log.served]
    assert order[:8].count("greedy") <= 4
    assert {"ada", "resolver", "refs"} <= set(order[:8])


async def test_a_greedy_actor_with_a_full_queue_can_still_move_a_ref(
    harness: StoresHarness,
) -> None:
    """The reads of refs for their move are not refused, and go first."""
    made, then = commits.commit(ZONE, 1, hosts=30), commits.commit(ZONE, 2, hosts=31)
    objects = RemoteObjects(harness.bus, "ada", timeout=120)
    refs = RemoteRefs(harness.bus, "ada", timeout=120)
    await objects.put([*made.objects, *then.objects])
    await refs.register(ZONE, origin("ada", "a"))
    await refs.move(MAIN, Absent(), made.id, origin("ada", "b"))
    async with connect_greedy(harness.url) as greedy:
        await greedy.send("zg.greedy.objects.list", LIST, FLOOD)
        await eventually(lambda: greedy.answers.total() == FLOOD - PER_ACTOR - 2)
        moving = asyncio.create_task(
            RemoteRefs(harness.bus, "greedy", timeout=120).move(
                MAIN, Exactly(made.id), then.id, origin("greedy", "c")
            )
        )
        harness.log.go.set()
        await moving


async def test_the_ref_store_is_shared_fairly_too(harness: StoresHarness) -> None:
    refs = RemoteRefs(harness.bus, "ada", timeout=120)
    ask = codec.encode(AskSnapshot())
    async with connect_greedy(harness.url) as greedy:
        await greedy.send("zg.greedy.refs.snapshot", ask, FLOOD)
        await eventually(lambda: greedy.answers["unavailable"] > FLOOD / 2)
        await refs.where("ada")
        assert harness.log.count("refs", "greedy") == 0
        harness.log.go.set()
        await eventually(lambda: greedy.answers.total() == FLOOD)
        assert harness.log.count("refs", "greedy") == greedy.answers["ok"] < FLOOD / 2


WHY = ChangeInfo(command="set", operation=16 * "o")


@pytest.mark.parametrize(
    ("lane", "verb", "message"),
    [
        (WRITE, "move", Move(expected=Absent(), new=encode(Doc({})).id, why=WHY)),
        (SLOW, "judge", Judge(expected=Absent(), new=encode(Doc({})).id, why=WHY)),
    ],
)
async def test_judgements_of_two_actors_do_not_block_reads_and_moves_of_others(
    harness: StoresHarness, lane: str, verb: str, message: Move | Judge
) -> None:
    """Two actors occupied all places of operators."""
    made = commits.commit(ZONE, 1, hosts=3)
    refs = RemoteRefs(harness.bus, "ada", timeout=120)
    await RemoteObjects(harness.bus, "ada", timeout=120).put(made.objects)
    async with AsyncExitStack() as stack:
        for actor in ("greedy", "greedy-2"):
            client = await stack.enter_async_context(connect_greedy(harness.url, actor))
            subject = subjects.request(actor, "refs", verb, MAIN)
            await client.send(subject, codec.encode(message), 50)
        gate = harness.refs.gates[lane]
        await eventually(lambda: gate.running + gate.waiting()[OPERATORS] == 100)
        assert gate.running == 2 * MAX_RUNNING_OF_OPERATOR
        await refs.where("ada")
        await refs.register(ZONE, origin("ada", "a"))
        await refs.judge(MAIN, Absent(), made.id, origin("ada", "b"))
        await refs.move(MAIN, Absent(), made.id, origin("ada", "b"))
        assert harness.log.count("refs", "greedy") == 0
        harness.log.go.set()


async def test_a_single_actor_is_limited_only_by_the_queue(harness: StoresHarness) -> None:
    """An export of a million names makes thousands of requests, and none is refused."""
    ada = objects_of(harness.bus, "ada")
    page = [object_id for object_id, _ in await ada.list_page()]
    for _ in range(5 * PER_ACTOR):
        await ada.get(page[:1])
    assert harness.objects.gates[READ].refused[OPERATORS] == 0


@pytest.mark.parametrize("verb", ["list", "get", "history"])
async def test_no_request_is_answered_with_more_than_a_batch(
    harness: StoresHarness, verb: str
) -> None:
    """A fair queue does not interrupt, so each request has little work."""
    ada = objects_of(harness.bus, "ada")
    graph = chain(1_100)
    await ada.put(graph.objects())
    ids = [object_id for object_id, _ in await ada.list_page()]
    assert len(ids) == 1_024
    ids += [object_id for object_id, _ in await ada.list_page(ids[-1])]
    subject = f"zg.ada.objects.{verb}"
    match verb:
        case "list":
            listed = await harness.bus.request(subject, ListObjects(), ListedObjects)
            assert len(listed.objects) == 1_024
        case "get":
            got = await harness.bus.request(subject, GetObjects(ids=ids), GotObjects)
            assert len(got.objects) == objectstore.GET_BATCH
        case _:
            asked = HistoryOf(tips=[graph.ids[-1]], limit=1_024)
            history = await harness.bus.request(subject, asked, CommitHistory)
            assert len(history.commits) == objectstore.HISTORY_BATCH
