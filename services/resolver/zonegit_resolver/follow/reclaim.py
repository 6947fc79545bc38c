"""Lets go of what is served no more: on disk, and in memory a slice at a time."""

import structlog

from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names
from zonegit_resolver.cache.cache import ZoneCache
from zonegit_resolver.scheduling import Scheduler, free_snapshots
from zonegit_resolver.zone_states import ZoneState

log = structlog.get_logger()


class Reclaimer:
    """Takes tracks and snapshots that were replaced; :meth:`finish` frees what is held."""

    def __init__(self, last_known: ZoneCache, pace: Scheduler) -> None:
        self._last_known = last_known
        self._pace = pace
        self._left: list[ZoneSnapshot] = []

    def track(self, track: ZoneState) -> None:
        """A track that queries do not see any more."""
        log.info("zone.left", zone=names.text(track.zone), branch=track.branch)
        self._last_known.drop(track.zone, track.branch)
        if track.current is not None:
            self.snapshot(track.current.snapshot)
            track.current = None

    def snapshot(self, snapshot: ZoneSnapshot) -> None:
        """A state that was big, and replaced."""
        self._left.append(snapshot)

    async def finish(self) -> None:
        """Frees all of it, in slices."""
        left, self._left = self._left, []
        await free_snapshots(left, self._pace)
