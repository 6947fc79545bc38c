"""Answer the requests to a service, each in a task, in the order of a fair queue.

Theory of operation. A service has one subscription, ``zg.*.<service>.>``, in a queue group named
after the service. It does not use the endpoints of ``nats.micro``: these discard the requests on
their way when they stop, run one request after the other, and reply to any subject that a request
names.

A request passes these steps:

1. ``Dispatcher.take`` is called for each message. A reply subject outside of the inbox of the
   sender is not accepted (``replies``): the service would publish for a stranger what only the
   service may publish. Such a request is dropped.
2. ``Lanes.place`` chooses the queue: the lane of the verb (read, write or slow), the class of the
   sender (services or operators), and the actor as the flow (docs/adr/0040-fair-queueing.md). If
   the queue of the actor is full, the request is refused with the code ``busy``, which clients
   retry. During a flood of refusals further requests are dropped.
3. A task waits until it is the turn of the request, but at most until the deadline in its headers.
   A request whose deadline has passed is answered ``unavailable`` and not begun.
4. ``_handle`` decodes the subject and the message, checks that the verb exists and takes a subject
   of this form, and calls the handler, also limited by the deadline. A handler that works long
   extends it (``interim``).
5. The reply, or the error as a message with its code in a header, is published. An unexpected
   exception becomes the code ``internal`` with an id under which the log has the traceback.
6. The turn ends. The actor is charged for the time that the request used the event loop and threads
   (``zonegit.fairness.meter``), not for the time that it waited.

While a handler sends requests to another service, the headers of those carry the actor and the
deadline of the original request, so the other service charges the same actor.

A stop first drains the subscription, so that no request is lost that the bus has delivered, and
then waits up to ``STOP_TIMEOUT_S`` for running requests before it cancels them.

``answer_requests`` is the simple form for subjects with a cheap answer and no fair queue, such as
the status of a resolver. After each answer it pauses for a multiple of the time that the answer
took.
"""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from zonegit import release
from zonegit.bus import discovery, headers, interim
from zonegit.bus.connection import Bus
from zonegit.bus.endpoints import Endpoints
from zonegit.bus.lanes import DEFAULT_DEPTHS, READ, SLOW, WRITE, Lanes, QueuePlace
from zonegit.containment import isolate
from zonegit.errors import Busy, Internal, Invalid, Unavailable, ZonegitError
from zonegit.fairness import meter as metering
from zonegit.fairness.gate import Turn
from zonegit.fairness.meter import Meter
from zonegit.wire import codec, failures, subjects
from zonegit.wire.verbs import AnyVerb

M = TypeVar("M", bound=msgspec.Struct)

MAX_REQUEST_S: Final = 30.0
"""The maximum time of a request in seconds, also if its deadline is later, unless the handler
extends it."""

REFUSAL_INTERVAL_S: Final = 1.0
"""Seconds between two log lines about refused requests."""
MAX_REFUSALS: Final = 4_096
"""Requests that are answered ``busy`` within ``REFUSAL_INTERVAL_S``; further ones are dropped. A
client that sends so many does not wait for replies."""

PAUSE_FACTOR: Final = 9
"""The pause after an answer on a subject without a fair queue, as a multiple of the time that it
took: nine tenths of the time remain for other work of the process."""
MAX_PAUSE_S: Final = 1.0
MAX_QUESTIONS: Final = 256
"""Requests that wait on such a subject; while there are more, requests are dropped."""

STOP_TIMEOUT_S: Final = 10.0
"""Seconds for running requests to finish when the service stops."""

_SEMVER: Final = re.compile(r"\d+\.\d+\.\d+")

log = structlog.get_logger()


@asynccontextmanager
async def serve(
    bus: Bus,
    name: str,
    service: str,
    endpoints: Endpoints,
    depths: Mapping[str, int] = DEFAULT_DEPTHS,
) -> AsyncIterator[Lanes]:
    """Answer requests from entry to exit; at exit wait for running requests.

    Args:
        bus: The connection.
        name: The name of the service in ``$SRV.PING``, and of the queue group.
        service: The token of the service in subjects.
        endpoints: The verbs and their handlers.
        depths: The number of requests that each lane runs at a time.

    Raises:
        Denied: The permissions of this user on the bus do not allow it.
        Unavailable: There is no bus.
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
            raise bus.make_closed_error() from error
        yield lanes


def _choose_lane(verb: AnyVerb) -> str:
    if verb.right.mutates:
        return WRITE
    return SLOW if verb.is_slow else READ


def _make_identity(name: str) -> discovery.ServiceInstance:
    semver = _SEMVER.match(release())
    return discovery.ServiceInstance(
        name, secrets.token_hex(11), semver.group() if semver else "0.0.0"
    )


async def _stop(bus: Bus, taking: Subscription) -> None:
    """Stop the subscription."""
    try:
        if bus.connected:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await taking.drain()  # type: ignore[no-untyped-call]
    except (nats.errors.Error, OSError) as error:
        log.warning("service.stopped-badly", error=str(error) or repr(error))


@asynccontextmanager
async def answer_requests(
    bus: Bus,
    subject: str,
    message: type[M],
    answer: Callable[[M], msgspec.Struct | Awaitable[msgspec.Struct] | None],
) -> AsyncIterator[None]:
    """Answer the requests on one subject, from entry to exit.

    Every operator may send such requests in any number, so the other work of the process has
    precedence.

    Args:
        bus: The connection.
        subject: The subject of the request.
        message: The type of the request.
        answer: Returns the reply, or an awaitable of it; None for no reply.

    Raises:
        Denied: The permissions of this user on the bus do not allow it.
        Unavailable: There is no bus.
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
        if isinstance(reply, Awaitable):
            reply = await reply
        if reply is not None:
            await bus.send(asked.reply, codec.encode(reply))

    try:
        subscription = await bus.client.subscribe(subject, cb=take)
        await bus.wait_subscribed(subject)
    except (nats.errors.Error, OSError) as error:
        raise bus.make_closed_error() from error
    try:
        yield
    finally:
        with suppress(nats.errors.Error, OSError):
            await subscription.unsubscribe()


