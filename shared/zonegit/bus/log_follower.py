"""Follow the log of the ref store: subscribe to events, read all refs, then apply each row.

Theory of operation. The log is authoritative, an event is a hint. On a gap in the sequence, a
heartbeat that is ahead, a reconnect or an overflow the follower requests the rows that it missed.
In another epoch, and at the start, it reads all refs again, in pages, and then the rows since the
first page. It does not poll. A failed read is repeated after growing pauses.

What is done with the log is up to a handler (:class:`LogHandler`). Its methods do not wait: a
handler that needs more objects sets targets and lets tasks of its own reach them. The rows of all
ref spaces and all zones arrive; a handler ignores those that it does not need. Each row is applied
once, in order, except that a page of a full read can show a later state than a row that follows it.
A new process begins with a full read: rows from before it are not applied one by one.

If the log went back, or is in an earlier epoch than the one followed, it was restored from a
backup: :attr:`LogFollower.is_held` is true, and the handler keeps what it has until an operator has
recovered the zones (docs/adr/0030-recovery.md). A ref store of another installation is not
followed, unless an operator has declared that it replaces the one followed
(docs/adr/0045-installations.md).
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, Protocol

import structlog

from zonegit.back_off import BackOff
from zonegit.bus.connection import Bus
from zonegit.bus.store_heartbeats import HeartbeatSender, StoreHeartbeats
from zonegit.containment import contain, isolate
from zonegit.errors import Internal, Invalid, Unavailable, ZonegitError
from zonegit.objects.ids import RawObject
from zonegit.store.installation import FollowedEnd, FollowVerdict, accepts_installation, judge
from zonegit.store.ref_log import LogEntry
from zonegit.store.refs import RefsSnapshot, RefStore, ZoneRefs
from zonegit.wire import codec, subjects
from zonegit.wire.messages import Heartbeat, RefEvent
from zonegit.zone import names
from zonegit.zone.names import Name

MIN_RETRY_S: Final = 0.1
MAX_RETRY_S: Final = 5.0

log = structlog.get_logger()


class LogHandler(Protocol):
    """Applies the log for a service."""

    def apply_row(self, entry: LogEntry, objects: Sequence[RawObject]) -> None:
        """Apply one row.

        Args:
            entry: the row.
            objects: new objects of the commit that came with the event; they may be missing.
        """

    def begin_read(self, first: RefsSnapshot) -> None:
        """Prepare for a read of all refs, of which ``first`` is the first page."""

    def apply_zone(self, zone: ZoneRefs, first: RefsSnapshot) -> None:
        """Apply all refs of one zone, as of the sequence of ``first`` or later."""

    def end_read(self, zones: Collection[Name], first: RefsSnapshot) -> bool:
        """Finish a read of all refs, and forget all zones but ``zones``.

        Returns:
            False if all refs have to be read again.
        """

    def record_end(self, end: FollowedEnd) -> None:
        """Record the last row that was applied. A later process is given it to detect a log that
        went back."""

    def confirm(self) -> None:
        """Record that all rows have been applied up to now."""

    def refuse_store(self) -> None:
        """Keep everything: the only ref store on the bus belongs to another installation."""

    def note_replaced_log(self) -> None:
        """Record that the log continues in another epoch."""


class LogFollower:
    """Follows the log of one installation.

    Args:
        bus: the connection.
        refs: the ref store.
        handler: what is done with the log.
        end: the last row that earlier processes have applied, to detect a log that went back; None
            if there is none.
    """

    def __init__(
        self, bus: Bus, refs: RefStore, handler: LogHandler, end: FollowedEnd | None = None
    ) -> None:
        self._bus = bus
        self._refs = refs
        self._handler = handler
        self.end = end or FollowedEnd()
        """The last row that was applied."""
        self.announced = 0
        """The last row that is known to exist."""
        self.is_held = False
        """True if the ref store has lost rows that were applied."""
        self.complete = asyncio.Event()
        """Set once all refs have been read."""
        self.failed = asyncio.Event()
        """Set when an attempt to read the log failed."""
        self._heartbeats = StoreHeartbeats()
        self._wake = asyncio.Event()
        self._needs_full_read = True
        self._orders = 0
        bus.on_reconnect(self._wake.set)

    @property
    def refused_installation(self) -> str:
        """Return the installation of a ref store that is on the bus but not followed; empty if
        there is none."""
        return self._heartbeats.refused_installation

    @property
    def missing(self) -> int:
        """Return the number of rows that are known to exist and are not applied yet."""
        return max(0, self.announced - self.end.sequence)

    async def run(self) -> None:
        """Follow the log until cancelled.

        Raises:
            Denied: The permissions of this user on the bus do not allow it.
        """
        async with AsyncExitStack() as listening:
            for subject, take in (
                (subjects.EVENTS, self._on_event),
                (subjects.HEARTBEAT, self._on_heartbeat),
            ):
                await listening.enter_async_context(self._bus.subscribe(subject, take))
            self._wake.set()
            back_off = BackOff(MIN_RETRY_S, MAX_RETRY_S)
            while True:
                await self._wake.wait()
                self._wake.clear()
                try:
                    with contain("log"):
                        await self._catch_up()
                    back_off.reset()
                except ZonegitError as error:
                    log.warning("log.not-read", error=error.message, hint=error.hint)
                    self.failed.set()
                    self._wake.set()
                    await asyncio.sleep(back_off.pause_s)
                    back_off.grow()

    def read_again(self) -> None:
        """Read all refs again; also if that is done at present."""
        self._orders += 1
        self._request_full_read()

    def _request_full_read(self) -> None:
        self._needs_full_read = True
        self._wake.set()

    def _on_event(self, subject: str, octets: bytes) -> None:
        try:
            event = codec.decode(octets, RefEvent)
        except Invalid as error:
            log.warning("event.malformed", subject=subject[:300], error=error.message)
            self._wake.set()
            return
        try:
            with contain("event", subject=subject[:300]):
                self._handle_event(event)
        except Internal:
            self._request_full_read()  # the event may be applied in part

    def _handle_event(self, event: RefEvent) -> None:
        if not accepts_installation(self.end.installation, event.installation, ()):
            return  # the heartbeats say whether that store replaces the one followed
        self.announced = max(self.announced, event.entry.sequence)
        if event.epoch != self.end.epoch:
            self._request_full_read()
        elif event.entry.sequence == self.end.sequence + 1 and not self._needs_full_read:
            self._apply_row(event.entry, event.objects)
        elif event.entry.sequence > self.end.sequence:
            self._wake.set()

    def _on_heartbeat(self, subject: str, octets: bytes) -> None:
        try:
            heartbeat = codec.decode(octets, Heartbeat)
        except Invalid as error:
            log.warning("event.malformed", subject=subject, error=error.message)
            return
        match self._heartbeats.take(heartbeat, self.end, is_held=self.is_held):
            case HeartbeatSender.OTHER:
                return
            case HeartbeatSender.FOREIGN:
                self._handler.refuse_store()
                return
            case HeartbeatSender.RETURNED | HeartbeatSender.REPLACED:
                self._request_full_read()
            case HeartbeatSender.FOLLOWED:
                self._compare_end(heartbeat)
        self._heartbeats.note_applied(self.end.sequence)

    def _compare_end(self, heartbeat: Heartbeat) -> None:
        if heartbeat.sequence > self.end.sequence:
            self.announced = max(self.announced, heartbeat.sequence)
            self._wake.set()
        elif not self._needs_full_read:
            self._handler.confirm()

    async def _catch_up(self) -> None:
        if not self._needs_full_read:
            await self._read_missed()
        while self._needs_full_read:
            if not await self._read_all():
                break
            if self.is_held:
                # This request shows the ref store which rows it has lost.
                await self._refs.since(self.end.epoch, self.end.sequence, self.end.operation)
                break
        else:
            self._handler.confirm()
            self._handler.record_end(self.end)
        self.complete.set()

    async def _read_missed(self) -> None:
        while True:
            end = self.end
            page = await self._refs.since(end.epoch, end.sequence, end.operation)
            is_short = page.sequence < self.end.sequence
            if page.epoch != self.end.epoch or is_short or page.is_other:
                self._needs_full_read = True
                return
            self.announced = page.sequence  # the log is authoritative, not an event
            for entry in page.entries:
                if entry.sequence > self.end.sequence:
                    self._apply_row(entry, ())
            if not page.entries or self.end.sequence >= page.sequence:
                self.end = self.end._replace(sequence=max(self.end.sequence, page.sequence))
                return

    def _apply_row(self, entry: LogEntry, objects: Sequence[RawObject]) -> None:
        self.end = self.end._replace(sequence=entry.sequence, operation=entry.operation)
        self._handler.apply_row(entry, objects)
        self._handler.record_end(self.end)

    async def _read_all(self) -> bool:
        """Read all zones and refs, in pages.

        The rows after the sequence of the first page are requested afterwards.

        Returns:
            Whether the ref store is of the followed installation; otherwise nothing is applied.
        """
        orders = self._orders
        first = page = await self._refs.snapshot()
        if not await self._check_store(first):
            return False
        self._handler.begin_read(first)
        registered: set[Name] = set()
        while True:
            for zone in page.zones:
                registered.add(zone.zone)
                with isolate("zone", zone=partial(names.text, zone.zone)):
                    self._handler.apply_zone(zone, first)
            if page.after is None:
                break
            page = await self._refs.snapshot(page.after)
            if page.epoch != first.epoch:
                return True  # the log was replaced meanwhile; the next attempt reads it
        if self._handler.end_read(registered, first) and not self.is_held:
            self._continue_from(first)
            self._needs_full_read = self._orders != orders
            await self._read_missed()
        return True

    async def _check_store(self, first: RefsSnapshot) -> bool:
        """Check the installation of the ref store, and whether it has lost rows that were applied.

        Returns:
            Whether the ref store is of the followed installation.
        """
        end = self.end
        verdict = judge(end, first)
        if verdict is FollowVerdict.FOREIGN:
            if self._heartbeats.is_alive():
                raise Unavailable("two ref stores answer; this one is of another installation")
            if self._heartbeats.refuse(first.installation, end):
                self._handler.refuse_store()
            return False
        is_held = verdict is FollowVerdict.WENT_BACK
        if not is_held and first.epoch == end.epoch and end.operation:
            page = await self._refs.since(end.epoch, end.sequence, end.operation)
            is_held = page.is_other
        if is_held and not self.is_held:
            log.error(
                "log.went-back",
                epoch=first.epoch,
                sequence=first.sequence,
                held_epoch=end.epoch,
                held_sequence=end.sequence,
                hint="the ref store was restored from a backup; run zonegit recover;"
                f" if this store replaces the one before, run zonegit adopt-store {end.epoch}",
            )
        self.is_held = is_held
        self._heartbeats.note_read()
        if not is_held and end.epoch not in ("", first.epoch):
            self._handler.note_replaced_log()
        return True

    def _continue_from(self, first: RefsSnapshot) -> None:
        """Continue from the sequence of a read of all refs."""
        self.end = FollowedEnd(
            installation=first.installation or self.end.installation,
            epoch=first.epoch,
            sequence=first.sequence,
            past=tuple(each.epoch for each in first.past),
            operation=first.operation,
        )
        self.announced = first.sequence
        self._heartbeats.is_recovering = first.recovering
        self._heartbeats.note_applied(first.sequence)
