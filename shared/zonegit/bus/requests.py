"""Send requests and wait for their replies, in an inbox for each actor that sends.

The client library can send requests, too. This differs: a denied permission, which arrives apart
from replies and with its subject in lower case, fails the request that it belongs to at once. So
does the loss of the connection.
"""

import asyncio
import itertools
import random
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from zonegit.bus import headers
from zonegit.errors import Busy, Denied, Unavailable, ZonegitError
from zonegit.fairness.gate import MAX_RETRY_MS, MIN_RETRY_MS
from zonegit.wire import codec, failures, subjects
from zonegit.wire.messages import FailureReply

Reply = TypeVar("Reply", bound=msgspec.Struct)

TOKEN_OCTETS: Final = 12


class _InboxRefused(Exception):
    """The permissions of this user do not include its inbox, whose name is new in this release."""


@dataclass(slots=True)
class _Waiting:
    """A request that waits for its reply; a broadcast gets several.

    Args:
        subject: the subject of the request.
        answered: the reply.
        broadcast: whether there are several replies, which are ``gathered``.
        inbox: the prefix of its reply subject.
        limit: its deadline; None for a broadcast.
        again_s: the seconds that it waits again after an interim reply; None if it accepts none.
        last: the time of the event loop after which it does not wait any more.
        is_extended: whether there was an interim reply.
    """

    subject: str
    answered: asyncio.Future[Msg]
    broadcast: bool = False
    gathered: list[Msg] = field(default_factory=list)
    inbox: str = ""
    limit: asyncio.Timeout | None = None
    again_s: float | None = None
    last: float = 0.0
    is_extended: bool = False

    def extend(self) -> None:
        """Wait again after an interim reply."""
        if self.again_s is not None and self.limit is not None and not self.limit.expired():
            now = asyncio.get_running_loop().time()
            self.limit.reschedule(min(now + self.again_s, self.last))
            self.is_extended = True