class Dispatcher:
    """Runs each request as a task, and answers each request once."""

    def __init__(self, bus: Bus, endpoints: Endpoints, lanes: Lanes) -> None:
        self._bus = bus
        self._endpoints = endpoints
        self._lanes = lanes
        self._running: set[asyncio.Task[None]] = set()
        self._refused = RefusalLog()

    def statistics(self) -> dict[str, Any]:
        """Return the statistics for ``$SRV.STATS``; times in nanoseconds."""
        answered, failed, took_s = self._lanes.counters.total()
        took_ns = int(took_s * 1e9)
        return {
            "num_requests": answered,
            "num_errors": failed,
            "last_error": "",
            "processing_time": took_ns,
            "average_processing_time": took_ns // max(1, answered),
            "data": {"refused_replies": self._bus.replies.refused, **self._lanes.figures()},
        }

    async def take(self, message: Msg) -> None:
        """Start the task of a request; refuse the request if its queue is full, and drop it if its
        reply subject is not accepted."""
        if not self._bus.replies.allows(message.subject, message.reply):
            return
        found = message.headers or {}
        place = self._lanes.place(message.subject, found, len(message.data))
        if place.is_full():
            busy = place.gate.refuse(place.share, place.actor)
            if not self._refused.is_flood():
                await self._refuse(message, place, busy)
        else:
            task = asyncio.create_task(self._run_in_task(message, place))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await asyncio.sleep(0)  # a burst of messages does not delay running requests

    async def _run_in_task(self, message: Msg, place: QueuePlace) -> None:
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
        """Wait for the turn of a request; None if it was answered that there is none."""
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
        """Answer with ``busy``."""
        self._refused.note(place.actor, place.share)
        await self._fail(message, busy)

    async def _fail(self, message: Msg, error: ZonegitError) -> None:
        """Answer with an error. A client that does not know the code ``busy`` gets ``unavailable``
        instead."""
        known = not isinstance(error, Busy) or headers.understands_busy(message.headers or {})
        code = error.code if known else Unavailable.code
        failure = msgspec.structs.replace(failures.to_message(error), code=code)
        await self._reply(message, failure, code)

    async def finish(self) -> None:
        """Wait for running requests, and cancel those that take too long."""
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
        except Exception as error:  # a bug, not a failure; the log has it under this id
            log_id = secrets.token_hex(6)
            fields |= {"outcome": Internal.code, "log_id": log_id, "exc_info": error}
            bug = Internal(
                "the service failed unexpectedly",
                hint=f"its log has the traceback under log_id {log_id}",
                log_id=log_id,
            )
            await self._reply(message, failures.to_message(bug), bug.code)
        else:
            fields["outcome"] = "ok"
            await self._reply(message, reply, None)
        took_s = time.perf_counter() - started
        verb = fields.get("verb")
        known = verb if isinstance(verb, str) and verb in self._endpoints else "other"
        self._lanes.counters.add(known, str(fields["outcome"]), took_s)
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
            raise Invalid(f"{request.service} has no verb {request.verb!r}")
        endpoint.verb.check_form(request)
        asked = codec.decode(message.data, endpoint.verb.message)
        left = headers.remaining_s(found, MAX_REQUEST_S)
        try:
            async with asyncio.timeout(left) as limit:
                again = headers.read_timeout(found, MAX_REQUEST_S)
                if again is not None and message.reply:
                    interim.EXTENSION.set(interim.Extension(self._bus, message.reply, limit, again))
                await asyncio.sleep(0)  # raises TimeoutError if the deadline has passed
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
    """Logs refusals, at most one line a second, and detects a flood of them."""

    def __init__(self) -> None:
        self._since = 0.0
        self._count = 0
        self._is_logged = False

    def is_flood(self) -> bool:
        """Return whether ``MAX_REFUSALS`` were answered within the last second."""
        self._start_new_period()
        return self._count >= MAX_REFUSALS

    def note(self, actor: str, share: str) -> None:
        """Count a refusal."""
        self._start_new_period()
        self._count += 1
        if not self._is_logged:
            log.warning("requests.refused", actor=actor, share=share)
            self._is_logged = True

    def _start_new_period(self) -> None:
        now = time.monotonic()
        if now - self._since >= REFUSAL_INTERVAL_S:
            self._since = now
            self._count = 0
            self._is_logged = False


def _late_error() -> Unavailable:
    return Unavailable(
        "the deadline of the request has passed",
        hint="if this happens at once, compare the clocks of both hosts (zonegit doctor)",
    )
