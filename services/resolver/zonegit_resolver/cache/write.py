"""Write changes to the disk cache: several zones concurrently, the changes of one zone in order and
in one transaction.

A failed write affects the cache only.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from zonegit.containment import contain, keep_running
from zonegit.errors import Corrupt, Invalid, ZonegitError
from zonegit.nameserver.zone.records import ZoneDelta
from zonegit.nameserver.zone.snapshot import ZoneSnapshot, iter_rrsets
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Blob
from zonegit.store import digests
from zonegit.store.digests import Digest
from zonegit.store.file_pool import FilePool
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache import sqlite
from zonegit_resolver.cache.folder import path_of
from zonegit_resolver.cache.journal import JournalChanges, join_changes
from zonegit_resolver.cache.serial_lineage import SerialLineage
from zonegit_resolver.cache.sqlite import CachedRow, CachedTip, CacheKey, LastServed, Write
from zonegit_resolver.cache.summary import SummaryFile
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.zone_states import Compiled, LogPosition

WRITE_CONCURRENCY: Final = 4
"""Zones that are written at the same time: one prepares its rows while another waits for the
disk."""
ROWS_BATCH: Final = 128
"""RRsets of one transaction when a whole zone is written."""

log = structlog.get_logger()


class CacheWrite(NamedTuple):
    """A swap to write.

    Attributes:
        seen: The time of the swap, in seconds since 1970.
        rows: The differences to ``base``; None to write all RRsets of the snapshot.
        base: The commit before; None to write all RRsets of the snapshot.
        delta: The difference for IXFR; None if it is unknown.
    """

    position: LogPosition
    compiled: Compiled
    seen: float
    rows: list[CachedRow] | None
    base: ObjectId | None
    delta: ZoneDelta | None = None


@dataclass(slots=True)
class PendingWrite:
    """The changes that wait to be written to the file of a zone.

    A branch whose swap is None is deleted. ``is_retry``: the file was damaged at the first
    attempt.
    """

    branches: list[tuple[str, CacheWrite | None]] = field(default_factory=list)
    changes: list[JournalChanges] = field(default_factory=list)
    is_retry: bool = False

    def put(self, branch: str, swap: CacheWrite | None) -> None:
        """Add a change of a branch. A full write drops the changes before it, so it is always the
        first."""
        if swap is None or swap.rows is None:
            self.branches = [each for each in self.branches if each[0] != branch]
        self.branches.append((branch, swap))

    def put_before(self, later: "PendingWrite") -> "PendingWrite":
        """Return these changes, as full writes because the content of the file is unknown, then
        ``later``."""
        joined = PendingWrite(changes=[*self.changes, *later.changes], is_retry=self.is_retry)
        for branch, swap in self.branches:
            joined.put(branch, swap and swap._replace(rows=None))
        for branch, swap in later.branches:
            joined.put(branch, swap)
        return joined


class CacheWriter:
    """Queues changes; :meth:`run` writes them."""

    def __init__(
        self, files: FilePool, summary: SummaryFile, lineage: SerialLineage, scheduler: Scheduler
    ) -> None:
        self.idle = asyncio.Event()
        """Set while there is nothing to write."""
        self.idle.set()
        self._files = files
        self._summary = summary
        self._lineage = lineage
        self._scheduler = scheduler
        self._written: dict[Name, dict[str, ObjectId]] = {}
        """The commit of each branch that is certainly on disk."""
        self._pending: dict[Name, PendingWrite] = {}
        self._busy: set[Name] = set()
        self._due: asyncio.Queue[Name] = asyncio.Queue()
        """The zones that are pending and not busy."""
        self._has_failed = False

    def restore(self, key: CacheKey, commit: ObjectId) -> None:
        """Record the commit of a branch that is on disk."""
        self._written.setdefault(key[0], {})[key[1]] = commit

    def has(self, zone: Name, branch: str) -> bool:
        """Return whether a branch is certainly on disk."""
        return branch in self._written.get(zone, ())

    def put(self, key: CacheKey, swap: CacheWrite | None) -> None:
        """Queue the write of a branch; None to delete it."""
        self._get_pending(key[0]).put(key[1], swap)

    def change_journal(self, changes: JournalChanges) -> None:
        """Queue changes of the journal."""
        zones = {each.zone for each in changes.dropped} | {
            Name(each.zone) for each in changes.added
        }
        for zone in zones:
            dropped = tuple(each for each in changes.dropped if each.zone == zone)
            added = tuple(each for each in changes.added if each.zone == zone)
            self._get_pending(zone).changes.append(JournalChanges(dropped, added))

    def record_serving(self, zone: Name) -> None:
        """Queue the write of what is served by default of a zone."""
        self._get_pending(zone)

    def _get_pending(self, zone: Name) -> PendingWrite:
        pending = self._pending.get(zone)
        if pending is None:
            pending = self._pending[zone] = PendingWrite()
            self.idle.clear()
            if zone not in self._busy:
                self._due.put_nowait(zone)
        return pending

    async def run(self) -> None:
        """Write queued changes until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITE_CONCURRENCY):
                group.create_task(keep_running("cache", self._write))

    async def _write(self) -> None:
        while True:
            await self._write_zone(await self._due.get())

    async def flush(self) -> None:
        """Write everything that is queued. No other task may be writing."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITE_CONCURRENCY):
                group.create_task(keep_running("cache", self._drain))

    async def _drain(self) -> None:
        while not self._due.empty():
            await self._write_zone(self._due.get_nowait())

    async def _write_zone(self, zone: Name) -> None:
        pending = self._pending.pop(zone)
        self._busy.add(zone)
        try:
            with contain("cache", zone=partial(names.text, zone)):
                await self._apply(zone, pending)
            self._has_failed = False
        except asyncio.CancelledError:
            # The transaction may be done or not. The final flush writes everything again.
            self._requeue(zone, pending)
            raise
        except ZonegitError as error:
            await self._fail(zone, pending, error)
        finally:
            self._busy.discard(zone)
            if zone in self._pending:
                self._due.put_nowait(zone)
            elif not self._pending and not self._busy:
                self.idle.set()
        await self._scheduler.checkpoint_background()

    def _requeue(self, zone: Name, pending: PendingWrite) -> None:
        self._pending[zone] = pending.put_before(self._pending.get(zone, PendingWrite()))

    async def _fail(self, zone: Name, pending: PendingWrite, error: ZonegitError) -> None:
        if isinstance(error, Corrupt | Invalid) and not pending.is_retry:
            log.error("last-known.dropped", zone=names.text(zone), error=error.message)
            pending.is_retry = True
            self._requeue(zone, pending)
            with suppress(ZonegitError):
                await self._files.remove(path_of(zone, self._files.folder))
        elif not self._has_failed:
            self._has_failed = True  # log a full disk once, not for each zone
            log.warning(
                "last-known.not-written",
                zone=names.text(zone),
                error=error.message,
                hint=error.hint,
            )

    async def _apply(self, zone: Name, pending: PendingWrite) -> None:
        last_served = self._lineage.get(zone)
        path = path_of(zone, self._files.folder)
        if all(swap is None for _, swap in pending.branches) and not path.exists():
            await self._remove_file(path, last_served)
            return
        held = self._written.pop(zone, {})
        dropped, added = join_changes(pending.changes)
        journal = partial(
            sqlite.write_journal,
            dropped=[each.number for each in dropped],
            added=added,
            served=[last_served] if last_served else [],
        )
        rows = _RowWriter(self._files, path, self._scheduler)
        writes = []
        for branch, swap in pending.branches:
            writes.append(await rows.make_write((zone, branch), swap, held.pop(branch, None)))
            if swap is not None:
                held[branch] = swap.compiled.commit
        work = partial(sqlite.write_branches, writes=writes, finish=journal)
        if not await self._files.write(path, work):
            await self._remove_file(path, last_served)
        if held:
            self._written[zone] = held

    async def _remove_file(self, path: Path, last_served: LastServed | None) -> None:
        """Remove the file of a zone that is no longer served, and keep what its serials stand
        for."""
        if last_served is not None:
            await self._summary.record_serving([last_served])
        await self._files.remove(path)


class _RowWriter:
    """Prepares the rows of one transaction for the file of a zone.

    A whole zone is written before the transaction, in batches, under a number without a branch. A
    longer batch would keep the interpreter from queries, and so would freeing all rows at once.
    """

    def __init__(self, files: FilePool, path: Path, scheduler: Scheduler) -> None:
        self._files = files
        self._path = path
        self._scheduler = scheduler
        self._free_number: int | None = None

    async def make_write(
        self, key: CacheKey, swap: CacheWrite | None, held: ObjectId | None
    ) -> Write:
        """Return the change of a branch.

        Args:
            key: The zone and the branch.
            swap: The swap; None to delete the branch.
            held: The commit that is certainly on disk; None if there is none.
        """
        if swap is None:
            return Write(key, None)
        position, compiled, seen, rows, base, _ = swap
        tip = CachedTip(
            *key, compiled.commit, compiled.tree, position.epoch, position.sequence, seen
        )
        if rows is not None and base is not None and base == held:
            return Write(key, tip, rows, replaces=False)
        every = _list_rows(compiled.snapshot)
        batch = await self._read_batch(every)
        total = _sum_up(batch)
        if len(batch) < ROWS_BATCH:
            return Write(key, tip, batch, total=total)
        number = await self._allocate_number()
        while len(batch) == ROWS_BATCH:
            work = partial(sqlite.add_rows, zone=key[0], tip=number, rows=batch)
            await self._files.write(self._path, work)
            batch = await self._read_batch(every)
            total = digests.join(total, _sum_up(batch))
        return Write(key, tip, batch, staged=number, total=total)

    async def _allocate_number(self) -> int:
        if self._free_number is None:
            self._free_number = await self._files.write(self._path, sqlite.allocate_stage)
        self._free_number += 1
        return self._free_number - 1

    async def _read_batch(self, rows: Iterator[CachedRow]) -> list[CachedRow]:
        batch: list[CachedRow] = []
        for row in islice(rows, ROWS_BATCH):
            batch.append(row)
            await self._scheduler.checkpoint_background()
        return batch


def _sum_up(batch: Iterable[CachedRow]) -> Digest:
    return digests.sum_hashes(row.blob.id for row in batch if row.blob is not None)


def _list_rows(snapshot: ZoneSnapshot) -> Iterator[CachedRow]:
    for held in iter_rrsets(snapshot):
        path = names.path(held.rrset.owner, snapshot.apex)
        yield CachedRow(path, held.rrset.rdtype, encode(Blob(held.rrset)))
