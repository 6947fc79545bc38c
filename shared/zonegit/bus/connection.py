"""Open, watch and close one connection to the bus.

How NATS fails decides what this module does (docs/wire.md): nothing is buffered while the bus is
down; after a reconnect or an overflow of a subscription, messages may be lost; a connection that
the bus closes permanently ends the process.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, TypeVar

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from zonegit.bus import credentials
from zonegit.bus.replies import ReplyGuard
from zonegit.bus.requests import Requests
from zonegit.bus.transport import BoundedClient
from zonegit.config import BusSettings
from zonegit.containment import isolate
from zonegit.errors import Denied, Unavailable
from zonegit.wire import codec

Reply = TypeVar("Reply", bound=msgspec.Struct)
Deliver = Callable[[str, bytes], None]
"""Called with the subject and the octets of a message; must return at once."""

CONNECT_TIMEOUT: Final = 2
PING_INTERVAL: Final = 10
RETRY_WAIT: Final = 0.5
MAX_CONNECT_S: Final = 8.0
"""The maximum time of one attempt: socket, greeting of the server, TLS, first reply."""
CLOSE_TIMEOUT: Final = 5
REQUEST_TIMEOUT: Final = 5.0
MAX_DENIED: Final = 256
"""Denied subjects that are remembered, so that each denial is reported once."""

_DENIAL: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')


class LogMethod(Protocol):
    """Reports problems of the connection: the method of a logger."""

    def __call__(self, event: str, **fields: str) -> object: ...


def _discard(event: str, **fields: str) -> None:
    """Report nothing, for a process that raises errors and has no log."""


class Bus:
    """A connection, opened and closed by :func:`connect`."""

    def __init__(
        self, client: Client, settings: BusSettings, actor: str, report: LogMethod
    ) -> None:
        self._client = client
        self._report = report
        earlier = credentials.earlier_inbox(settings.url)
        self._requests = Requests(client, actor, earlier, settings.shown)
        self.replies = ReplyGuard(report)
        self._gap_callbacks: list[Callable[[], None]] = []
        self._refused: set[str] = set()
        self._denied: set[tuple[str, str]] = set()
        self._last_failure = ""
        self.url_shown = settings.shown
        self.closed = asyncio.Event()
        """Set when the connection is closed permanently; a service then has to end."""

    @property
    def connected(self) -> bool:
        """Return whether the bus is connected now."""
        return self._client.is_connected

    @property
    def client(self) -> Client:
        """Return the connection of the client library; for this package only."""
        return self._client

    def requests_sent(self) -> dict[str, int]:
        """Return the number of attempts of requests, by outcome: ``ok`` or the code of an
        error."""
        return dict(self._requests.outcomes)

    async def request(
        self,
        subject: str,
        message: msgspec.Struct,
        reply: type[Reply],
        *,
        timeout: float = REQUEST_TIMEOUT,
        is_long: bool = False,
    ) -> Reply:
        """Send a request to a service, and return its reply.

        Args:
            subject: The subject of the request.
            message: The request.
            reply: The type of the reply.
            timeout: The time to wait for the reply, in seconds.
            is_long: Wait again after each interim reply (:mod:`zonegit.bus.interim`). Only for
                requests to services, which the caller trusts.

        Raises:
            ZonegitError: The service answered with this error.
            Denied: The permissions of this user on the bus do not allow the request.
            Unavailable: There is no reply in time, no service, or no bus.
        """
        return await self._requests.ask(subject, message, reply, timeout, is_long=is_long)

    async def broadcast(
        self, subject: str, message: msgspec.Struct, reply: type[Reply], wait_s: float
    ) -> list[Reply]:
        """Send a request to all listeners, and return the replies that arrive within ``wait_s``
        seconds.

        Raises:
            Denied: The permissions of this user on the bus do not allow the request.
            Unavailable: There is no bus.
        """
        return await self._requests.gather(subject, message, reply, wait_s)

    async def publish(self, subject: str, event: msgspec.Struct) -> None:
        """Publish an event to current subscribers; the bus does not store it.

        Raises:
            Unavailable: There is no bus.
        """
        await self.send(subject, codec.encode(event))

    async def send(
        self, subject: str, octets: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """Publish octets, such as those of a reply.

        Raises:
            Unavailable: There is no bus.
        """
        try:
            await self._client.publish(subject, octets, headers=headers)
        except (nats.errors.Error, OSError) as error:
            raise self.make_closed_error() from error

    async def flush(self) -> None:
        """Wait until the bus has received everything that was published.

        Raises:
            Unavailable: There is no bus.
        """
        try:
            await self._client.flush()
        except (nats.errors.Error, OSError) as error:
            raise self.make_closed_error() from error

    async def respond(
        self, request: Msg, octets: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """Send a reply, if the request has a reply subject in the inbox of its sender.

        Raises:
            Unavailable: There is no bus.
        """
        if request.reply and self.replies.allows(request.subject, request.reply):
            await self.send(request.reply, octets, headers)

    def inbox(self, subject: str) -> str:
        """Return the prefix of the reply subjects of a request."""
        return self._requests.inbox(subject)

    @asynccontextmanager
    async def subscribe(self, subject: str, deliver: Deliver) -> AsyncIterator[None]:
        """Call ``deliver`` for each message on a subject, in order, from entry to exit.

        The subscription is active on entry.

        Raises:
            Denied: The permissions of this user on the bus do not allow it.
            Unavailable: There is no bus.
        """

        async def take(message: Msg) -> None:
            with isolate("message", subject=message.subject[:300]):
                deliver(message.subject, message.data)

        try:
            subscription = await self._client.subscribe(subject, cb=take)
            await self.wait_subscribed(subject)
        except (nats.errors.Error, OSError) as error:
            raise self.make_closed_error() from error
        try:
            yield
        finally:
            with suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    async def wait_subscribed(self, subject: str) -> None:
        """Wait until the bus has processed a new subscription.

        Raises:
            Denied: The bus has refused it. nats.errors.Error: There is no bus.
        """
        await self._client.flush(CLOSE_TIMEOUT)
        if subject.casefold() in self._refused:
            self._refused.discard(subject.casefold())
            raise Denied(
                f"{self.url_shown} does not allow this user to subscribe to {subject}",
                hint="ask the operator of the bus for this permission",
            )

    def make_closed_error(self) -> Unavailable:
        """Return the error for a closed connection."""
        return Unavailable(
            f"the connection to the bus {self.url_shown} was closed",
            hint="check that the bus runs and is reachable, then repeat this",
        )

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when messages may have been lost: after a reconnect or an overflow."""
        self._gap_callbacks.append(callback)

    async def handle_disconnect(self) -> None:
        """Handle the loss of the connection; the client library reconnects."""
        self._requests.fail_all()
        if not self._client.is_closed:
            self._report("bus.lost", url=self.url_shown)

    async def handle_reconnect(self) -> None:
        """Handle a reconnect."""
        self._last_failure = ""
        self._denied.clear()
        self._report("bus.regained", url=self.url_shown)
        self._resync()

    async def handle_close(self) -> None:
        """Handle the permanent end of the connection."""
        self.closed.set()

    async def handle_error(self, error: Exception) -> None:
        """Handle an error that belongs to no call."""
        denial = _DENIAL.search(str(error).casefold())
        if denial is not None:
            what, subject = denial.groups()
            if what == "subscription":
                self._refused.add(subject)
            if not self._requests.fail_denied(what, subject):
                self._report_denial(what, subject)
        elif isinstance(error, nats.errors.SlowConsumerError):
            self._report("bus.overflowed", url=self.url_shown, subject=error.subject)
            self._resync()
        else:
            self._report_new(str(error) or repr(error))

    def _report_denial(self, what: str, subject: str) -> None:
        """Report a denied subject once: what is published every few seconds would fill a log."""
        if (what, subject) in self._denied:
            return
        if len(self._denied) >= MAX_DENIED:
            self._denied.clear()
        self._denied.add((what, subject))
        self._report("bus.denied", url=self.url_shown, what=what, subject=subject)

    def _report_new(self, failure: str) -> None:
        """Report a failure, unless it repeats the last one: each attempt to reconnect fails in the
        same way."""
        if failure != self._last_failure:
            self._last_failure = failure
            self._report("bus.failed", url=self.url_shown, error=failure)

    def _resync(self) -> None:
        for callback in self._gap_callbacks:
            with isolate("callback"):  # an exception would end the reading of the client library
                callback()


