"""Listen to resolvers on the bus: maintain the registry, and pass on their reports about the log.

A store that starts, or that may have missed announcements, calls resolvers, and each announces
itself at once. The subject of a report names its sender, and the broker allows a resolver its own
subject only. A report that contradicts its subject is dropped.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import structlog

from zonegit.bus.connection import Bus
from zonegit.containment import keep_running
from zonegit.errors import Denied, Invalid, Unavailable, ZonegitError
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    MAX_ANNOUNCEMENT,
    MAX_RESOLVERS,
    Announcement,
    CallResolvers,
    Registered,
    RegisteredResolvers,
    ServedEvent,
)
from zonegit_refs.registry import SETTLED_AFTER_S, Registry

MAX_SERVED: Final = 4_096
"""The maximum octets of a report of what is served."""

OnAnnouncement = Callable[[Announcement | ServedEvent], None]

log = structlog.get_logger()


class ResolverListener:
    """Listens while :meth:`running`; ``on_report`` is called with each valid message."""

    def __init__(
        self, bus: Bus, on_report: OnAnnouncement, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bus = bus
        self._on_report = on_report
        self._clock = clock
        self._registry = Registry(clock())
        self._heard = asyncio.Event()
        self._has_refused = False
        self._call_is_due = asyncio.Event()
        self.has_answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """True if a resolver answered the first call, or may still answer; else False."""
        bus.on_reconnect(self._resume)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen from entry to exit."""
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._bus.subscribe(subjects.SERVED, self._take))
            except Denied as error:
                _warn(error)
            self._resume()
            calling = asyncio.create_task(keep_running("registry", self._call_when_due))
            try:
                yield
            finally:
                calling.cancel()

    async def list_registered(
        self, expected: Sequence[str] = (), after: str = ""
    ) -> RegisteredResolvers:
        """Return a page of the registry, once the registry is complete."""
        while not self._registry.is_settled(self._clock(), expected):
            heard = self._heard
            try:
                async with asyncio.timeout(self._registry.settles_in(self._clock())):
                    await heard.wait()
            except TimeoutError:
                break
        return self._registry.page(self._clock(), after)

    def list_responsive(self) -> list[Registered]:
        """Return the known resolvers that are not silent."""
        return self._registry.list_responsive(self._clock())

    def _resume(self) -> None:
        self._registry.resume(self._clock())
        self._call_is_due.set()

    async def _call_when_due(self) -> None:
        while True:
            await self._call_is_due.wait()
            self._call_is_due.clear()
            is_answered = await self._call()
            if not self.has_answer.done():
                self.has_answer.set_result(is_answered)

    async def _call(self) -> bool:
        """Call resolvers, and return whether one answers or may still answer."""
        subject = subjects.resolvers("announce")
        try:
            await self._bus.request(subject, CallResolvers(), Announcement, timeout=SETTLED_AFTER_S)
        except Unavailable:
            return False
        except ZonegitError as error:
            _warn(error)
        return True

    def _take(self, subject: str, octets: bytes) -> None:
        try:
            report = _decode(subject, octets)
        except Invalid as error:
            log.warning("report.malformed", subject=subject[:300], error=error.message)
            return
        if isinstance(report, Announcement):
            self._register(report)
        self._on_report(report)

    def _register(self, report: Announcement) -> None:
        if self._registry.record(report, self._clock()):
            self._heard.set()
            self._heard = asyncio.Event()
            return
        if not self._has_refused:
            self._has_refused = True
            log.error(
                "registry.full",
                resolvers=MAX_RESOLVERS,
                refused=report.resolver,
                hint="allow fewer users of the bus to publish zg.resolvers.>; until then --wait"
                " and doctor fail",
            )


def _decode(subject: str, octets: bytes) -> Announcement | ServedEvent:
    """Decode a report.

    Raises:
        Invalid: It is malformed, too large, or contradicts its subject.
    """
    if subject.endswith("._"):
        announcement = codec.decode(octets, Announcement, MAX_ANNOUNCEMENT)
        if subject != subjects.announcement(announcement.resolver):
            raise Invalid(f"an announcement of {announcement.resolver!r} under another subject")
        return announcement
    report = codec.decode(octets, ServedEvent, MAX_SERVED)
    bound = subjects.served(report.resolver, report.zone)
    if subject not in (bound, subjects.served_unbound(report.zone)):
        raise Invalid(f"a report of {report.resolver[:64]!r} under another subject")
    return report


def _warn(error: ZonegitError) -> None:
    log.warning(
        "resolvers.not-heard",
        error=error.message,
        hint="allow refs to publish zg.resolvers.> and subscribe to zg.served.>",
    )
