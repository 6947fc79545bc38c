"""Bring zone states to their targets: load the commit, swap the snapshot, write the cache.

Zones are updated concurrently, the moves of one zone in order. Of several moves of one branch only
the last is loaded. If a commit cannot be loaded, the old state stays in service and the load is
retried. An unexpected exception affects one zone only (``zonegit.containment``).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final

import structlog

from zonegit.back_off import BackOff
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
"""Zones that are loaded at the same time."""

MAX_KNOWN_OBJECTS: Final = 4_096
"""Objects from events that are kept for a zone until it is loaded; others are fetched."""

MIN_RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 30.0

OnApplied = Callable[[ZoneState, LogPosition], None]
"""Called with each state that has reached a position."""

log = structlog.get_logger()


class Updater:
    """Updates zones in tasks of the given task group."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        states: ZoneStates,
        store: NodeCache,
        cache: ZoneCache,
        reclaimer: Reclaimer,
        scheduler: Scheduler,
        on_applied: OnApplied,
    ) -> None:
        self._group = group
        self._states = states
        self._store = store
        self._cache = cache
        self._reclaimer = reclaimer
        self._scheduler = scheduler
        self._on_applied = on_applied
        self._free = asyncio.Semaphore(LOAD_CONCURRENCY)
        self._working: dict[Name, asyncio.Event] = {}
        self._progress = asyncio.Event()

    def set_target(
        self, zone: Name, branch: str, target: LogPosition, known_objects: Sequence[RawObject] = ()
    ) -> None:
        """Set the target of a branch, and start to update it.

        Args:
            zone: The zone.
            branch: The branch.
            target: The new target.
            known_objects: Objects of its commit, which need not be fetched.
        """
        with isolate("zone", zone=partial(names.text, zone), branch=branch):
            self._set_target(zone, branch, target, known_objects)

    def _set_target(
        self, zone: Name, branch: str, target: LogPosition, known_objects: Sequence[RawObject]
    ) -> None:
        state = self._states.set_target(zone, branch, target)
        if target.is_at(state.applied):
            self._states.confirm(state)
            return
        if len(state.known_objects) < MAX_KNOWN_OBJECTS:
            state.known_objects.extend(known_objects)
        working = self._working.get(zone)
        if working is not None:
            working.set()
        elif state.current is not None and state.current.commit == target.commit:
            self._apply(state, target, state.current)
        else:
            self._working[zone] = asyncio.Event()
            self._group.create_task(keep_running("zone", partial(self._run_zone, zone)))

    async def wait_idle(self) -> None:
        """Wait until each state is at its target or has a problem."""
        while any(state.is_behind and not state.problem for state in self._states):
            self._progress.clear()
            await self._progress.wait()

    async def _run_zone(self, zone: Name) -> None:
        """Update the states of a zone until none of them is behind."""
        changed = self._working[zone]
        back_off = BackOff(MIN_RETRY_S, MAX_RETRY_S)
        while behind := [state for state in self._states.list_states(zone) if state.is_behind]:
            changed.clear()
            for state in behind:
                async with self._free:
                    await self._attempt(state)
                with isolate("memory"):
                    await self._reclaimer.finish()
            if not any(state.problem for state in behind):
                back_off.reset()
                continue
            try:
                async with asyncio.timeout(back_off.pause_s):
                    await changed.wait()
            except TimeoutError:
                back_off.grow()
        del self._working[zone]

    async def _attempt(self, state: ZoneState) -> None:
        """Bring a state to its target, or record the problem."""
        target = state.target
        try:
            with contain("zone", zone=partial(names.text, state.zone), branch=state.branch):
                await self._update(state)
        except ZonegitError as error:
            if state.is_behind:  # else the state is served, and a step after that failed
                self._record_failure(state, target.commit, error)

    async def _update(self, state: ZoneState) -> None:
        if not self._states.contains(state):
            return
        target, known_objects = state.target, state.known_objects
        state.known_objects = []
        if target.commit is None:
            self._remove(state, target)
            return
        base = self._choose_base(state)
        snapshot, tree = (base.snapshot, base.tree) if base else (empty_snapshot(state.zone), None)
        # A client waits for a change. A zone that is loaded in full takes long, and does not delay
        # background work.
        with self._scheduler.priority() if base is not None else nullcontext():
            loader = Loader(self._store, self._scheduler, known_objects)
            loaded = await loader.load(target.commit, snapshot, tree)
            delta = await self._compute_delta(state, base, loaded)
        # Otherwise the branch was removed meanwhile, or the plan no longer names it.
        if state.target.commit is not None and self._states.contains(state):
            self._swap(state, target, loaded, base, delta)

    async def _compute_delta(
        self, state: ZoneState, base: Compiled | None, loaded: Loaded
    ) -> ZoneDelta | None:
        """Return the difference to what is served, for IXFR.

        None if the base is another branch, or if the difference is unknown or too large.
        """
        rows = loaded.rows
        if base is None or base is not state.current or rows is None or len(rows) > MAX_RECORDS:
            return None
        paths = [row.path for row in rows]
        return await run_in_slices(
            compute_delta(base.snapshot, loaded.snapshot, paths), self._scheduler
        )

    def _choose_base(self, state: ZoneState) -> Compiled | None:
        """Return the compiled state to start from.

        That of the same branch, else of another branch of the zone, with which memory is then
        shared; None to start from an empty zone.
        """
        if state.needs_full_load:
            return None
        if state.current is not None:
            return state.current
        others = (each.current for each in self._states.list_states(state.zone))
        return next((other for other in others if other is not None), None)

    def _swap(
        self,
        state: ZoneState,
        target: LogPosition,
        loaded: Loaded,
        base: Compiled | None,
        delta: ZoneDelta | None,
    ) -> None:
        assert target.commit is not None
        before = state.current
        compiled = Compiled(target.commit, loaded.tree, loaded.snapshot)
        # Served first, then written: a client that waits does not wait for the disk.
        self._apply(state, target, compiled)
        # If the base is another branch, the rows are not the difference to what is on disk.
        rows = loaded.rows if before is base else None
        base_commit = before.commit if before is not None else None
        swap = CacheWrite(target, compiled, time.time(), rows, base_commit, delta)
        self._cache.record_swap(state.zone, state.branch, swap)
        if before is not None and (loaded.rows is None or len(loaded.rows) > MAX_UNSLICED_RRSETS):
            self._reclaimer.add_snapshot(before.snapshot)

    def _remove(self, state: ZoneState, target: LogPosition) -> None:
        before = state.current
        self._apply(state, target, None)
        self._cache.drop(state.zone, state.branch)
        if before is not None:
            self._reclaimer.add_snapshot(before.snapshot)

    def _apply(self, state: ZoneState, target: LogPosition, compiled: Compiled | None) -> None:
        dropped = self._states.apply(state, target, compiled)
        log.info(
            "zone.served" if compiled is not None else "zone.left",
            **_log_fields(state),
            commit=short(compiled.commit) if compiled is not None else None,
            serial=compiled.snapshot.serial if compiled is not None else None,
            sequence=target.sequence,
            delay_ms=round(target.delay_ms(), 2),
        )
        for each in dropped:
            self._reclaimer.add_state(each)
        self._progress.set()
        self._on_applied(state, target)

    def _record_failure(
        self, state: ZoneState, commit: ObjectId | None, error: ZonegitError
    ) -> None:
        if state.problem != error.message:
            log.error(
                "zone.not-loaded",
                **_log_fields(state),
                commit=short(commit) if commit is not None else None,
                code=error.code,
                error=error.message,
                serving=short(state.current.commit) if state.current else None,
                exc_info=error if isinstance(error, Internal) else None,
            )
        # The store may have lost objects of the served commit.
        state.needs_full_load = not state.needs_full_load and not isinstance(error, Unavailable)
        self._states.fail(state, error.message)
        self._progress.set()


def _log_fields(state: ZoneState) -> dict[str, str]:
    return {"zone": names.text(state.zone), "branch": state.branch}
