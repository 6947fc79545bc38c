"""Lets go of what is served no more: on disk, and in memory a slice at a time."""

import structlog

from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names
from zonegit_resolver.cache.cache import ZoneCache
from zonegit_resolver.scheduling import Scheduler, free_snapshots
from zonegit_resolver.zone_states import ZoneState

log = structlog.get_logger()


class Reclaimer:
    """Takes states and snapshots that were replaced; :meth:`finish` frees what is held."""

    def __init__(self, cache: ZoneCache, scheduler: Scheduler) -> None:
        self._cache = cache
        self._scheduler = scheduler
        self._left: list[ZoneSnapshot] = []

    def add_state(self, state: ZoneState) -> None:
        """A state that queries do not see any more."""
        log.info("zone.left", zone=names.text(state.zone), branch=state.branch)
        self._cache.drop(state.zone, state.branch)
        if state.current is not None:
            self.add_snapshot(state.current.snapshot)
            state.current = None

    def add_snapshot(self, snapshot: ZoneSnapshot) -> None:
        """A state that was big, and replaced."""
        self._left.append(snapshot)

    async def finish(self) -> None:
        """Frees all of it, in slices."""
        left, self._left = self._left, []
        await free_snapshots(left, self._scheduler)
