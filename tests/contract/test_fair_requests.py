"""The queue in front of a service, over a real bus: order, refusals, and charges.

The tests check order and counts, never times.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import nats
import pytest
from nats.aio.client import Client
from tests.support.waiting import DEADLINE_S, eventually

from zonegit.bus import Bus, headers
from zonegit.bus.endpoints import Endpoint
from zonegit.bus.lanes import DEFAULT_LANE, OPERATORS, SERVICES
from zonegit.bus.service import serve
from zonegit.errors import Busy, Unavailable
from zonegit.fairness.gate import Gate
from zonegit.wire import codec, failures, verbs
from zonegit.wire.messages import FailureReply, FindObjects, FoundObjects
from zonegit.wire.subjects import Request

Pair = tuple[Bus, Bus]
ASK = FindObjects(prefix="0000")
GREEDY, MODEST, RESOLVER = (f"zg.{who}.objects.find" for who in ("greedy", "modest", "resolver"))
PER_ACTOR = 128
SOON_S = 0.5
"""The timeout of a request that is refused until then."""
FIND = verbs.of_service("objects")["find"]


class HeldService:
    """A service with one worker, which answers after ``go`` and notes the actors."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.go = asyncio.Event()
        self.gate: Gate | None = None

    def waiting(self, share: str) -> int:
        assert self.gate is not None
        return self.gate.waiting()[share]

    async def find(self, request: Request, message: FindObjects) -> FoundObjects:
        await self.go.wait()
        self.answered.append(request.actor)
        return FoundObjects(objects=[])


@asynccontextmanager
async def run_service(served: Bus) -> AsyncIterator[HeldService]:
    service = HeldService()
    endpoints = {"find": Endpoint(FIND, service.find)}
    async with serve(served, "objectstore", "objects", endpoints, {DEFAULT_LANE: 1}) as lanes:
        service.gate = lanes.gates[DEFAULT_LANE]
        yield service


@asynccontextmanager
async def connect_by_hand(url: str, actor: str = "greedy") -> AsyncIterator[Client]:
    """Connect a client independent of this library, with the inbox of an actor."""
    client = await nats.connect(url, inbox_prefix=f"_INBOX.{actor}")
    yield client
    await client.close()


async def flood(client: Client, count: int, **more: str) -> list[FailureReply]:
    """Send ``count`` requests as greedy, and return the failures as they arrive."""
    inbox = client.new_inbox() + ".all"
    failed: list[FailureReply] = []

    async def take(message: nats.aio.msg.Msg) -> None:
        if headers.FAILED in (message.headers or {}):
            failed.append(codec.decode(message.data, FailureReply))

    await client.subscribe(inbox, cb=take)
    for _ in range(count):
        await client.publish(GREEDY, codec.encode(ASK), reply=inbox, headers=more or None)
    await client.flush()
    return failed


async def test_one_actor_does_not_keep_another_waiting_for_its_queue(
    nats_url: str, pair: Pair
) -> None:
    served, bus = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        failed = await flood(client, 1_000)
        await eventually(lambda: len(failed) == 1_000 - PER_ACTOR - 1)
        modest = asyncio.create_task(bus.request(MODEST, ASK, FoundObjects))
        await eventually(lambda: service.waiting(OPERATORS) == PER_ACTOR + 1)
        service.go.set()
        await modest
        assert service.answered.index("modest") <= 2


async def test_services_pass_any_number_of_operators(nats_url: str, pair: Pair) -> None:
    served, bus = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        for number in range(20):
            for _ in range(10):
                await client.publish(f"zg.op{number}.objects.find", codec.encode(ASK))
        await client.flush()
        await eventually(lambda: service.waiting(OPERATORS) == 199)
        reading = asyncio.create_task(bus.request(RESOLVER, ASK, FoundObjects))
        await eventually(lambda: service.waiting(SERVICES) == 1)
        service.go.set()
        await reading
        assert service.answered.index("resolver") <= 2


