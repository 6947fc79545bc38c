"""Answer requests: a task each, in the order of fair queues; none is lost when the service stops.

The requests come through one subscription: the endpoints of ``nats.micro`` discard what is on its
way when they stop, run one request after the other, and reply wherever a request wants it. Here a
request that wants its reply outside of its sender's inbox is not carried out (:mod:`.replies`).
"""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from zonegit import release
from zonegit.bus import discovery, headers
from zonegit.bus.connection import Bus
from zonegit.bus.lanes import DEFAULT_DEPTHS, READ, SLOW, WRITE, Lanes, QueuePlace
from zonegit.containment import isolate
from zonegit.errors import Busy, Internal, Invalid, Unavailable, ZonegitError
from zonegit.fairness import meter as metering
from zonegit.fairness.gate import Turn
from zonegit.fairness.meter import Meter
from zonegit.wire import codec, failures, subjects, verbs
from zonegit.wire.subjects import Request
from zonegit.wire.verbs import Verb

M = TypeVar("M", bound=msgspec.Struct)

MAX_REQUEST_S: Final = 30.0
"""Seconds a request runs at most, whatever its sender says."""

REFUSAL_INTERVAL_S: Final = 1.0
"""Seconds between two lines of the log about refused requests."""
MAX_REFUSALS: Final = 4_096
"""Requests that are answered ``busy`` in that time. More of them are dropped: a client that sends
so many does not wait for answers."""

PAUSE_FACTOR: Final = 9
"""How many times as long as an answer took the next question waits, on a subject that has no fair
queue: whatever is asked, nine tenths of the process's time are left to its other work."""
MAX_PAUSE_S: Final = 1.0
MAX_QUESTIONS: Final = 256
"""Such questions that wait; while there are more, those whose turn it is are dropped."""

STOP_TIMEOUT_S: Final = 10.0
"""Seconds that running requests have to finish when the service stops."""

_SEMVER: Final = re.compile(r"\d+\.\d+\.\d+")

log = structlog.get_logger()


RequestHandler = Callable[[Request, Any], Awaitable[msgspec.Struct]]
"""Takes a request and its message, returns the reply; cancelled when the sender has given up."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A verb, and how it is answered."""

    verb: Verb
    answer: RequestHandler


Endpoints = Mapping[str, Endpoint]


def endpoints_of(service: str, answers: Mapping[str, RequestHandler]) -> Endpoints:
    """Return the endpoints of a service: every verb of it in the table (:mod:`zonegit.wire.verbs`).

    Raises:
        KeyError: a verb has no answer, or an answer no verb.
    """
    table = verbs.of_service(service)
    return {name: Endpoint(table[name], answers[name]) for name in table.keys() | answers.keys()}


@asynccontextmanager
async def serve(
    bus: Bus,
    name: str,
    service: str,
    endpoints: Endpoints,
    depths: Mapping[str, int] = DEFAULT_DEPTHS,
) -> AsyncIterator[Lanes]:
    """Answers requests from entry to exit. ``name`` is what ``$SRV.PING`` shows, ``service`` the
    token in the subjects, ``depths`` how many requests each lane runs at a time.

    Leaving it stops taking requests, then waits for those at hand.

    Raises:
        Denied: the bus does not let this user serve.
        Unavailable: no bus.
    """
    lanes = Lanes(depths, {name: _choose_lane(each.verb) for name, each in endpoints.items()})
    dispatcher = Dispatcher(bus, endpoints, lanes)
    subject = f"{subjects.ROOT}.*.{service}.>"
    async with AsyncExitStack() as stack:
        stack.push_async_callback(dispatcher.finish)
        try:
            taking = await bus.client.subscribe(subject, queue=name, cb=dispatcher.take)
            stack.push_async_callback(_stop, bus, taking)
            await bus.wait_subscribed(subject)
            shown = discovery.EndpointInfo(service, subject, name)
            described = {"subject": subject, "verbs": " ".join(endpoints)}
            answering = discovery.answer(
                bus, _make_identity(name), shown, described, dispatcher.statistics
            )
            await stack.enter_async_context(answering)
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"the bus {bus.url_shown} is gone") from error
        yield lanes


def _choose_lane(verb: Verb) -> str:
    if verb.right.mutates:
        return WRITE
    return SLOW if verb.is_slow else READ


