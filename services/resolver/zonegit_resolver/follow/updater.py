"""Brings tracks to where they should be: load, swap, tell, keep.

Zones are worked on side by side, the moves of one zone in order; a burst of moves of one branch
comes down to the last. What cannot be loaded leaves the old state in service, and is tried again;
a bug that one zone meets is that zone's problem alone (``zonegit.containment``).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final

import structlog

from zonegit.containment import contain, isolate, keep_running
from zonegit.errors import Internal, Unavailable, ZonegitError
from zonegit.nameserver.zone.records import ZoneDelta, compute_delta
from zonegit.nameserver.zone.snapshot import empty_snapshot
from zonegit.objects.ids import ObjectId, RawObject, short
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache.cache import ZoneCache
from zonegit_resolver.cache.journal import MAX_RECORDS
from zonegit_resolver.cache.write import CacheWrite
from zonegit_resolver.follow.loader import Loaded, Loader
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.follow.reclaim import Reclaimer
from zonegit_resolver.scheduling import MAX_UNSLICED_RRSETS, Scheduler, run_in_slices
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneState, ZoneStates

LOAD_CONCURRENCY: Final = 8
"""Zones that are loaded at a time."""

MAX_KNOWN_OBJECTS: Final = 4_096
"""Objects that are kept until a zone has time for them; beyond that they are fetched."""

MIN_RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 30.0

OnApplied = Callable[[ZoneState, LogPosition], None]
"""Hears of each track that has come to a position."""

log = structlog.get_logger()


class Updater:
    """Works in the task group it is given."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        tracks: ZoneStates,
        store: NodeCache,
        last_known: ZoneCache,
        leaving: Reclaimer,
        pace: Scheduler,
        arrived: OnApplied,
    ) -> None:
        self._group = group
        self._tracks = tracks
        self._store = store
        self._last_known = last_known
        self._leaving = leaving
        self._pace = pace
        self._arrived = arrived
        self._free = asyncio.Semaphore(LOAD_CONCURRENCY)
        self._working: dict[Name, asyncio.Event] = {}
        self._progress = asyncio.Event()

    def want(
        self, zone: Name, branch: str, wanted: LogPosition, known: Sequence[RawObject] = ()
    ) -> None:
        """Follow a branch to where it has moved. ``known`` are objects of the commit."""
        with isolate("zone", zone=partial(names.text, zone), branch=branch):
            self._want(zone, branch, wanted, known)

    def _want(
        self, zone: Name, branch: str, wanted: LogPosition, known: Sequence[RawObject]
    ) -> None:
        track = self._tracks.track(zone, branch, wanted)
        if wanted.is_at(track.done):
            self._tracks.confirm(track)
            return
        if len(track.known) < MAX_KNOWN_OBJECTS:
            track.known.extend(known)
        working = self._working.get(zone)
        if working is not None:
            working.set()
        elif track.current is not None and track.current.commit == wanted.commit:
            self._arrive(track, wanted, track.current)
        else:
            self._working[zone] = asyncio.Event()
            self._group.create_task(keep_running("zone", partial(self._work, zone)))

    async def settled(self) -> None:
        """Waits until each track has arrived, or has a problem."""
        while any(track.is_behind and not track.problem for track in self._tracks):
            self._progress.clear()
            await self._progress.wait()

    async def _work(self, zone: Name) -> None:
        """Runs while a track of the zone is behind."""
        changed = self._working[zone]
        wait_s = MIN_RETRY_S
        while behind := [track for track in self._tracks.of(zone) if track.is_behind]:
            changed.clear()
            for track in behind:
                async with self._free:
                    await self._attempt(track)
                with isolate("memory"):
                    await self._leaving.finish()
            if not any(track.problem for track in behind):
                wait_s = MIN_RETRY_S
                continue
            try:
                async with asyncio.timeout(wait_s):
                    await changed.wait()
            except TimeoutError:
                wait_s = min(2 * wait_s, MAX_RETRY_S)
        del self._working[zone]

    async def _attempt(self, track: ZoneState) -> None:
        """Bring a track to where it should be, or note why that is not possible."""
        wanted = track.wanted
        try:
            with contain("zone", zone=partial(names.text, track.zone), branch=track.branch):
                await self._follow(track)
        except ZonegitError as error:
            if track.is_behind:  # else it is served, and only what follows that failed
                self._fail(track, wanted.commit, error)

    async def _follow(self, track: ZoneState) -> None:
        if not self._tracks.holds(track):
            return
        wanted, known = track.wanted, track.known
        track.known = []
        if wanted.commit is None:
            self._leave(track, wanted)
            return
        base = self._base(track)
        snapshot, tree = (base.snapshot, base.tree) if base else (empty_snapshot(track.zone), None)
        # A change is waited for. A zone that is loaded takes long, and others may go on meanwhile.
        with self._pace.hurry() if base is not None else nullcontext():
            loader = Loader(self._store, self._pace, known)
            loaded = await loader.load(wanted.commit, snapshot, tree)
            delta = await self._delta(track, base, loaded)
        # Else it has been removed meanwhile, or nobody wants it any more.
        if track.wanted.commit is not None and self._tracks.holds(track):
            self._swap(track, wanted, loaded, base, delta)

    async def _delta(
        self, track: ZoneState, base: Compiled | None, loaded: Loaded
    ) -> ZoneDelta | None:
        """What secondaries are told of the difference to what is served; None when that is too
        much, or nothing is known of it."""
        rows = loaded.rows
        if base is None or base is not track.current or rows is None or len(rows) > MAX_RECORDS:
            return None
        paths = [row.path for row in rows]
        return await run_in_slices(compute_delta(base.snapshot, loaded.snapshot, paths), self._pace)

    def _base(self, track: ZoneState) -> Compiled | None:
        """What to advance from: where the track is, else another branch, whose memory is then
        shared; None: from nothing."""
        if track.afresh:
            return None
        if track.current is not None:
            return track.current
        others = (each.current for each in self._tracks.of(track.zone))
        return next((other for other in others if other is not None), None)

    def _swap(
        self,
        track: ZoneState,
        wanted: LogPosition,
        loaded: Loaded,
        base: Compiled | None,
        delta: ZoneDelta | None,
    ) -> None:
        assert wanted.commit is not None
        before = track.current
        compiled = Compiled(wanted.commit, loaded.tree, loaded.snapshot)
        # Served first, written after: whoever waits for this waits for the next query only.
        self._arrive(track, wanted, compiled)
        # Of another branch's base the rows tell only the difference to that.
        rows = loaded.rows if before is base else None
        base_commit = before.commit if before is not None else None
        kept = CacheWrite(wanted, compiled, time.time(), rows, base_commit, delta)
        self._last_known.keep(track.zone, track.branch, kept)
        if before is not None and (loaded.rows is None or len(loaded.rows) > MAX_UNSLICED_RRSETS):
            self._leaving.snapshot(before.snapshot)

    def _leave(self, track: ZoneState, wanted: LogPosition) -> None:
        before = track.current
        self._arrive(track, wanted, None)
        self._last_known.drop(track.zone, track.branch)
        if before is not None:
            self._leaving.snapshot(before.snapshot)

    def _arrive(self, track: ZoneState, wanted: LogPosition, compiled: Compiled | None) -> None:
        useless = self._tracks.arrive(track, wanted, compiled)
        log.info(
            "zone.served" if compiled is not None else "zone.left",
            **_fields(track),
            commit=short(compiled.commit) if compiled is not None else None,
            serial=compiled.snapshot.serial if compiled is not None else None,
            sequence=wanted.sequence,
            delay_ms=round(wanted.delay_ms(), 2),
        )
        for each in useless:
            self._leaving.track(each)
        self._progress.set()
        self._arrived(track, wanted)

    def _fail(self, track: ZoneState, commit: ObjectId | None, error: ZonegitError) -> None:
        if track.problem != error.message:
            log.error(
                "zone.not-loaded",
                **_fields(track),
                commit=short(commit) if commit is not None else None,
                code=error.code,
                error=error.message,
                serving=short(track.current.commit) if track.current else None,
                exc_info=error if isinstance(error, Internal) else None,
            )
        # Perhaps it is what is served that the store no longer has.
        track.afresh = not track.afresh and not isinstance(error, Unavailable)
        self._tracks.fail(track, error.message)
        self._progress.set()


def _fields(track: ZoneState) -> dict[str, str]:
    return {"zone": names.text(track.zone), "branch": track.branch}
