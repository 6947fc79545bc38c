"""Follow the log of the ref store: subscribe to events, read all tips, then apply each event.

The log is authoritative, an event is a hint. On a gap in the sequence, a heartbeat that is ahead, a
reconnect or an overflow the follower requests the rows that it missed; in another epoch it reads
all tips again. It does not poll.

If the log went back, or is in an earlier epoch than the one followed, it was restored from a
backup. What is served then stays in service, because secondaries have it too, until an operator has
recovered the zone (docs/adr/0030-recovery.md). A ref store of another installation is not followed,
unless an operator has declared that it replaces the one followed (docs/adr/0045-installations.md).
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import msgspec
import structlog

from zonegit.back_off import BackOff
from zonegit.bus.connection import Bus
from zonegit.containment import contain, isolate
from zonegit.errors import Internal, Invalid, Unavailable, ZonegitError
from zonegit.objects.ids import RawObject
from zonegit.store.installation import (
    PRESENT_AFTER_HEARTBEAT_S,
    FollowedEnd,
    FollowVerdict,
    accepts_installation,
    judge,
)
from zonegit.store.ref_log import LogEntry
from zonegit.store.refs import RefsSnapshot, RefStore, ZoneRefs
from zonegit.wire import codec, subjects
from zonegit.wire.messages import Heartbeat, RefEvent
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache.cache import ZoneCache
from zonegit_resolver.cache.summary import FollowedLog
from zonegit_resolver.follow.pins import Pins
from zonegit_resolver.follow.updater import Updater
from zonegit_resolver.zone_states import LogPosition, ZoneStates

MIN_RETRY_S: Final = 0.1
MAX_RETRY_S: Final = 5.0

log = structlog.get_logger()


class Follower:
    """Follows the log of one installation.

    Attributes:
        complete: Set once all tips have been read.
        failed: Set when an attempt to read the log failed.
    """

    def __init__(
        self,
        bus: Bus,
        refs: RefStore,
        states: ZoneStates,
        updater: Updater,
        pins: Pins,
        cache: ZoneCache,
    ) -> None:
        self._bus = bus
        self._refs = refs
        self._states = states
        self._updater = updater
        self._pins = pins
        self._notes = cache.notes
        self._lineage = cache.lineage
        followed = self._notes.followed
        self.epoch, self.sequence = followed.epoch, followed.sequence
        """The last row of the log that was applied."""
        self.operation, self.past_epochs = followed.operation, followed.past
        """The operation of that row, and the epochs before its epoch."""
        self.installation = followed.installation
        """The installation whose log is followed; empty if it is not known yet."""
        self.refused_installation = ""
        """The installation of a ref store that is on the bus but not followed; empty if there is
        none."""
        self.announced = 0
        """The last row that is known to exist."""
        self._last_heartbeat_at = float("-inf")
        self._second_store = ""
        """The installation of a second ref store on the bus, once it was logged."""
        self.is_held = False
        """True if the ref store has lost rows that were applied."""
        self._is_recovering = False
        self._last_heartbeat: Heartbeat | None = None
        self._sequence_at_heartbeat = 0
        self._wake = asyncio.Event()
        self._needs_full_read = True
        self.complete = asyncio.Event()
        self.failed = asyncio.Event()

    @property
    def lag(self) -> int:
        """Return the number of rows that are known to exist and are not served yet."""
        behind = sum(state.is_behind for state in self._states)
        return max(0, self.announced - self.sequence) + behind

    async def run(self) -> None:
        """Follow the log until cancelled.

        Raises:
            Denied: The permissions of this resolver on the bus do not allow it.
        """
        self._bus.on_reconnect(self._wake.set)
        async with AsyncExitStack() as listening:
            for subject, handler in (
                (subjects.EVENTS, self._on_event),
                (subjects.HEARTBEAT, self._on_heartbeat),
            ):
                await listening.enter_async_context(self._bus.subscribe(subject, handler))
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

    def adopt_plan(self, changed: Iterable[Name]) -> None:
        """Read all tips again after a new plan; resolve the pins of the changed zones again."""
        for zone in changed:
            self._pins.forget(zone)
        self._request_full_read()

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
        if not accepts_installation(self.installation, event.installation, ()):
            return  # the heartbeats say whether that store replaces the one followed
        self.announced = max(self.announced, event.entry.sequence)
        if event.epoch != self.epoch:
            self._request_full_read()
        elif event.entry.sequence == self.sequence + 1 and not self._needs_full_read:
            self._apply_row(event.entry, event.objects)
        elif event.entry.sequence > self.sequence:
            self._wake.set()

    def _on_heartbeat(self, subject: str, octets: bytes) -> None:
        try:
            heartbeat = codec.decode(octets, Heartbeat)
        except Invalid as error:
            log.warning("event.malformed", subject=subject, error=error.message)
            return
        if not accepts_installation(self.installation, heartbeat.installation, heartbeat.replaces):
            self._handle_other_store(heartbeat.installation)
            return
        self._last_heartbeat_at = time.monotonic()
        before, self._last_heartbeat = self._last_heartbeat, heartbeat
        if self.refused_installation:
            self._accept()
        elif self._is_log_replaced(before, heartbeat):
            self._request_full_read()
        elif heartbeat.sequence > self.sequence:
            self.announced = max(self.announced, heartbeat.sequence)
            self._wake.set()
        elif not self._needs_full_read:
            self._states.confirmed = time.time()
        self._sequence_at_heartbeat = self.sequence

    def _is_log_replaced(self, before: Heartbeat | None, heartbeat: Heartbeat) -> bool:
        """Return whether the log is another one than before, so all tips must be read again."""
        if self.is_held:
            return not _is_same(before, heartbeat)
        if self._is_recovering and not (
            _awaits_recovery(heartbeat) and _is_same(before, heartbeat)
        ):
            return True
        # An event can arrive before an earlier heartbeat, but not before one that was sent a second
        # earlier.
        return heartbeat.epoch != self.epoch or heartbeat.sequence < self._sequence_at_heartbeat

    def _handle_other_store(self, installation: str) -> None:
        """Handle a heartbeat of another installation: alone on the bus, or next to the followed
        one."""
        if not self._is_own_store_alive():
            self._refuse(installation)
        elif installation != self._second_store:
            self._second_store = installation
            log.error(
                "refs.second",
                installation=installation,
                held=self.installation,
                hint="two ref stores serve on one bus; stop the one of that installation",
            )

    def _is_own_store_alive(self) -> bool:
        return time.monotonic() - self._last_heartbeat_at < PRESENT_AFTER_HEARTBEAT_S

    def _refuse(self, installation: str) -> None:
        """Keep what is served: the only ref store on the bus belongs to another installation."""
        if installation == self.refused_installation:
            return
        self.refused_installation = installation
        for state in self._states:
            self._states.hold(state)
        log.error(
            "refs.refused",
            installation=installation,
            held=self.installation,
            hint="start refs with its own data folder; if this store replaces that one, run:"
            f" zonegit adopt-store {self.installation}",
        )

    def _accept(self) -> None:
        """Follow again: the ref store on the bus is of the followed installation, or replaces
        it."""
        log.info("refs.accepted", held=self.installation)
        self.refused_installation = ""
        self._request_full_read()

    def _request_full_read(self) -> None:
        """Read all tips again: the log is another one, or is behind the rows that were applied."""
        self._needs_full_read = True
        self._wake.set()

    async def _catch_up(self) -> None:
        if not self._needs_full_read:
            await self._read_missed()
        while self._needs_full_read:
            if not await self._read_all():
                break
            if self.is_held:
                # This request shows the ref store which rows it has lost.
                await self._refs.since(self.epoch, self.sequence, self.operation)
                break
        else:
            self._states.confirmed = time.time()
            self._record_position()
        self.complete.set()

    def _record_position(self) -> None:
        began = self._notes.followed.began
        followed = FollowedLog(
            self.epoch, self.sequence, self.past_epochs, began, self.operation, self.installation
        )
        self._notes.record_followed(followed)

    async def _read_missed(self) -> None:
        while True:
            page = await self._refs.since(self.epoch, self.sequence, self.operation)
            is_short = page.sequence < self.sequence
            if page.epoch != self.epoch or is_short or page.is_other:
                self._needs_full_read = True
                return
            self.announced = page.sequence  # the log is authoritative, not an event
            for entry in page.entries:
                if entry.sequence > self.sequence:
                    self._apply_row(entry, ())
            if not page.entries or self.sequence >= page.sequence:
                self.sequence = max(self.sequence, page.sequence)
                return

    async def _read_all(self) -> bool:
        """Read all zones and tips, in pages.

        The rows after the sequence of the first page are requested afterwards.

        Returns:
            Whether the ref store is of the followed installation; otherwise nothing is applied.
        """
        plan = self._states.plan
        first = page = await self._refs.snapshot()
        if not await self._check_store(first):
            return False
        self._notes.record_start(first.start)
        registered: set[Name] = set()
        while True:
            for zone in page.zones:
                registered.add(zone.zone)
                with isolate("zone", zone=partial(names.text, zone.zone)):
                    self._apply_zone(zone, first)
            if page.after is None:
                break
            page = await self._refs.snapshot(page.after)
            if page.epoch != first.epoch:
                return True  # the log was replaced meanwhile; the next attempt reads it
        if self._states.plan is not plan:
            return True  # the plan was replaced meanwhile
        for state in list(self._states):
            if state.zone in registered:
                continue
            if self.is_held or first.recovering:
                self._states.hold(state)
            else:
                gone = LogPosition(None, first.epoch, first.sequence)
                self._updater.set_target(state.zone, state.branch, gone)
                self._pins.forget(state.zone)
        if not self.is_held:
            self._adopt_snapshot(first)
            self._needs_full_read = False
            await self._read_missed()
        return True

    async def _check_store(self, first: RefsSnapshot) -> bool:
        """Check the installation of the ref store, and whether it has lost rows that were applied.

        Returns:
            Whether the ref store is of the followed installation.
        """
        followed_end = FollowedEnd(self.installation, self.epoch, self.sequence, self.past_epochs)
        verdict = judge(followed_end, first)
        if verdict is FollowVerdict.FOREIGN:
            if self._is_own_store_alive():
                raise Unavailable("two ref stores answer; this one is of another installation")
            self._refuse(first.installation)
            return False
        is_held = verdict is FollowVerdict.WENT_BACK
        if not is_held and first.epoch == self.epoch and self.operation:
            page = await self._refs.since(self.epoch, self.sequence, self.operation)
            is_held = page.is_other
        if is_held and not self.is_held:
            log.error(
                "log.went-back",
                epoch=first.epoch,
                sequence=first.sequence,
                held_epoch=self.epoch,
                held_sequence=self.sequence,
                hint="the ref store was restored from a backup; run zonegit recover;"
                f" if this store replaces the one before, run zonegit adopt-store {self.epoch}",
            )
        self.is_held, self.refused_installation = is_held, ""
        self._last_heartbeat_at = time.monotonic()
        if not is_held and self.epoch not in ("", first.epoch):
            self._lineage.doubt_all()
        return True

    def _adopt_snapshot(self, first: RefsSnapshot) -> None:
        """Continue from the sequence of a snapshot of all tips."""
        self.epoch, self.sequence = first.epoch, first.sequence
        self.installation = first.installation or self.installation
        self.past_epochs = tuple(each.epoch for each in first.past)
        self.operation = first.operation
        self._is_recovering = first.recovering
        self.announced = self._sequence_at_heartbeat = first.sequence

    def _apply_zone(self, zone: ZoneRefs, first: RefsSnapshot) -> None:
        """Set the targets of a zone from a snapshot of all tips."""
        if self.is_held or zone.awaiting:
            self._hold_zone(zone, first)
            return
        if self._states.plan.is_pinned(zone.zone):
            for state in self._states.list_states(zone.zone):
                self._states.release(state)
            self._pins.add(zone.zone, first.epoch, first.sequence)
            return
        for branch in self._states.plan.labels(zone.zone):
            if tip := zone.heads.get(branch):
                position = LogPosition(tip.target, first.epoch, tip.sequence)
                self._updater.set_target(zone.zone, branch, position)
            elif self._states.has(zone.zone, branch):
                gone = LogPosition(None, first.epoch, first.sequence)
                self._updater.set_target(zone.zone, branch, gone)

    def _hold_zone(self, zone: ZoneRefs, first: RefsSnapshot) -> None:
        """Keep the served branches of a zone that is not recovered; follow its other branches."""
        served = {
            each.branch for each in self._states.list_states(zone.zone) if each.current is not None
        }
        for state in self._states.list_states(zone.zone):
            if state.current is not None:
                self._states.hold(state)
        if self._states.plan.is_pinned(zone.zone):
            if not served:
                self._pins.add(zone.zone, first.epoch, first.sequence)
            return
        for branch in self._states.plan.labels(zone.zone):
            if branch not in served and (tip := zone.heads.get(branch)):
                position = LogPosition(tip.target, first.epoch, tip.sequence)
                self._updater.set_target(zone.zone, branch, position)

    def _apply_row(self, entry: LogEntry, objects: Sequence[RawObject]) -> None:
        """Apply one row of the log."""
        self.sequence, self.operation = entry.sequence, entry.operation
        self._record_position()
        ref = entry.ref
        if ref.zone is None:
            return
        # A page of the snapshot may have shown a later row already.
        known = {
            state.branch
            for state in self._states.list_states(ref.zone)
            if state.target.epoch == self.epoch and state.target.sequence >= entry.sequence
        }
        if entry.kind == "removed":
            gone = LogPosition(None, self.epoch, entry.sequence, entry.time)
            for state in self._states.list_states(ref.zone):
                if state.branch not in known:
                    self._updater.set_target(ref.zone, state.branch, gone)
            self._pins.forget(ref.zone)
        elif self._states.plan.is_pinned(ref.zone):
            self._pins.add(ref.zone, self.epoch, entry.sequence)
        elif ref.space == "heads" and self._states.plan.follows(ref.zone, ref.short):
            moved = LogPosition(entry.new, self.epoch, entry.sequence, entry.time)
            if ref.short not in known:
                self._updater.set_target(ref.zone, ref.short, moved, objects)


def _is_same(before: Heartbeat | None, heartbeat: Heartbeat) -> bool:
    """Return whether two heartbeats differ in nothing but their time."""
    return before is not None and msgspec.structs.replace(before, time=heartbeat.time) == heartbeat


def _awaits_recovery(heartbeat: Heartbeat) -> bool:
    """Return whether zones await recovery after a restore."""
    return heartbeat.restored or heartbeat.awaiting > 0
