"""Follows the log of the ref store: listens first, then reads where everything stands, then takes
each event in order. Nothing polls.

The log is the truth, an event a hint. A gap in the sequence, a heartbeat that is ahead, a
reconnect, an overflow: each makes it ask for what it has missed; another epoch, or a log that has
gone back, for everything.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import structlog

from zonegit.bus.connection import Bus
from zonegit.errors import Invalid, ZonegitError
from zonegit.objects.ids import RawObject
from zonegit.store.protocols import LogEntry, RefStore, Snapshot, ZoneRefs
from zonegit.wire import codec, subjects
from zonegit.wire.messages import Heartbeat, RefEvent
from zonegit.zone.names import Name
from zonegit_resolver.following.pins import Pins
from zonegit_resolver.following.tracks import Position, Tracks
from zonegit_resolver.following.updater import Updater

RETRY_FIRST_S: Final = 0.1
RETRY_MOST_S: Final = 5.0

log = structlog.get_logger()


class Follower:
    """``complete`` is set once everything has been read; ``failed`` when an attempt failed."""

    def __init__(
        self, bus: Bus, refs: RefStore, tracks: Tracks, updater: Updater, pins: Pins
    ) -> None:
        self._bus = bus
        self._refs = refs
        self._tracks = tracks
        self._updater = updater
        self._pins = pins
        self.epoch = ""
        self.sequence = 0
        """The last row of the log that was taken up."""
        self.announced = 0
        """The last one that is known to exist."""
        self._at_last_beat = 0
        self._missed = asyncio.Event()
        self._everything = True
        self.complete = asyncio.Event()
        self.failed = asyncio.Event()

    @property
    def lag(self) -> int:
        """How many rows of the log are known to exist and not yet served."""
        behind = sum(track.is_behind for track in self._tracks)
        return max(0, self.announced - self.sequence) + behind

    async def run(self) -> None:
        """Follows until cancelled.

        Raises:
            Denied: the bus does not let this resolver listen or ask.
        """
        self._bus.on_reconnect(self._missed.set)
        async with AsyncExitStack() as listening:
            for subject, hear in ((subjects.EVENTS, self._hear), (subjects.HEARTBEAT, self._beat)):
                await listening.enter_async_context(self._bus.subscribe(subject, hear))
            self._missed.set()
            wait_s = RETRY_FIRST_S
            while True:
                await self._missed.wait()
                self._missed.clear()
                try:
                    await self._catch_up()
                    wait_s = RETRY_FIRST_S
                except ZonegitError as error:
                    log.warning("log.not-read", error=error.message, hint=error.hint)
                    self.failed.set()
                    self._missed.set()
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, RETRY_MOST_S)

    def look_again(self, changed: Iterable[Name]) -> None:
        """Another plan, by which these zones are served otherwise: where everything stands matters
        anew, and so does what their pins stand for."""
        for zone in changed:
            self._pins.forget(zone)
        self._lose_track()

    def _hear(self, subject: str, octets: bytes) -> None:
        try:
            event = codec.decode(octets, RefEvent)
        except Invalid as error:
            log.warning("event.malformed", subject=subject[:300], error=error.message)
            self._missed.set()
            return
        self.announced = max(self.announced, event.entry.sequence)
        if event.epoch != self.epoch:
            self._lose_track()
        elif event.entry.sequence == self.sequence + 1 and not self._everything:
            self._take(event.entry, event.objects)
        elif event.entry.sequence > self.sequence:
            self._missed.set()

    def _beat(self, subject: str, octets: bytes) -> None:
        try:
            beat = codec.decode(octets, Heartbeat)
        except Invalid as error:
            log.warning("event.malformed", subject=subject, error=error.message)
            return
        # An event may overtake a heartbeat, but not one that was sent a second before it.
        if beat.epoch != self.epoch or beat.sequence < self._at_last_beat:
            self._lose_track()
        elif beat.sequence > self.sequence:
            self.announced = max(self.announced, beat.sequence)
            self._missed.set()
        elif not self._everything:
            self._tracks.confirmed = time.time()
        self._at_last_beat = self.sequence

    def _lose_track(self) -> None:
        """What this knows is of another log, or of a later state of it than there is."""
        self._everything = True
        self._missed.set()

    async def _catch_up(self) -> None:
        if not self._everything:
            await self._read_missed()
        while self._everything:
            await self._read_everything()
        self._tracks.confirmed = time.time()
        self.complete.set()

    async def _read_missed(self) -> None:
        while True:
            since = await self._refs.since(self.epoch, self.sequence)
            if since.epoch != self.epoch or since.sequence < self.sequence:
                self._everything = True
                return
            self.announced = since.sequence  # the log knows better than a message that came astray
            for entry in since.entries:
                if entry.sequence > self.sequence:
                    self._take(entry, ())
            if not since.entries or self.sequence >= since.sequence:
                self.sequence = max(self.sequence, since.sequence)
                return

    async def _read_everything(self) -> None:
        """All zones and tips, in pages. Events that arrive meanwhile count from the first page's
        sequence on, and are asked for afterwards."""
        plan = self._tracks.plan
        first = page = await self._refs.snapshot()
        registered: set[Name] = set()
        while True:
            for zone in page.zones:
                registered.add(zone.zone)
                self._stand(zone, first)
            if page.after is None:
                break
            page = await self._refs.snapshot(page.after)
            if page.epoch != first.epoch:
                return  # replaced meanwhile; the next attempt reads it
        if self._tracks.plan is not plan:
            return  # so was that
        for track in list(self._tracks):
            if track.zone not in registered:
                gone = Position(None, first.epoch, first.sequence)
                self._updater.want(track.zone, track.branch, gone)
                self._pins.forget(track.zone)
        self.epoch, self.sequence = first.epoch, first.sequence
        self.announced = self._at_last_beat = first.sequence
        self._everything = False
        await self._read_missed()

    def _stand(self, zone: ZoneRefs, first: Snapshot) -> None:
        """Where a zone stands in the whole picture."""
        if self._tracks.plan.is_pinned(zone.zone):
            self._pins.want(zone.zone, first.epoch, first.sequence)
            return
        for branch in self._tracks.plan.labels(zone.zone):
            if tip := zone.heads.get(branch):
                position = Position(tip.target, first.epoch, tip.sequence)
                self._updater.want(zone.zone, branch, position)
            elif self._tracks.has(zone.zone, branch):
                gone = Position(None, first.epoch, first.sequence)
                self._updater.want(zone.zone, branch, gone)

    def _take(self, entry: LogEntry, objects: Sequence[RawObject]) -> None:
        """Applies one row of the log."""
        self.sequence = entry.sequence
        ref = entry.ref
        if ref.zone is None:
            return
        # A page of the whole picture may have shown what came later already.
        known = {
            track.branch
            for track in self._tracks.of(ref.zone)
            if track.wanted.epoch == self.epoch and track.wanted.sequence >= entry.sequence
        }
        if entry.kind == "removed":
            gone = Position(None, self.epoch, entry.sequence, entry.time)
            for track in self._tracks.of(ref.zone):
                if track.branch not in known:
                    self._updater.want(ref.zone, track.branch, gone)
            self._pins.forget(ref.zone)
        elif self._tracks.plan.is_pinned(ref.zone):
            self._pins.want(ref.zone, self.epoch, entry.sequence)
        elif ref.space == "heads" and self._tracks.plan.follows(ref.zone, ref.short):
            moved = Position(entry.new, self.epoch, entry.sequence, entry.time)
            if ref.short not in known:
                self._updater.want(ref.zone, ref.short, moved, objects)