async def test_a_sender_of_the_previous_release_gets_a_code_that_it_knows(
    nats_url: str, pair: Pair
) -> None:
    served, _ = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        failed = await flood(client, PER_ACTOR + 10)
        await eventually(lambda: len(failed) == 9)
        assert {each.code for each in failed} == {Unavailable.code}
        failed = await flood(client, 10, **{headers.ATTEMPT: "1"})
        await eventually(lambda: len(failed) == 10)
        assert {each.code for each in failed} == {Busy.code}
        assert all(int(each.details["retry_after_ms"]) > 0 for each in failed)
        service.go.set()


async def test_a_sender_of_the_previous_release_knows_the_code_for_a_busy_service_behind_another(
    nats_url: str, pair: Pair
) -> None:
    """For example the store that the service queries, or a queue of its own."""

    async def find(request: Request, message: FindObjects) -> FoundObjects:
        raise Busy("too many wait already")

    served, _ = pair
    endpoints = {"find": Endpoint(FIND, find)}
    async with (
        serve(served, "objectstore", "objects", endpoints),
        connect_by_hand(nats_url) as client,
    ):
        for more, code in (({}, Unavailable.code), ({headers.ATTEMPT: "1"}, Busy.code)):
            reply = await client.request(GREEDY, codec.encode(ASK), 60, headers=more or None)
            assert reply.headers is not None
            assert reply.headers[headers.FAILED] == code
            assert codec.decode(reply.data, FailureReply).code == code


async def test_requests_to_a_busy_service_are_retried_until_it_answers(
    nats_url: str, pair: Pair
) -> None:
    served, bus = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        failed = await flood(client, PER_ACTOR + 10)
        await eventually(lambda: len(failed) == 9)
        asking = asyncio.create_task(bus.request(GREEDY, ASK, FoundObjects, timeout=60))
        refused = len(failed)
        assert service.gate is not None
        await eventually(lambda: service.gate.refused[OPERATORS] > refused)
        service.go.set()
        assert await asking == FoundObjects(objects=[])


async def test_a_service_that_stays_busy_is_reported_as_busy(nats_url: str, pair: Pair) -> None:
    served, bus = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        failed = await flood(client, PER_ACTOR + 10)
        await eventually(lambda: len(failed) == 9)
        with pytest.raises(Busy, match="requests of greedy"):
            await request_until_answered(bus)
        service.go.set()


async def test_a_client_that_was_late_after_a_refusal_reports_the_refusal(
    nats_url: str, pair: Pair
) -> None:
    """The event loop does not run while the request waits to be sent again."""
    served, bus = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        failed = await flood(client, PER_ACTOR + 10)
        await eventually(lambda: len(failed) == 9)
        assert service.gate is not None
        gate = service.gate

        async def be_late() -> None:
            while True:
                refused = gate.refused[OPERATORS]
                await eventually(lambda refused=refused: gate.refused[OPERATORS] > refused)
                await asyncio.sleep(0.01)
                asyncio.get_running_loop().call_soon(time.sleep, SOON_S + 0.1)

        being_late = asyncio.create_task(be_late())
        with pytest.raises(Busy, match="requests of greedy"):
            await request_until_answered(bus)
        being_late.cancel()
        service.go.set()


