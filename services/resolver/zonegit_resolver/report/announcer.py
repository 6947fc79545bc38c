"""Announce this resolver on the bus, under a name that no other running resolver has.

Every three seconds an announcement reports to the ref store which resolver this is and how far
it has followed the log. Its size does not depend on the number of zones. A resolver that stops in
order announces that too; one that stops announcing otherwise is reported as silent
(docs/adr/0043-registry-of-resolvers.md).

A name belongs to the process that answers requests to it. Before it starts, a process sends a
request to its name, and exits if there is an answer. A killed process does not answer, so its
successor starts at once. If two processes ask at the same time, the later one exits when it
receives the announcement of the other.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from zonegit import process, release
from zonegit.bus.connection import Bus
from zonegit.errors import Conflict, Denied, Invalid, Unavailable, ZonegitError
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    ANNOUNCE_INTERVAL_S,
    MAX_ANNOUNCEMENT,
    Announcement,
    AskStatus,
    CallResolvers,
    ResolverStatus,
)
from zonegit.zone import names

CLAIM_TIMEOUT_S: Final = 2.0
"""Seconds in which a process with the name has to answer; without an answer the name is free."""
NAME_CONTEST_S: Final = 10.0
"""Seconds after its start in which a resolver exits if another one announces the same name."""
CALL_PAUSE_S: Final = 0.1
"""Seconds between two announcements, regardless of how often resolvers are called."""
GOODBYE_TIMEOUT_S: Final = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Process:
    """This process among those that use the name. ``started`` is in seconds since 1970."""

    name: str
    instance: str = field(default_factory=lambda: secrets.token_hex(8))
    started: float = field(default_factory=time.time)

    def make_announcement(self) -> Announcement:
        """Return the announcement of a process that does not serve yet."""
        return Announcement(
            resolver=self.name,
            instance=self.instance,
            version=release(),
            started=self.started,
            epoch="",
            sequence=0,
            is_serving=False,
        )


async def claim_name(bus: Bus, name: str) -> None:
    """Check that no running process has this name.

    Raises:
        Conflict: One answers.
    """
    question = AskStatus(zone=names.ROOT)  # one zone: the answer is short
    subject = subjects.resolver(name, "status")
    try:
        found = await bus.request(subject, question, ResolverStatus, timeout=CLAIM_TIMEOUT_S)
    except Unavailable:
        return
    except ZonegitError as error:
        log.warning(
            "name.not-checked",
            name=name,
            error=error.message,
            hint=f"allow this resolver to publish and subscribe to zg.resolvers.{name}.>",
        )
        return
    where = f" on {', '.join(found.listen)}" if found.listen else ""
    raise Conflict(
        f"a resolver named {name} is running{where}",
        hint="choose another name with --name",
    )


class Announcer:
    """Announces this process while :meth:`run` runs. ``describe`` returns the announcement."""

    def __init__(self, bus: Bus, me: Process, describe: Callable[[], Announcement]) -> None:
        self._bus = bus
        self._me = me
        self._describe = describe
        self._due = asyncio.Event()
        self._rival: Announcement | None = None
        self._is_contested = False
        bus.on_reconnect(self.announce)

    def announce(self) -> None:
        """Announce this process soon, because its state has changed."""
        self._due.set()

    def answer_call(self, _asked: CallResolvers) -> Announcement:
        """Return the announcement as the reply to a call, and publish it soon."""
        self.announce()
        return self._describe()

    async def run(self) -> None:
        """Announce until cancelled; then publish a goodbye, if the process stops in order.

        Raises:
            Conflict: Another process had the name before this one.
        """
        async with AsyncExitStack() as stack:
            try:
                own = self._bus.subscribe(
                    subjects.announcement(self._me.name), self._on_announcement
                )
                await stack.enter_async_context(own)
            except (Denied, Unavailable) as error:
                log.warning("name.not-watched", name=self._me.name, error=error.message)
            try:
                while True:
                    self._due.clear()
                    await self._publish(self._describe())
                    await asyncio.sleep(CALL_PAUSE_S)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(ANNOUNCE_INTERVAL_S - CALL_PAUSE_S):
                            await self._due.wait()
                    self._check_rival()
            finally:
                if process.stopping.is_set():
                    await self._say_goodbye()

    async def _publish(self, announcement: Announcement) -> None:
        with suppress(Unavailable):  # announced again once the bus is back
            await self._bus.publish(subjects.announcement(self._me.name), announcement)

    async def _say_goodbye(self) -> None:
        goodbye = msgspec.structs.replace(self._describe(), is_leaving=True)
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(GOODBYE_TIMEOUT_S):
                await self._publish(goodbye)
                await self._bus.flush()

    def _on_announcement(self, subject: str, octets: bytes) -> None:
        """Handle an announcement under this name, also one of this process."""
        try:
            announcement = codec.decode(octets, Announcement, MAX_ANNOUNCEMENT)
        except Invalid as error:
            log.warning("announcement.malformed", subject=subject, error=error.message)
            return
        if announcement.instance != self._me.instance and not announcement.is_leaving:
            self._rival = announcement
            self.announce()

    def _check_rival(self) -> None:
        rival, self._rival = self._rival, None
        if rival is None:
            return
        is_later = (rival.started, rival.instance) < (self._me.started, self._me.instance)
        if is_later and time.time() - self._me.started < NAME_CONTEST_S:
            raise Conflict(
                f"another resolver named {self._me.name} began before this one",
                hint="choose another name with --name",
            )
        if not self._is_contested:
            self._is_contested = True
            log.error(
                "name.contested",
                name=self._me.name,
                other=rival.instance,
                hint="two processes have this name; stop one of them",
            )