@asynccontextmanager
async def connect(
    settings: BusSettings,
    *,
    name: str,
    actor: str | None = None,
    patient: bool = False,
    report: LogMethod = _discard,
) -> AsyncIterator[Bus]:
    """Open a connection, and yield it.

    A command fails at once if there is no bus; a ``patient`` service waits for one. If an open
    connection is lost, it is reopened without limit of time.

    Args:
        settings: The bus.
        name: The name of the connection, which the tools of NATS show.
        actor: The actor of requests that name none. None: the user in the URL, otherwise ``name``.
        patient: Whether to wait for a bus.
        report: Reports problems that belong to no call.

    Raises:
        Unavailable: There is no bus, and the caller is not patient; the error names the URL.
        Denied: The bus refuses this user.
        Invalid: The settings are unusable (URL, certificate or credentials).
    """
    credentials.check(settings)
    reported = ""
    while True:
        try:
            bus = await _open(settings, name, actor, report)
            break
        except Unavailable as error:
            if not patient:
                raise
            if reported != error.message:
                report(
                    "bus.awaited", url=settings.shown, error=error.message, hint=error.hint or ""
                )
            reported = error.message
            await asyncio.sleep(RETRY_WAIT)
    try:
        _raise_cancellation()
        yield bus
    finally:
        await _close(bus.client)