class Requests:
    """The requests of one connection.

    The permissions of a bus may be those of the earlier release, which used another inbox. If the
    bus denies the inbox of this release, the request is sent again with the earlier one.
    """

    def __init__(self, client: Client, actor: str, earlier_inbox: str, shown: str) -> None:
        """Create the requests of a connection.

        Args:
            client: The connection.
            actor: The actor of requests that name none, such as a broadcast.
            earlier_inbox: The prefix of the inboxes of this user in the earlier release.
            shown: The URL of the bus without secrets.
        """
        self._client = client
        self._actor = actor
        self._earlier_inbox = earlier_inbox
        self._shown = shown
        self._connection = secrets.token_hex(TOKEN_OCTETS)
        self._waiting: dict[str, _Waiting] = {}
        self._subscribing: dict[str, asyncio.Future[object]] = {}
        self._refused: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        """The number of requests by outcome: ``ok`` or the code of an error."""

    def inbox(self, subject: str) -> str:
        """Return the prefix of the reply subjects of a request."""
        prefix = subjects.inbox_for(subject, self._actor)
        if prefix in self._refused:
            prefix = self._earlier_inbox
        return f"{prefix}.{self._connection}"

    async def ask(
        self,
        subject: str,
        message: msgspec.Struct,
        reply: type[Reply],
        timeout: float,
        *,
        is_long: bool = False,
    ) -> Reply:
        """Send a request, again while the service is busy, and return its reply.

        Args:
            subject: the subject of the request.
            message: the request.
            reply: the type of the reply.
            timeout: the seconds to wait for the reply.
            is_long: wait again after each interim reply, up to ``headers.MAX_TOTAL_S``. Only for
                services, which the caller trusts.

        Raises:
            ZonegitError: The service answered with this error.
            Denied: The permissions of this user on the bus do not allow the request.
            Busy: The service was busy until the end.
            Unavailable: There is no reply in time, no service, or no bus.
        """
        octets = codec.encode(message)
        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        for attempt in itertools.count(1):
            try:
                answer = await self._try(
                    subject, octets, end - clock(), attempt, timeout, is_long=is_long
                )
                decoded = self._decode_reply(answer, subject, reply)
                self.outcomes["ok"] += 1
                return decoded
            except Busy as busy:
                self.outcomes[busy.code] += 1
                pause = _pause(busy)
                if clock() + pause >= end:
                    raise
                await asyncio.sleep(pause)
                if clock() >= end:  # the event loop was late
                    raise
            except ZonegitError as error:
                self.outcomes[error.code] += 1
                raise
        raise AssertionError("unreachable")

    async def _try(
        self,
        subject: str,
        octets: bytes,
        left: float,
        attempt: int,
        timeout: float,
        *,
        is_long: bool,
    ) -> Msg:
        """Send a request once, ``left`` seconds before its deadline."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(subject, loop.create_future())
        if is_long:
            waiting.again_s, waiting.last = timeout, loop.time() + headers.MAX_TOTAL_S
        try:
            async with asyncio.timeout(left) as waiting.limit:
                return await self._send(waiting, octets, left, attempt)
        except TimeoutError as error:
            what = "reported no progress" if waiting.is_extended else "did not answer"
            raise Unavailable(
                f"{_service(subject)} on {self._shown} {what} within {timeout:g} s",
                hint="it may be overloaded (zonegit doctor); it is safe to retry",
            ) from error

    async def gather(
        self, subject: str, message: msgspec.Struct, reply: type[Reply], wait_s: float
    ) -> list[Reply]:
        """Return all well-formed replies that arrive within ``wait_s`` seconds, without errors.

        Raises:
            Denied: The permissions of this user on the bus do not allow the request.
            Unavailable: There is no bus.
        """
        waiting = _Waiting(subject, asyncio.get_running_loop().create_future(), broadcast=True)
        try:
            async with asyncio.timeout(wait_s):
                await self._send(waiting, codec.encode(message), wait_s)
        except TimeoutError:
            pass
        found = []
        for answer in waiting.gathered:
            try:
                found.append(self._decode_reply(answer, subject, reply))
            except ZonegitError:
                continue
        return found

    async def _send(
        self, waiting: _Waiting, octets: bytes, timeout: float, attempt: int = 1
    ) -> Msg:
        try:
            return await self._send_once(waiting, octets, timeout, attempt)
        except _InboxRefused:
            waiting.answered = asyncio.get_running_loop().create_future()
            return await self._send_once(waiting, octets, timeout, attempt)

    async def _send_once(
        self, waiting: _Waiting, octets: bytes, timeout: float, attempt: int
    ) -> Msg:
        token = secrets.token_hex(TOKEN_OCTETS)
        waiting.inbox = self.inbox(waiting.subject)
        self._waiting[token] = waiting
        try:
            await self._listen(waiting.inbox)
            await self._client.publish(
                waiting.subject,
                octets,
                reply=f"{waiting.inbox}.{token}",
                headers=headers.make_headers(timeout, token, attempt, waiting.again_s),
            )
            return await waiting.answered
        except (nats.errors.Error, OSError) as error:
            raise self._make_closed_error() from error
        finally:
            del self._waiting[token]

    async def _listen(self, inbox: str) -> None:
        """Subscribe to an inbox, once."""
        if inbox not in self._subscribing:
            listening = self._client.subscribe(f"{inbox}.*", cb=self._take)
            self._subscribing[inbox] = asyncio.ensure_future(listening)
        try:
            await asyncio.shield(self._subscribing[inbox])
        except nats.errors.Error:
            self._subscribing.pop(inbox, None)
            raise

    async def _take(self, answer: Msg) -> None:
        waiting = self._waiting.get(answer.subject.rpartition(".")[2])
        if waiting is None:
            return
        if waiting.broadcast and not headers.has_no_responders(answer.headers or {}):
            waiting.gathered.append(answer)
        elif not waiting.broadcast and headers.is_interim(answer.headers or {}):
            waiting.extend()
        elif not waiting.answered.done():
            waiting.answered.set_result(answer)

    def _decode_reply(self, answer: Msg, subject: str, reply: type[Reply]) -> Reply:
        found = answer.headers or {}
        if headers.has_no_responders(found):
            raise Unavailable(
                f"no {_service(subject)} service answers on {self._shown}",
                hint="start it, or the whole stack with zonegit up; zonegit doctor shows details",
            )
        if headers.FAILED in found:
            raise failures.to_error(codec.decode(answer.data, FailureReply))
        return codec.decode(answer.data, reply)

    def fail_all(self) -> None:
        """Fail all requests because the connection is lost."""
        for waiting in self._waiting.values():
            self._fail(waiting, self._make_closed_error())

    def fail_denied(self, what: str, subject: str) -> bool:
        """Fail the requests for which the bus refused a publish or a subscription.

        Args:
            what: ``publish`` or ``subscription``.
            subject: The subject in lower case.

        Returns:
            Whether a request waited for it.
        """
        if what == "subscription":
            return self._inbox_denied(subject)
        hit = [each for each in self._waiting.values() if each.subject.casefold() == subject]
        for waiting in hit:
            self._fail(waiting, self._denial(waiting, f"publish to {waiting.subject}"))
        return bool(hit)

    def _inbox_denied(self, subject: str) -> bool:
        inboxes = [each for each in self._subscribing if f"{each}.*".casefold() == subject]
        for inbox in inboxes:
            del self._subscribing[inbox]
            prefix = inbox.rpartition(".")[0]
            is_earlier = prefix == self._earlier_inbox
            self._refused.add(prefix)
            for waiting in [each for each in self._waiting.values() if each.inbox == inbox]:
                denial = self._denial(waiting, f"subscribe to {inbox}.*, for the reply")
                self._fail(waiting, denial if is_earlier else _InboxRefused())
        return bool(inboxes)

    def _denial(self, waiting: _Waiting, what: str) -> Denied:
        return Denied(
            f"{self._shown} does not allow this user to {what}",
            hint="ask the operator of the bus for this permission",
            subject=waiting.subject,
        )

    def _fail(self, waiting: _Waiting, error: Exception) -> None:
        if not waiting.answered.done():
            waiting.answered.set_exception(error)

    def _make_closed_error(self) -> Unavailable:
        return Unavailable(
            f"the connection to the bus {self._shown} was closed",
            hint="the outcome of the last request is unknown; it is safe to send it again",
        )


def _pause(busy: Busy) -> float:
    """Return the seconds to wait before a request is sent again.

    It is the time that the service says, and a random part of it added, so that clients that were
    refused together do not retry together.
    """
    try:
        after_ms = int(busy.details.get("retry_after_ms", ""))
    except ValueError:
        after_ms = MIN_RETRY_MS
    after_ms = min(max(after_ms, MIN_RETRY_MS), MAX_RETRY_MS)
    return after_ms * random.uniform(1.0, 2.0) / 1_000  # noqa: S311 it spreads, and hides nothing


def _service(subject: str) -> str:
    """Return the name of the service in the subject of a request."""
    tokens = subject.split(".")
    return tokens[2] if len(tokens) > 2 else subject
