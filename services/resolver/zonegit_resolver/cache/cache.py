"""Keep on disk what was last served of each branch, so that a resolver can start without the bus.

Theory of operation. The disk cache is a copy, not a store: the ref store and the object store are
authoritative, and everything in the cache can be fetched again. So a zone is served first and
written afterwards, a failed write is logged and retried with the next change, and a file that does
not verify is dropped and its zone fetched.

Each zone has a SQLite file of its own (``sqlite``) with the RRsets of its branches, their log
positions, and the journal for IXFR; damage affects one zone
(docs/adr/0023-a-file-for-each-zone.md). ``folder`` maps a zone to its path. One more file
(``summary``) holds what concerns the whole cache or zones without a file: when the cache was last
known to be current, how far the log was followed, and the highest serial answered of each branch. A
marker file and a lock (``zonegit.store.cache_root``) assign the folder to one resolver process.

Writing. ``record_swap`` and ``drop`` put a change into the queue of ``CacheWriter`` and return. The
writer works on a few zones at a time. Everything that is queued for one zone goes into one
transaction: the changed RRsets if the commit on disk is the base of the change, else all RRsets. If
a transaction fails, the content of the file is unknown, so the next write of that zone is a full
one. ``RecoveryNotes`` collects positions and serials, and writes them at most once a second.

Reading. ``load`` reads all files at the start, before a socket is bound. Each RRset is verified by
its id, each branch by the digest of its rows, each file by the zone that its path names. A branch
that fails is dropped, others of the file are used. Branches come back with the time when they were
last known to be current, which decides whether they are stale. The follower then reads the tips of
all zones, and the updater loads those that have moved.

Upgrades. Files of an earlier layout are set aside in their place. At the start their branches are
read where the new layout lacks them, and written to it. ``delete_set_aside`` deletes the old files
once every served branch is on disk.

The serials that were served before can be ambiguous after a change of branch or a restore.
``SerialLineage`` holds the first serial from which on each one stands for exactly one state; a
secondary with an earlier serial gets the whole zone.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from zonegit.containment import contain, isolate, keep_running
from zonegit.errors import Unavailable, ZonegitError
from zonegit.objects.ids import short
from zonegit.store import cache_root
from zonegit.store.cache_root import CacheRoot, Layout
from zonegit.store.file_pool import FilePool, open_pool
from zonegit.store.sqlite import prepare_tables
from zonegit.zone.names import Name
from zonegit_resolver.cache import load, sqlite
from zonegit_resolver.cache.folder import list_zone_files, sync_folders
from zonegit_resolver.cache.journal import Journal, JournalChanges
from zonegit_resolver.cache.load import OpenFile
from zonegit_resolver.cache.recovery_notes import RecoveryNotes
from zonegit_resolver.cache.serial_lineage import SerialLineage
from zonegit_resolver.cache.sqlite import Branch, FileContents, LastServed
from zonegit_resolver.cache.summary import FILE as SUMMARY_FILE
from zonegit_resolver.cache.summary import SummaryFile, open_summary
from zonegit_resolver.cache.write import CacheWrite, CacheWriter
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneState, ZoneStates

LAYOUT: Final = Layout("resolver", "unique", 2)
LEGACY_FILE: Final = "last-known.sqlite3"
"""The file for all zones that an earlier release wrote."""
RETRY_S: Final = 30.0
"""Seconds until a failed write of an upgrade is retried."""

log = structlog.get_logger()


class CachedBranch(NamedTuple):
    """A branch as it was served before; ``seen`` is when it was last known to be current."""

    zone: Name
    branch: str
    position: LogPosition
    compiled: Compiled
    seen: float | None


class ZoneCache:
    """The disk cache of a resolver, opened by :func:`open_cache`, which also runs its writer."""

    def __init__(
        self,
        root: CacheRoot,
        files: FilePool,
        summary: SummaryFile,
        lineage: SerialLineage,
        scheduler: Scheduler,
    ) -> None:
        self.journal = Journal()
        self.lineage = lineage
        self.writer = CacheWriter(files, summary, lineage, scheduler)
        self.notes = RecoveryNotes(summary)
        self._files = files
        self._summary = summary
        self._scheduler = scheduler
        self._aside = root.aside
        self._is_adopted = True
        """Set to False if the notes of files set aside could not be written to the summary."""

    def record_swap(self, zone: Name, branch: str, swap: CacheWrite) -> None:
        """Queue the write of a swap, and add its difference to the journal."""
        key, commit = (zone, branch), swap.compiled.commit
        self.writer.put(key, swap)
        if swap.base is not None and swap.rows == []:
            self.writer.change_journal(self.journal.rename(key, swap.base, commit))
        else:
            self.writer.change_journal(self.journal.record(key, swap.base, commit, swap.delta))

    def drop(self, zone: Name, branch: str) -> None:
        """Queue the deletion of a branch."""
        self.writer.put((zone, branch), None)
        self.writer.change_journal(self.journal.drop((zone, branch)))

    def record_serving(self, state: ZoneState, compiled: Compiled) -> None:
        """Record the state that is served by default from now on."""
        serial = compiled.snapshot.serial
        assert serial is not None  # it is served
        if self.lineage.record(state.zone, state.branch, compiled.tree, serial):
            self.writer.record_serving(state.zone)

    def record_answered(self, state: ZoneState, compiled: Compiled) -> None:
        """Record the serial with which a branch is answered from now on."""
        serial = compiled.snapshot.serial
        assert serial is not None  # it is served
        self.notes.record_answered((state.zone, state.branch), serial, compiled.tree)

    async def record_confirmed(self, states: ZoneStates) -> None:
        """Record when the cached states were last known to be current."""
        if states.confirmed is None:
            return
        late = {(state.zone, state.branch): state.seen for state in states if state.seen}
        with suppress(ZonegitError):  # the next write of a zone reports a full disk
            await self._summary.record_confirmed(states.confirmed, late)

    async def load(self) -> AsyncIterator[CachedBranch]:
        """Load all branches and compile them.

        What does not verify is dropped. Branches that only files set aside have are loaded from
        these, and written to the new layout.
        """
        try:
            paths = await asyncio.to_thread(list_zone_files, self._files.folder)
        except OSError as error:
            raise Unavailable(f"cannot read {self._files.folder}: {error.strerror}") from error
        async for path, contents in load.read_files(self._files.folder, paths):
            if isinstance(contents, ZonegitError):
                await self._discard(path, contents)
                continue
            with isolate("cache", path=str(path)):
                async for each in self._load_file(path, contents):
                    yield each
        for path in await asyncio.to_thread(load.list_databases, self._aside):
            with isolate("cache", path=str(path)):
                async for each in self._load_aside(path):
                    yield each

    async def _load_file(self, path: Path, contents: FileContents) -> AsyncIterator[CachedBranch]:
        self.notes.adopt(contents.last_served)
        for last_served in contents.last_served:
            self.lineage.restore(last_served)
        if not contents.branches:
            with suppress(ZonegitError):  # else the next time
                await self._summary.record_serving(contents.last_served)
                await self._files.remove(path)
        for branch in contents.branches:
            zone, label = Name(branch.tip.zone), branch.tip.branch
            try:
                with contain("cache", path=str(path)):
                    loaded = await _load_branch(branch, partial(load.open_file, path))
            except ZonegitError as error:
                _log_dropped(branch, error)
                self.drop(zone, label)
                continue
            self.writer.restore((zone, label), loaded.compiled.commit)
            self.writer.change_journal(self._restore_journal(loaded, branch))
            times = [each for each in (loaded.seen, self._summary.seen((zone, label))) if each]
            yield loaded._replace(seen=max(times, default=None))

    def _restore_journal(self, loaded: CachedBranch, branch: Branch) -> JournalChanges:
        key = (loaded.zone, loaded.branch)
        return self.journal.restore(key, loaded.compiled.commit, branch.deltas)

    async def _discard(self, path: Path, error: ZonegitError) -> None:
        log.error("last-known.dropped", path=str(path), error=error.message)
        if not isinstance(error, Unavailable):
            with suppress(ZonegitError):
                await self._files.remove(path)

    async def _load_aside(self, path: Path) -> AsyncIterator[CachedBranch]:
        try:
            async with load.open_file(path) as database:
                await database.read(sqlite.check)
                await self._adopt_served(await database.read(sqlite.read_served))
                for tip, total in await database.read(sqlite.read_tips):
                    if self.writer.has(Name(tip.zone), tip.branch):
                        continue
                    work = partial(sqlite.read_branch, tip=tip, total=total)
                    branch = await database.read(work)
                    try:
                        loaded = await _load_branch(branch, lambda: nullcontext(database))
                    except ZonegitError as error:
                        _log_dropped(branch, error)
                        continue
                    self._rewrite(loaded, branch)
                    yield loaded
        except ZonegitError as error:
            log.error("last-known.dropped", path=str(path), error=error.message)

    async def _adopt_served(self, found: list[LastServed]) -> None:
        new = [each for each in found if self.lineage.get(Name(each.zone)) is None]
        self.notes.adopt(new)
        for last_served in new:
            self.lineage.restore(last_served)
        try:
            await self._summary.record_serving(new)
        except ZonegitError as error:
            self._is_adopted = False
            log.warning("last-known.not-written", error=error.message, hint=error.hint)

    def _rewrite(self, loaded: CachedBranch, branch: Branch) -> None:
        zone, label, position, compiled, seen = loaded
        self.writer.put((zone, label), CacheWrite(position, compiled, seen or 0.0, None, None))
        dropped = self._restore_journal(loaded, branch).dropped
        absent = {(each.zone, each.number) for each in dropped}
        kept = (each for each in branch.deltas if (zone, each.number) not in absent)
        self.writer.change_journal(JournalChanges(dropped, tuple(kept)))

    async def delete_set_aside(self, states: ZoneStates) -> None:
        """Delete files that were set aside, once every served branch is written.

        Call this when all zones are loaded. Returns when the files are deleted, or when they must
        be kept.
        """
        while self._aside and self._is_adopted:
            await self.writer.idle.wait()
            missing = []
            for state in states:
                if state.current is not None and not self.writer.has(state.zone, state.branch):
                    missing.append(state)
                await self._scheduler.checkpoint()
            if not missing:
                await self._delete_aside()
                return
            await asyncio.sleep(RETRY_S)  # a full disk, perhaps
            for state in missing:
                self._write_whole(state)

    def _write_whole(self, state: ZoneState) -> None:
        if state.current is not None and state.applied is not None:
            seen = state.seen or time.time()
            whole = CacheWrite(state.applied, state.current, seen, rows=None, base=None)
            self.writer.put((state.zone, state.branch), whole)

    async def _delete_aside(self) -> None:
        try:
            await asyncio.to_thread(sync_folders, self._files.folder)
            await asyncio.to_thread(cache_root.delete_paths, self._aside)
        except OSError as error:
            log.warning("last-known.not-released", path=error.filename, error=error.strerror)
        else:
            log.info("last-known.released", paths=[str(path) for path in self._aside])
        self._aside = ()


def _log_dropped(branch: Branch, error: ZonegitError) -> None:
    log.error(
        "last-known.dropped",
        zone=branch.tip.zone.hex(),
        branch=branch.tip.branch,
        commit=short(branch.tip.target),
        error=error.message,
    )


async def _load_branch(branch: Branch, reopen: OpenFile) -> CachedBranch:
    tip = branch.tip
    compiled = await load.compile_branch(branch, reopen)
    position = LogPosition(compiled.commit, tip.epoch, tip.sequence)
    return CachedBranch(compiled.snapshot.apex, tip.branch, position, compiled, tip.seen)


@asynccontextmanager
async def open_cache(folder: Path, scheduler: Scheduler) -> AsyncIterator[ZoneCache]:
    """Open the cache in a folder, which no other process can use until the context is left.

    Raises:
        Unavailable: The folder cannot be used, or another resolver uses it.
        Invalid: It holds files that are not part of a cache.
    """
    async with AsyncExitStack() as stack:
        root = stack.enter_context(
            cache_root.lock_cache_root(folder, LAYOUT, (LEGACY_FILE,), SUMMARY_FILE)
        )
        if root.aside:
            log.warning(
                "last-known.set-aside",
                path=str(root.path),
                found=[path.name for path in root.aside],
                hint="this start may be slower, until the new cache is complete",
            )
        summary = await stack.enter_async_context(open_summary(root.path))
        prepare = partial(
            prepare_tables, schema=sqlite.SCHEMA, version=sqlite.VERSION, upgrades=sqlite.UPGRADES
        )
        files = await stack.enter_async_context(open_pool(root.folder, prepare))
        lineage = SerialLineage(summary.known.last_served)
        cache = ZoneCache(root, files, summary, lineage, scheduler)
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(keep_running("cache", cache.writer.run))
                noting = group.create_task(keep_running("cache", cache.notes.run))
                try:
                    yield cache
                finally:
                    writing.cancel()
                    noting.cancel()
        finally:
            await cache.writer.flush()
            await cache.notes.flush()
