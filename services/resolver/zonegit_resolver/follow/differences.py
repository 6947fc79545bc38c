"""What leads a secondary from the serial it has to what is served: by the journal, else by history.

A base is a served that this zone had as it is served here: the journal's own, or a tip that the
served branch itself had by the log of refs. A commit that can merely be reached is none, for two
sides of a merge can bear one serial with different content. Whatever is not certain is no base, and
the secondary gets the whole zone (docs/adr/0019-differences.md).
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
from zonegit.store.protocols import RefStore
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache.journal import Journal
from zonegit_resolver.cache.serial_lineage import SerialLineage
from zonegit_resolver.follow.loader import Loader
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.scheduling import Scheduler, run_in_slices
from zonegit_resolver.zone_states import Compiled, ZoneStates

HISTORY_TIMEOUT_S: Final = 2.0
"""How long history may take, before a secondary gets the whole zone instead."""
MAX_ROWS: Final = 100
"""Moves to one serial that are read; a branch that has more was forced back and forth."""
MAX_RRSETS: Final = 20_000
"""That may differ; what is compiled for it is let go in one go."""
HISTORY_CONCURRENCY: Final = 4
"""Questions to history at a time."""

log = structlog.get_logger()


class DifferenceFinder:
    """Knows what is served by ``states``; ``history`` is asked once there is a bus."""

    def __init__(
        self, states: ZoneStates, journal: Journal, lineage: SerialLineage, scheduler: Scheduler
    ) -> None:
        self._states = states
        self._journal = journal
        self._lineage = lineage
        self._scheduler = scheduler
        self.history: LogHistory | None = None

    def recent(self, apex: Name, served: BranchState, serial: int) -> list[ZoneDelta] | None:
        """What the journal has that leads from ``serial`` to a served, one after the other; None:
        it does not tell."""
        if not self._lineage.is_base(apex, serial):
            return None
        return self._journal.since((apex, served.branch), served.commit, serial)

    async def since(self, apex: Name, served: BranchState, serial: int) -> ZoneDelta | None:
        """What leads from ``serial`` to a served; None: nobody can tell, or not in time."""
        if recent := self.recent(apex, served, serial):
            return await run_in_slices(condense(recent), self._scheduler)
        current = self._current(apex, served)
        if self.history is None or current is None or not self._lineage.is_base(apex, serial):
            return None
        return await self.history.since(apex, served.branch, current, serial)

    def _current(self, apex: Name, served: BranchState) -> Compiled | None:
        """What is known of a served that is a branch's, and still served."""
        if not self._states.plan.follows(apex, served.branch):
            return None
        for state in self._states.of(apex):
            if state.branch == served.branch and state.current is not None:
                return state.current if state.current.commit == served.commit else None
        return None


class LogHistory:
    """Finds bases in the log of refs, and compares trees."""

    def __init__(self, refs: RefStore, store: NodeCache, scheduler: Scheduler) -> None:
        self._refs = refs
        self._store = store
        self._scheduler = scheduler
        self._free = asyncio.Semaphore(HISTORY_CONCURRENCY)

    async def since(
        self, zone: Name, branch: str, current: Compiled, serial: int
    ) -> ZoneDelta | None:
        """What leads to ``current`` from the one served that the branch had with ``serial``; None
        when there was none, or several, or it takes too long to tell, or is too much."""
        try:
            async with asyncio.timeout(HISTORY_TIMEOUT_S), self._free:
                with contain("transfer", zone=names.text(zone)):
                    base = await self._base(zone, branch, serial)
                    return await self._difference(zone, base, current) if base else None
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

    async def _base(self, zone: Name, branch: str, serial: int) -> ObjectId | None:
        """The commit, of those with the one tree that the branch had under that serial."""
        ref = ref_names.branch(zone, branch)
        rows = await self._refs.reflog(ref, MAX_ROWS, serial)
        commits = {row.new for row in rows if row.new is not None and row.serial == serial}
        if len(rows) == MAX_ROWS:
            return None
        loader = Loader(self._store, self._scheduler)
        trees = {await loader.read_tree_id(commit) for commit in commits}
        return next(iter(commits)) if len(trees) == 1 else None

    async def _difference(self, zone: Name, base: ObjectId, current: Compiled) -> ZoneDelta:
        """Compiles the base from what is served, which costs what differs."""
        loader = Loader(self._store, self._scheduler)
        loaded = await loader.load(base, current.snapshot, current.tree, MAX_RRSETS)
        paths = [row.path for row in loaded.rows or ()]
        slow = compute_delta(loaded.snapshot, current.snapshot, paths)
        return await run_in_slices(slow, self._scheduler)