def _make_identity(name: str) -> discovery.ServiceInstance:
    semver = _SEMVER.match(release())
    return discovery.ServiceInstance(
        name, secrets.token_hex(11), semver.group() if semver else "0.0.0"
    )


async def _stop(bus: Bus, taking: Subscription) -> None:
    """Take no more requests."""
    try:
        if bus.connected:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await taking.drain()  # type: ignore[no-untyped-call]
    except (nats.errors.Error, OSError) as error:
        log.warning("service.stopped-badly", error=str(error) or repr(error))


@asynccontextmanager
async def answer_requests(
    bus: Bus, subject: str, message: type[M], answer: Callable[[M], msgspec.Struct | None]
) -> AsyncIterator[None]:
    """Answer what is asked on one subject, from entry to exit.

    Every operator may ask, as often as they like, so a resolver's other work comes first.

    Args:
        bus: where it is asked.
        subject: the subject of the question.
        message: the question.
        answer: returns the answer at once; None: there is none.

    Raises:
        Denied: the bus does not let this user listen there.
        Unavailable: no bus.
    """

    subscription: Subscription | None = None

    async def take(asked: Msg) -> None:
        began = time.perf_counter()
        waiting = subscription.pending_msgs if subscription is not None else 0
        if waiting <= MAX_QUESTIONS and bus.replies.allows(asked.subject, asked.reply):
            with isolate("request", subject=subject):
                await give(asked)
        took_s = time.perf_counter() - began
        await asyncio.sleep(min(PAUSE_FACTOR * took_s, MAX_PAUSE_S))

    async def give(asked: Msg) -> None:
        reply = answer(codec.decode(asked.data, message)) if asked.reply else None
        if reply is not None:
            await bus.send(asked.reply, codec.encode(reply))

    try:
        subscription = await bus.client.subscribe(subject, cb=take)
        await bus.wait_subscribed(subject)
    except (nats.errors.Error, OSError) as error:
        raise Unavailable(f"the bus {bus.url_shown} is gone") from error
    try:
        yield
    finally:
        with suppress(nats.errors.Error, OSError):
            await subscription.unsubscribe()