async def request_until_answered(bus: Bus) -> None:
    """Repeat a request with a short timeout while its answers come too late: the last attempt has
    the rest of the timeout, which may be too short for any answer."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await bus.request(GREEDY, ASK, FoundObjects, timeout=SOON_S)
            except Busy:
                raise
            except Unavailable:
                continue


async def test_a_request_that_waits_past_its_deadline_leaves_the_queue(
    nats_url: str, pair: Pair
) -> None:
    served, bus = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        soon = {headers.DEADLINE: f"{time.time() + 0.2:.3f}"}
        failed = await flood(client, 50, **soon)
        await eventually(lambda: len(failed) == 50)
        service.go.set()
        await bus.request(MODEST, ASK, FoundObjects)
        assert "greedy" not in service.answered


async def test_a_deadline_that_is_not_a_number_is_ignored(nats_url: str, pair: Pair) -> None:
    served, _ = pair
    async with run_service(served) as service, connect_by_hand(nats_url, "modest") as client:
        service.go.set()
        for text in ("nan", "inf", "-", ""):
            reply = await client.request(
                MODEST, codec.encode(ASK), 5, headers={headers.DEADLINE: text}
            )
            assert codec.decode(reply.data, FoundObjects) == FoundObjects(objects=[])


async def test_reads_of_refs_for_an_actor_are_charged_to_it_and_never_refused(
    nats_url: str, pair: Pair
) -> None:
    """It precedes the actor's own requests, and does not wait for another actor's."""
    served, _ = pair
    async with (
        run_service(served) as service,
        connect_by_hand(nats_url) as client,
        connect_by_hand(nats_url, "refs") as refs,
    ):
        failed = await flood(client, PER_ACTOR + 10)
        await eventually(lambda: len(failed) == 9)
        charged = refs.request(
            "zg.refs.objects.find", codec.encode(ASK), 60, headers={headers.ON_BEHALF: "greedy"}
        )
        reading = asyncio.create_task(charged)
        await eventually(lambda: service.waiting(OPERATORS) == PER_ACTOR + 1)
        service.go.set()
        reply = await reading
        assert headers.FAILED not in (reply.headers or {})
        assert service.answered.index("refs") <= 1


async def test_an_operator_cannot_charge_another(nats_url: str, pair: Pair) -> None:
    served, _ = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        claims = {headers.ON_BEHALF: "modest"}
        failed = await flood(client, PER_ACTOR + 10, **claims)
        await eventually(lambda: len(failed) == 9)
        assert "greedy" in failed[0].message
        service.go.set()


async def test_requests_of_a_service_carry_the_original_actor_and_deadline(
    nats_url: str, pair: Pair
) -> None:
    served, bus = pair
    seen: list[dict[str, str]] = []

    async def find(request: Request, message: FindObjects) -> FoundObjects:
        return await served.request("zg.refs.objects.find", ASK, FoundObjects, timeout=60)

    async def take(message: nats.aio.msg.Msg) -> None:
        seen.append(dict(message.headers or {}))
        await client.publish(message.reply, codec.encode(FoundObjects(objects=[])))

    endpoints = {"find": Endpoint(FIND, find)}
    async with connect_by_hand(nats_url) as client:
        await client.subscribe("zg.refs.objects.find", cb=take)
        await client.flush()
        async with serve(served, "refs", "refs", endpoints):
            before = time.time()
            await bus.request("zg.ada.refs.find", ASK, FoundObjects, timeout=20)
    assert seen[0][headers.ON_BEHALF] == "ada"
    assert float(seen[0][headers.DEADLINE]) <= before + 21


async def test_statistics_of_a_service_count_waiting_and_refused_requests(
    nats_url: str, pair: Pair
) -> None:
    served, _ = pair
    async with run_service(served) as service, connect_by_hand(nats_url) as client:
        failed = await flood(client, PER_ACTOR + 10)
        await eventually(lambda: len(failed) == 9)
        reply = await client.request("$SRV.STATS.objectstore", b"", 60)
        (shown,) = msgspec.json.decode(reply.data)["endpoints"]
        assert shown["data"]["waiting"] == {f"any.{OPERATORS}": PER_ACTOR, f"any.{SERVICES}": 0}
        assert shown["data"]["busy"] == {f"any.{OPERATORS}": 9, f"any.{SERVICES}": 0}
        service.go.set()


def test_an_unknown_error_code_counts_as_a_bug() -> None:
    """This is why a sender states that it understands ``busy``."""
    assert failures.to_error(FailureReply(code="later", message="m")).code == "internal"
    assert isinstance(failures.to_error(FailureReply(code="busy", message="m")), Busy)
