"""Record how far the log was followed, the highest serials answered and the serving settings of
zones, for a restore of the ref store and for a start without the bus.

These notes outlive epochs, branches and zones. They are written in batches, at most once a second,
so a swap does not wait for the disk. The serials that a killed process has not written are also in
the files of the zones (docs/adr/0030-recovery.md).
"""

import asyncio
import heapq
from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from zonegit.errors import ZonegitError
from zonegit.objects.ids import RawObject
from zonegit.zone.names import Name
from zonegit.zone.serial import is_later
from zonegit_resolver.cache.sqlite import CacheKey, LastServed
from zonegit_resolver.cache.summary import FollowedLog, Highest, SummaryFile

MAX_BRANCHES: Final = 1_000_000
"""Branches whose highest serial is kept, including those of removed zones."""
WRITE_INTERVAL_S: Final = 1.0
"""Seconds between two writes."""

SEVERAL_TREES: Final = bytes(32)
"""Stands for the tree of a serial that named several trees; a secondary may have any of them."""

log = structlog.get_logger()


class RecoveryNotes:
    """Keeps notes in memory; :meth:`run` writes them."""

    def __init__(self, summary: SummaryFile) -> None:
        self._summary = summary
        self._answered = dict(summary.known.answered)
        self._followed = summary.known.followed
        self._has_no_notes = not self._answered and not self._followed.epoch
        self._changed: dict[CacheKey, Highest] = {}
        self._changed_settings: dict[Name, RawObject | None] = {}
        self._is_due = asyncio.Event()
        self._has_failed = False
        self.adopt(summary.known.last_served)

    @property
    def followed(self) -> FollowedLog:
        """Return how far the log was followed, also by earlier processes."""
        return self._followed

    def adopt(self, last_served: Iterable[LastServed]) -> None:
        """Adopt the states served last, if an earlier release wrote no notes."""
        if self._has_no_notes:
            for each in last_served:
                self.record_answered((Name(each.zone), each.branch), each.serial, each.tree)

    def record_answered(self, key: CacheKey, serial: int, tree: bytes) -> None:
        """Record that a branch is answered with a serial, which stands for a tree."""
        before = self._answered.get(key)
        now = Highest(serial, tree)
        if before is not None and serial == before.serial and tree != before.tree:
            now = Highest(serial, SEVERAL_TREES)
        if before == now:
            return
        if before is None or serial == before.serial or is_later(serial, before.serial):
            self._answered[key] = self._changed[key] = now
            if len(self._answered) > MAX_BRANCHES:
                del self._answered[next(iter(self._answered))]
            self._is_due.set()

    def find_highest(self, key: CacheKey) -> int | None:
        """Return the highest serial ever answered for a branch; None if there was none."""
        found = self._answered.get(key)
        return found.serial if found is not None else None

    def list_answered(
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
        """Record how far the log was followed."""
        if followed != self._followed:
            self._followed = followed
            self._is_due.set()

    def list_settings(self) -> Mapping[Name, RawObject]:
        """Return the docs of serving settings that an earlier process followed."""
        return self._summary.known.settings

    def record_settings(self, zone: Name, doc: RawObject | None) -> None:
        """Record the serving settings that a zone has from now on; None if it has none."""
        self._changed_settings[zone] = doc
        self._is_due.set()

    def record_start(self, run: str) -> None:
        """Record the run of the ref store in which these notes begin, if there are none yet."""
        if self._followed == FollowedLog() and not self._answered:
            self.record_followed(FollowedLog(began=run))

    def raise_followed(self, epoch: str, sequence: int) -> None:
        """Raise the followed position to that of a cached branch."""
        known = self._followed
        is_further = epoch == known.epoch and sequence > known.sequence
        if is_further or (self._has_no_notes and sequence > known.sequence):
            self.record_followed(known._replace(epoch=epoch, sequence=sequence, operation=""))

    async def run(self) -> None:
        """Write changed notes until cancelled."""
        while True:
            await self._is_due.wait()
            await asyncio.sleep(WRITE_INTERVAL_S)
            await self.flush()

    async def flush(self) -> None:
        """Write changed notes. If that fails, they are kept for the next write."""
        if not self._is_due.is_set():
            return
        self._is_due.clear()
        changed, self._changed = self._changed, {}
        settings, self._changed_settings = self._changed_settings, {}
        try:
            await self._summary.record_notes(self._followed, changed, settings)
            self._has_failed = False
        except ZonegitError as error:
            if not self._has_failed:
                self._has_failed = True
                log.warning("last-known.not-written", error=error.message, hint=error.hint)
            self._requeue(changed, settings)
        except asyncio.CancelledError:
            self._requeue(changed, settings)
            raise

    def _requeue(
        self, changed: dict[CacheKey, Highest], settings: dict[Name, RawObject | None]
    ) -> None:
        self._changed = changed | self._changed
        self._changed_settings = settings | self._changed_settings
        self._is_due.set()