class Dispatcher:
    """Runs each request as a task and sees that each is answered exactly once."""

    def __init__(self, bus: Bus, endpoints: Endpoints, lanes: Lanes) -> None:
        self._bus = bus
        self._endpoints = endpoints
        self._lanes = lanes
        self._running: set[asyncio.Task[None]] = set()
        self._refused = RefusalLog()
        self._answered = 0
        self._failed = 0
        self._took_s = 0.0

    def statistics(self) -> dict[str, Any]:
        """Return the figures that ``$SRV.STATS`` shows; times in nanoseconds."""
        took_ns = int(self._took_s * 1e9)
        return {
            "num_requests": self._answered,
            "num_errors": self._failed,
            "last_error": "",
            "processing_time": took_ns,
            "average_processing_time": took_ns // max(1, self._answered),
            "data": {"refused_replies": self._bus.replies.refused, **self._lanes.figures()},
        }

    async def take(self, message: Msg) -> None:
        """Start a request, which waits for its turn; refuse it where too many do. One whose
        reply may not go where it wants it is not carried out."""
        if not self._bus.replies.allows(message.subject, message.reply):
            return
        found = message.headers or {}
        place = self._lanes.place(message.subject, found, len(message.data))
        if place.is_full():
            busy = place.gate.refuse(place.share, place.actor)
            if not self._refused.is_flood():
                await self._refuse(message, place, busy)
        else:
            task = asyncio.create_task(self._run_apart(message, place))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await asyncio.sleep(0)  # many messages at once do not keep the running ones waiting

    async def _run_apart(self, message: Msg, place: QueuePlace) -> None:
        with isolate("request"):
            await self._run(message, place)

    async def _run(self, message: Msg, place: QueuePlace) -> None:
        """Answer a request once its turn has come, and charge its actor for the time taken."""
        left = headers.remaining_s(message.headers or {}, MAX_REQUEST_S)
        turn = place.start() if left > 0 else None
        if turn is None:
            turn = await self._wait(message, place, left)
            if turn is None:
                return
        meter = Meter(partial(place.gate.charge, turn))
        headers.BEHALF.set(headers.OriginalRequest(place.actor, time.time() + left))
        try:
            await metering.run(self._handle(message), meter)
        finally:
            place.gate.leave(turn, meter.close())

    async def _wait(self, message: Msg, place: QueuePlace, left: float) -> Turn | None:
        """Wait for a request's turn; None: it was answered that there is none, or not in time."""
        try:
            async with asyncio.timeout(left):
                if left > 0:
                    return await place.enter()
        except TimeoutError:
            pass
        except Busy as busy:
            await self._refuse(message, place, busy)
            return None
        late = _late_error()
        await self._reply(message, failures.to_message(late), late.code)
        return None

    async def _refuse(self, message: Msg, place: QueuePlace, busy: Busy) -> None:
        """Answers that there is too much to do."""
        self._refused.note(place.actor, place.share)
        await self._fail(message, busy)

    async def _fail(self, message: Msg, error: ZonegitError) -> None:
        """Answers with an error; ``busy`` to one that does not know it, with the code that it knows
        for what may pass."""
        known = not isinstance(error, Busy) or headers.understands_busy(message.headers or {})
        code = error.code if known else Unavailable.code
        failure = msgspec.structs.replace(failures.to_message(error), code=code)
        await self._reply(message, failure, code)

    async def finish(self) -> None:
        """Waits for the requests that run, and cancels those that take too long."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=STOP_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _handle(self, message: Msg) -> None:
        started = time.perf_counter()
        fields: dict[str, object] = {"subject": message.subject[:300]}
        try:
            reply = await self._answer(message, fields)
        except ZonegitError as error:
            fields |= {"outcome": error.code, "error": error.message}
            await self._fail(message, error)
        except Exception as error:  # a bug: told apart from failures, and found by its id
            log_id = secrets.token_hex(6)
            fields |= {"outcome": Internal.code, "log_id": log_id, "exc_info": error}
            bug = Internal(
                "the service failed in a way it should not",
                hint=f"its log has the reason under log_id {log_id}",
                log_id=log_id,
            )
            await self._reply(message, failures.to_message(bug), bug.code)
        else:
            fields["outcome"] = "ok"
            await self._reply(message, reply, None)
        took_s = time.perf_counter() - started
        self._answered += 1
        self._failed += fields["outcome"] != "ok"
        self._took_s += took_s
        fields["duration_ms"] = round(took_s * 1000, 2)
        write = log.error if fields["outcome"] == Internal.code else log.debug
        write("request.answered", **fields)

    async def _answer(self, message: Msg, fields: dict[str, object]) -> msgspec.Struct:
        found = message.headers or {}
        fields["request_id"] = headers.read_request_id(found)
        request = subjects.parse_request(message.subject)
        fields |= {"actor": request.actor, "verb": request.verb}
        endpoint = self._endpoints.get(request.verb)
        if endpoint is None:
            raise Invalid(f"{request.service} knows no verb {request.verb!r}")
        endpoint.verb.check_form(request)
        asked = codec.decode(message.data, endpoint.verb.message)
        try:
            async with asyncio.timeout(headers.remaining_s(found, MAX_REQUEST_S)):
                await asyncio.sleep(0)  # lets a deadline that has passed strike before the work
                return await endpoint.answer(request, asked)
        except TimeoutError as error:
            raise _late_error() from error

    async def _reply(self, message: Msg, reply: msgspec.Struct, code: str | None) -> None:
        if not message.reply:
            return
        failed = {headers.FAILED: code} if code is not None else None
        try:
            await self._bus.send(message.reply, codec.encode(reply), failed)
        except ZonegitError as error:
            log.warning("reply.lost", subject=message.subject[:300], error=error.message)


class RefusalLog:
    """Logs who is refused, a line a second at the most, and knows when refusals are so many that
    the answers to them would be too much work."""

    def __init__(self) -> None:
        self._since = 0.0
        self._count = 0
        self._is_logged = False

    def is_flood(self) -> bool:
        """Return whether ``MAX_REFUSALS`` were answered within the last second."""
        self._turn_over()
        return self._count >= MAX_REFUSALS

    def note(self, actor: str, share: str) -> None:
        """Take a refusal into account."""
        self._turn_over()
        self._count += 1
        if not self._is_logged:
            log.warning("requests.refused", actor=actor, share=share)
            self._is_logged = True

    def _turn_over(self) -> None:
        now = time.monotonic()
        if now - self._since >= REFUSAL_INTERVAL_S:
            self._since = now
            self._count = 0
            self._is_logged = False


def _late_error() -> Unavailable:
    return Unavailable(
        "the request came, or took, too late: its sender had given up",
        hint="if this happens at once, compare the clocks of both hosts (zonegit doctor)",
    )
