"""Free states that are no longer served: on disk, and in memory a slice at a time."""

import structlog

from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names
from zonegit_resolver.cache.cache import ZoneCache
from zonegit_resolver.scheduling import Scheduler, free_snapshots
from zonegit_resolver.zone_states import ZoneState

log = structlog.get_logger()


class Reclaimer:
    """Collects replaced states and snapshots; :meth:`finish` frees them."""

    def __init__(self, cache: ZoneCache, scheduler: Scheduler) -> None:
        self._cache = cache
        self._scheduler = scheduler
        self._unused: list[ZoneSnapshot] = []

    def add_state(self, state: ZoneState) -> None:
        """Add a state that is no longer served, and drop it from the cache."""
        log.info("zone.left", zone=names.text(state.zone), branch=state.branch)
        self._cache.drop(state.zone, state.branch)
        if state.current is not None:
            self.add_snapshot(state.current.snapshot)
            state.current = None

    def add_snapshot(self, snapshot: ZoneSnapshot) -> None:
        """Add a large snapshot that was replaced."""
        self._unused.append(snapshot)

    async def finish(self) -> None:
        """Free everything that was added, in slices."""
        unused, self._unused = self._unused, []
        await free_snapshots(unused, self._scheduler)
