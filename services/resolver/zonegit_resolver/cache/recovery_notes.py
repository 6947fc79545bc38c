"""Notes of a resolver for a restore of the ref store from a backup: how far it has followed the
log, and the highest serial that it ever answered for each branch.

Both outlive epochs, branches and zones. They are written within a second, many together: a swap
does not wait for that, and what a kill takes is in the zone's own file, too
(docs/adr/0030-recovery.md).
"""

import asyncio
import heapq
from collections.abc import Iterable
from typing import Final

import structlog

from zonegit.errors import ZonegitError
from zonegit.zone.names import Name
from zonegit.zone.serial import later
from zonegit_resolver.cache.sqlite import CacheKey, ServedToAll
from zonegit_resolver.cache.summary import FollowedLog, Highest, SummaryFile

MAX_BRANCHES: Final = 1_000_000
"""Branches whose highest serial is remembered, those of zones that are gone among them."""
WRITE_INTERVAL_S: Final = 1.0
"""Between two times that changes are written."""

SEVERAL_TREES: Final = bytes(32)
"""In place of a tree: the serial stood for several, of which secondaries may have any."""

log = structlog.get_logger()


class RecoveryNotes:
    """Notes that are taken at once, and written by :meth:`run`."""

    def __init__(self, summary: SummaryFile) -> None:
        self._summary = summary
        self._answered = dict(summary.known.answered)
        self._followed = summary.known.followed
        self._is_first = not self._answered and not self._followed.epoch
        self._changed: dict[CacheKey, Highest] = {}
        self._is_due = asyncio.Event()
        self._has_failed = False
        self.adopt(summary.known.standing)

    @property
    def followed(self) -> FollowedLog:
        """Return how far the log was followed, before this process too."""
        return self._followed

    def adopt(self, standing: Iterable[ServedToAll]) -> None:
        """Take up what was served last, where an earlier release has left no notes."""
        if self._is_first:
            for each in standing:
                self.record_answered((Name(each.zone), each.branch), each.serial, each.tree)

    def record_answered(self, key: CacheKey, serial: int, tree: bytes) -> None:
        """Note that a branch is answered with a serial, which stands for a tree."""
        before = self._answered.get(key)
        now = Highest(serial, tree)
        if before is not None and serial == before.serial and tree != before.tree:
            now = Highest(serial, SEVERAL_TREES)
        if before == now:
            return
        if before is None or serial == before.serial or later(serial, before.serial):
            self._answered[key] = self._changed[key] = now
            if len(self._answered) > MAX_BRANCHES:
                del self._answered[next(iter(self._answered))]
            self._is_due.set()

    def highest(self, key: CacheKey) -> int | None:
        """Return the highest serial that was ever answered for a branch; None: none was."""
        found = self._answered.get(key)
        return found.serial if found is not None else None

    def page(
        self, zone: Name | None, after: CacheKey | None, count: int
    ) -> list[tuple[CacheKey, Highest]]:
        """Return the first ``count`` branches past ``after``, of ``zone`` or of all, sorted."""
        keys = (
            key
            for key in self._answered
            if (zone is None or key[0] == zone) and (after is None or key > after)
        )
        return [(key, self._answered[key]) for key in heapq.nsmallest(count, keys)]

    def record_followed(self, followed: FollowedLog) -> None:
        """Note how far the log was followed."""
        if followed != self._followed:
            self._followed = followed
            self._is_due.set()

    def record_start(self, run: str) -> None:
        """Note in which run of the ref store this begins, if nothing is known from before."""
        if self._followed == FollowedLog() and not self._answered:
            self.record_followed(FollowedLog(began=run))

    def raise_followed(self, epoch: str, sequence: int) -> None:
        """Take up where a branch stood that is kept: the log was followed that far at least."""
        known = self._followed
        is_further = epoch == known.epoch and sequence > known.sequence
        if is_further or (self._is_first and sequence > known.sequence):
            self.record_followed(known._replace(epoch=epoch, sequence=sequence, operation=""))

    async def run(self) -> None:
        """Write what changes, until cancelled."""
        while True:
            await self._is_due.wait()
            await asyncio.sleep(WRITE_INTERVAL_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what has changed; what cannot be written is kept for the next time."""
        if not self._is_due.is_set():
            return
        self._is_due.clear()
        changed, self._changed = self._changed, {}
        try:
            await self._summary.record_notes(self._followed, changed)
            self._has_failed = False
        except ZonegitError as error:
            if not self._has_failed:
                self._has_failed = True
                log.warning("last-known.not-written", error=error.message, hint=error.hint)
            self._keep(changed)
        except asyncio.CancelledError:
            self._keep(changed)
            raise

    def _keep(self, changed: dict[CacheKey, Highest]) -> None:
        self._changed = changed | self._changed
        self._is_due.set()