async def _close(client: Client) -> None:
    """Close a connection that may be open, half open or closed, within a bounded time."""
    if not (client.is_connected or client.is_connecting or client.is_reconnecting):
        return
    with suppress(nats.errors.Error, OSError):  # the bus may have closed it first
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.close()


def _raise_cancellation() -> None:
    """Raise a cancellation that ``asyncio.wait_for`` has lost.

    The client library connects with it. Up to Python 3.11 it loses a cancellation that arrives at
    the same time as the result.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _open(settings: BusSettings, name: str, actor: str | None, report: LogMethod) -> Bus:
    client = BoundedClient(requires_tls=credentials.requires_tls(settings))
    bus = Bus(client, settings, actor or credentials.read_user(settings.url) or name, report)
    opened = False

    async def on_error(error: Exception) -> None:
        if not opened:
            raise error  # else the client library would retry without end
        await bus.handle_error(error)

    try:
        async with asyncio.timeout(MAX_CONNECT_S):
            await client.connect(
                settings.url,
                name=name,
                error_cb=on_error,
                disconnected_cb=bus.handle_disconnect,
                reconnected_cb=bus.handle_reconnect,
                closed_cb=bus.handle_close,
                connect_timeout=CONNECT_TIMEOUT,
                reconnect_time_wait=RETRY_WAIT,  # type: ignore[arg-type]  # it sleeps that long
                max_reconnect_attempts=-1,
                ping_interval=PING_INTERVAL,
                pending_size=-1,
                tls=credentials.make_tls_context(settings),
                user_credentials=settings.creds,
            )
    except (nats.errors.Error, OSError, ModuleNotFoundError) as error:
        await _close(client)
        raise credentials.explain_error(error, settings) from error
    finally:
        opened = True
    return bus
