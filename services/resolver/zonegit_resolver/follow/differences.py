"""Find the difference from the serial of a secondary to the served zone, for IXFR.

The difference is taken from the journal, otherwise it is computed from history. Its base must be a
state that was served under that serial: an entry of the journal, or a commit that was the tip of
the served branch by the log of refs. A commit that is only reachable does not count, because two
sides of a merge can have the same serial with different content. If the base is not certain, the
secondary gets the whole zone (docs/adr/0019-differences.md).
"""

import asyncio
from typing import Final

import structlog

from zonegit.containment import contain
from zonegit.errors import ZonegitError
from zonegit.nameserver.answer.zone_table import BranchState
from zonegit.nameserver.zone.records import ZoneDelta, compute_delta, condense
from zonegit.objects.ids import ObjectId
from zonegit.store import ref_names
from zonegit.store.refs import RefStore
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache.journal import Journal
from zonegit_resolver.cache.serial_lineage import SerialLineage
from zonegit_resolver.follow.loader import Loader
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.scheduling import Scheduler, run_in_slices
from zonegit_resolver.zone_states import Compiled, ZoneStates

HISTORY_TIMEOUT_S: Final = 2.0
"""Seconds for computing a difference from history; after that the secondary gets the whole zone."""
MAX_ROWS: Final = 100
"""Moves to one serial that are read. A branch that has more was forced back and forth."""
MAX_RRSETS: Final = 20_000
"""RRsets that may differ; the snapshot compiled for the difference is freed in one piece."""
HISTORY_CONCURRENCY: Final = 4
"""Differences that are computed from history at a time."""

log = structlog.get_logger()


class DifferenceFinder:
    """Finds differences to what is served. ``history`` is set once the bus is connected."""

    def __init__(
        self, states: ZoneStates, journal: Journal, lineage: SerialLineage, scheduler: Scheduler
    ) -> None:
        self._states = states
        self._journal = journal
        self._lineage = lineage
        self._scheduler = scheduler
        self.history: LogHistory | None = None

    def find_recent(self, apex: Name, served: BranchState, serial: int) -> list[ZoneDelta] | None:
        """Return the differences from ``serial`` to a served state, in order, from the journal.

        None if the journal does not have them.
        """
        if not self._lineage.is_base(apex, serial):
            return None
        return self._journal.find_deltas((apex, served.branch), served.commit, serial)

    async def find_difference(
        self, apex: Name, served: BranchState, serial: int
    ) -> ZoneDelta | None:
        """Return the difference from ``serial`` to a served state.

        None if there is no certain base, or if the search takes too long.
        """
        if recent := self.find_recent(apex, served, serial):
            return await run_in_slices(condense(recent), self._scheduler)
        current = self._find_current(apex, served)
        if self.history is None or current is None or not self._lineage.is_base(apex, serial):
            return None
        return await self.history.find_difference(apex, served.branch, current, serial)

    def _find_current(self, apex: Name, served: BranchState) -> Compiled | None:
        """Return the compiled state of a branch if it is still served; else None."""
        if not self._states.plan.follows(apex, served.branch):
            return None
        for state in self._states.list_states(apex):
            if state.branch == served.branch and state.current is not None:
                return state.current if state.current.commit == served.commit else None
        return None


class LogHistory:
    """Finds the base of a difference in the log of refs, and compares trees."""

    def __init__(self, refs: RefStore, store: NodeCache, scheduler: Scheduler) -> None:
        self._refs = refs
        self._store = store
        self._scheduler = scheduler
        self._free = asyncio.Semaphore(HISTORY_CONCURRENCY)

    async def find_difference(
        self, zone: Name, branch: str, current: Compiled, serial: int
    ) -> ZoneDelta | None:
        """Return the difference to ``current`` from the state that the branch had at ``serial``.

        None if there was no such state or more than one, if the search takes too long, or if too
        many RRsets differ.
        """
        try:
            async with asyncio.timeout(HISTORY_TIMEOUT_S), self._free:
                with contain("transfer", zone=names.text(zone)):
                    base = await self._find_base(zone, branch, serial)
                    return await self._compute_difference(zone, base, current) if base else None
        except TimeoutError:
            reason = f"it took longer than {HISTORY_TIMEOUT_S:g} s"
        except ZonegitError as error:
            reason = error.message
        log.info(
            "difference.not-found",
            zone=names.text(zone),
            branch=branch,
            serial=serial,
            reason=reason,
        )
        return None

    async def _find_base(self, zone: Name, branch: str, serial: int) -> ObjectId | None:
        """Return a commit with the only tree that the branch had at a serial; else None."""
        ref = ref_names.branch(zone, branch)
        rows = await self._refs.reflog(ref, MAX_ROWS, serial)
        commits = {row.new for row in rows if row.new is not None and row.serial == serial}
        if len(rows) == MAX_ROWS:
            return None
        loader = Loader(self._store, self._scheduler)
        trees = {await loader.read_tree_id(commit) for commit in commits}
        return next(iter(commits)) if len(trees) == 1 else None

    async def _compute_difference(self, zone: Name, base: ObjectId, current: Compiled) -> ZoneDelta:
        """Compile the base from what is served, and compute the difference between the two."""
        loader = Loader(self._store, self._scheduler)
        loaded = await loader.load(base, current.snapshot, current.tree, MAX_RRSETS)
        paths = [row.path for row in loaded.rows or ()]
        steps = compute_delta(loaded.snapshot, current.snapshot, paths)
        return await run_in_slices(steps, self._scheduler)
