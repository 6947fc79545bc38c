"""One connection to the bus: made, watched, and closed.

What it must get right is in how NATS fails (docs/wire.md): nothing is buffered while the bus is
away, a reconnect or an overflowed subscription means that messages may be lost, and a connection
that the bus closes for good ends the process.
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
"""Takes a subject and its message's octets, and returns at once."""

CONNECT_TIMEOUT: Final = 2
PING_INTERVAL: Final = 10
RETRY_WAIT: Final = 0.5
MAX_CONNECT_S: Final = 8.0
"""All of one attempt: the socket, what the server says first, TLS, its first answer."""
CLOSE_TIMEOUT: Final = 5
REQUEST_TIMEOUT: Final = 5.0
MAX_DENIED: Final = 256
"""Subjects of which it is remembered that their denial was reported."""

_DENIAL: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')


class LogMethod(Protocol):
    """Where a process hears of its connection's troubles: a logger's method."""

    def __call__(self, event: str, **fields: str) -> object: ...


def _discard(event: str, **fields: str) -> None:
    """For a process that has errors to raise and no log to write."""


class Bus:
    """A connection. Made by :func:`connect`, which also closes it."""

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
        """Set when the connection is closed for good; a service then has to end."""

    @property
    def connected(self) -> bool:
        """Whether the bus can be reached at this moment."""
        return self._client.is_connected

    @property
    def client(self) -> Client:
        """The client library's connection; for this package only."""
        return self._client

    async def request(
        self,
        subject: str,
        message: msgspec.Struct,
        reply: type[Reply],
        *,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Reply:
        """Asks a service; ``timeout`` in seconds.

        Raises:
            ZonegitError: what the service answered with.
            Denied: the bus does not let this user ask that.
            Unavailable: no answer in time, nobody to give one, or no bus.
        """
        return await self._requests.ask(subject, message, reply, timeout)

    async def broadcast(
        self, subject: str, message: msgspec.Struct, reply: type[Reply], wait_s: float
    ) -> list[Reply]:
        """Asks everybody who listens, and takes what arrives within ``wait_s`` seconds.

        Raises:
            Denied: the bus does not let this user ask that.
            Unavailable: no bus.
        """
        return await self._requests.gather(subject, message, reply, wait_s)

    async def publish(self, subject: str, event: msgspec.Struct) -> None:
        """Tells whoever listens; nothing is kept for later.

        Raises:
            Unavailable: no bus.
        """
        await self.send(subject, codec.encode(event))

    async def send(
        self, subject: str, octets: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """As :meth:`publish`, for octets at hand, such as a reply's.

        Raises:
            Unavailable: no bus.
        """
        try:
            await self._client.publish(subject, octets, headers=headers)
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"the bus {self.url_shown} is gone") from error

    async def flush(self) -> None:
        """Wait until the bus has taken everything that was published.

        Raises:
            Unavailable: no bus.
        """
        try:
            await self._client.flush()
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"the bus {self.url_shown} is gone") from error

    async def respond(
        self, request: Msg, octets: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """Send a reply, if the request wants one and wants it in the inbox of its sender.

        Raises:
            Unavailable: no bus.
        """
        if request.reply and self.replies.allows(request.subject, request.reply):
            await self.send(request.reply, octets, headers)

    def inbox(self, subject: str) -> str:
        """Return the prefix of the subjects where replies to a request are awaited."""
        return self._requests.inbox(subject)

    @asynccontextmanager
    async def subscribe(self, subject: str, deliver: Deliver) -> AsyncIterator[None]:
        """Hands every message on ``subject`` to ``deliver``, in order; it is in force on entry.

        Raises:
            Denied: the bus does not let this user listen there.
            Unavailable: no bus.
        """

        async def take(message: Msg) -> None:
            with isolate("message", subject=message.subject[:300]):
                deliver(message.subject, message.data)

        try:
            subscription = await self._client.subscribe(subject, cb=take)
            await self.wait_subscribed(subject)
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"the bus {self.url_shown} is gone") from error
        try:
            yield
        finally:
            with suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    async def wait_subscribed(self, subject: str) -> None:
        """Waits until the bus has taken a subscription just made.

        Raises:
            Denied: it has refused it.
            nats.errors.Error: no bus.
        """
        await self._client.flush(CLOSE_TIMEOUT)
        if subject.casefold() in self._refused:
            self._refused.discard(subject.casefold())
            raise Denied(
                f"{self.url_shown} does not let this user listen on {subject}",
                hint="ask the operator of the bus for this permission",
            )

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Calls ``callback`` whenever messages may have been lost: after a reconnect, and when a
        subscription overflowed."""
        self._gap_callbacks.append(callback)

    async def handle_disconnect(self) -> None:
        """The connection broke; the client library tries to make it again."""
        self._requests.fail_all()
        if not self._client.is_closed:
            self._report("bus.lost", url=self.url_shown)

    async def handle_reconnect(self) -> None:
        """The connection is there again."""
        self._last_failure = ""
        self._denied.clear()
        self._report("bus.regained", url=self.url_shown)
        self._resync()

    async def handle_close(self) -> None:
        """The connection is closed for good."""
        self.closed.set()

    async def handle_error(self, error: Exception) -> None:
        """Something went wrong that belongs to no call."""
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
        """Report a subject once: what is published every few seconds would else fill a log."""
        if (what, subject) in self._denied:
            return
        if len(self._denied) >= MAX_DENIED:
            self._denied.clear()
        self._denied.add((what, subject))
        self._report("bus.denied", url=self.url_shown, what=what, subject=subject)

    def _report_new(self, failure: str) -> None:
        """Each attempt to connect again fails the same way; one line of log is enough."""
        if failure != self._last_failure:
            self._last_failure = failure
            self._report("bus.failed", url=self.url_shown, error=failure)

    def _resync(self) -> None:
        for callback in self._gap_callbacks:
            with isolate("callback"):  # else it would end the client library's reading
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
    """A connection, once it is there. ``name`` is shown by the bus's own tools; ``actor`` asks
    what names no actor, None: the URL's user, or without one ``name``; ``report`` hears of
    troubles that belong to no call.

    A command fails at once when there is no bus; a ``patient`` service tries until there is one.
    Once made, a connection that breaks is made again for as long as it takes.

    Raises:
        Unavailable: there is no bus, and the caller is not patient; names the URL.
        Denied: the bus does not let this user in.
        Invalid: the settings are no use (URL, certificate or credentials).
    """
    credentials.check(settings)
    told = ""
    while True:
        try:
            bus = await _open(settings, name, actor, report)
            break
        except Unavailable as error:
            if not patient:
                raise
            if told != error.message:
                report(
                    "bus.awaited", url=settings.shown, error=error.message, hint=error.hint or ""
                )
            told = error.message
            await asyncio.sleep(RETRY_WAIT)
    try:
        _raise_cancellation()
        yield bus
    finally:
        await _close(bus.client)


async def _close(client: Client) -> None:
    """Close a connection that may be open, half open or gone, within a bounded time."""
    if not (client.is_connected or client.is_connecting or client.is_reconnecting):
        return
    with suppress(nats.errors.Error, OSError):  # the bus may have closed it first
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.close()


def _raise_cancellation() -> None:
    """Raises the cancellation that ``asyncio.wait_for``, which the client library connects with,
    loses up to Python 3.11 when it comes at the same time as the result."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _open(settings: BusSettings, name: str, actor: str | None, report: LogMethod) -> Bus:
    client = BoundedClient(requires_tls=credentials.requires_tls(settings))
    bus = Bus(client, settings, actor or credentials.read_user(settings.url) or name, report)
    opened = False

    async def on_error(error: Exception) -> None:
        if not opened:
            raise error  # the client library would try again for ever
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
