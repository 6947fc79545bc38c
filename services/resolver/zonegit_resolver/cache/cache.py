"""Last known good: on disk, what was last served of each branch of each zone, so that a resolver
that is started while the bus is away has answers.

A cache, not a store: each swap is written after it is served, a failure to write costs nothing but
this, and what does not verify is dropped and said. Each zone has a file of its own, and its own
damage (docs/adr/0023-a-file-for-each-zone.md).
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
from zonegit.store.sqlite import prepared
from zonegit.zone.names import Name
from zonegit_resolver.cache import load, sqlite
from zonegit_resolver.cache.folder import list_zone_files, sync_folders
from zonegit_resolver.cache.journal import Journal, JournalChanges
from zonegit_resolver.cache.load import OpenFile
from zonegit_resolver.cache.recovery_notes import RecoveryNotes
from zonegit_resolver.cache.serial_lineage import SerialLineage
from zonegit_resolver.cache.sqlite import Branch, FileContents, ServedToAll
from zonegit_resolver.cache.summary import FILE as BESIDE
from zonegit_resolver.cache.summary import SummaryFile, open_summary
from zonegit_resolver.cache.write import CacheWrite, CacheWriter
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneState, ZoneStates

LAYOUT: Final = Layout("resolver", "unique", 2)
LEGACY_FILE: Final = "last-known.sqlite3"
"""The one file for all zones that there was before."""
RETRY_S: Final = 30.0
"""How long it takes until what could not be written of an upgrade is written again."""

log = structlog.get_logger()


class CachedBranch(NamedTuple):
    """A branch as it was served before; ``seen`` is when it was last known to be current."""

    zone: Name
    branch: str
    position: LogPosition
    compiled: Compiled
    seen: float | None


class ZoneCache:
    """Made by :func:`open_cache`, which also sees to the writing."""

    def __init__(
        self,
        root: CacheRoot,
        files: FilePool,
        overall: SummaryFile,
        descent: SerialLineage,
        pace: Scheduler,
    ) -> None:
        self.journal = Journal()
        self.descent = descent
        self.writing = CacheWriter(files, overall, descent, pace)
        self.notes = RecoveryNotes(overall)
        self._files = files
        self._overall = overall
        self._pace = pace
        self._aside = root.aside
        self._is_adopted = True
        """Whether what is set aside is known elsewhere, but for its zones."""

    def keep(self, zone: Name, branch: str, kept: CacheWrite) -> None:
        """Remembers a swap."""
        key, commit = (zone, branch), kept.compiled.commit
        self.writing.put(key, kept)
        if kept.base is not None and kept.rows == []:
            self.writing.change(self.journal.rename(key, kept.base, commit))
        else:
            self.writing.change(self.journal.note(key, kept.base, commit, kept.delta))

    def drop(self, zone: Name, branch: str) -> None:
        """Forgets a branch."""
        self.writing.put((zone, branch), None)
        self.writing.change(self.journal.drop((zone, branch)))

    def stand(self, track: ZoneState, compiled: Compiled) -> None:
        """Notes what everybody is served from now on."""
        serial = compiled.snapshot.serial
        assert serial is not None  # it is served
        if self.descent.turned(track.zone, track.branch, compiled.tree, serial):
            self.writing.stand(track.zone)

    def answer(self, track: ZoneState, compiled: Compiled) -> None:
        """Note with which serial a branch is answered from now on."""
        serial = compiled.snapshot.serial
        assert serial is not None  # it is served
        self.notes.answer((track.zone, track.branch), serial, compiled.tree)

    async def see(self, tracks: ZoneStates) -> None:
        """Notes when what is kept was last known to be current."""
        if tracks.confirmed is None:
            return
        late = {(track.zone, track.branch): track.seen for track in tracks if track.seen}
        with suppress(ZonegitError):  # a full disk is heard of when there is something to keep
            await self._overall.see(tracks.confirmed, late)

    async def recall(self) -> AsyncIterator[CachedBranch]:
        """Everything that is kept, compiled. What does not verify is dropped. What was set aside
        has what is not kept yet, and is then kept."""
        try:
            paths = await asyncio.to_thread(list_zone_files, self._files.folder)
        except OSError as error:
            raise Unavailable(f"cannot read {self._files.folder}: {error.strerror}") from error
        async for path, contents in load.read_files(self._files.folder, paths):
            if isinstance(contents, ZonegitError):
                await self._discard(path, contents)
                continue
            with isolate("cache", path=str(path)):
                async for each in self._recall_file(path, contents):
                    yield each
        for path in await asyncio.to_thread(load.list_databases, self._aside):
            with isolate("cache", path=str(path)):
                async for each in self._recall_aside(path):
                    yield each

    async def _recall_file(self, path: Path, contents: FileContents) -> AsyncIterator[CachedBranch]:
        self.notes.adopt(contents.standing)
        for standing in contents.standing:
            self.descent.recall(standing)
        if not contents.branches:
            with suppress(ZonegitError):  # else the next time
                await self._overall.stand(contents.standing)
                await self._files.remove(path)
        for branch in contents.branches:
            zone, label = Name(branch.tip.zone), branch.tip.branch
            try:
                with contain("cache", path=str(path)):
                    recalled = await _load_branch(branch, partial(load.open_file, path))
            except ZonegitError as error:
                _log_dropped(branch, error)
                self.drop(zone, label)
                continue
            self.writing.recall((zone, label), recalled.compiled.commit)
            self.writing.change(self._take_up(recalled, branch))
            times = [each for each in (recalled.seen, self._overall.seen((zone, label))) if each]
            yield recalled._replace(seen=max(times, default=None))

    def _take_up(self, recalled: CachedBranch, branch: Branch) -> JournalChanges:
        key = (recalled.zone, recalled.branch)
        return self.journal.recall(key, recalled.compiled.commit, branch.deltas)

    async def _discard(self, path: Path, error: ZonegitError) -> None:
        log.error("last-known.dropped", path=str(path), error=error.message)
        if not isinstance(error, Unavailable):
            with suppress(ZonegitError):
                await self._files.remove(path)

    async def _recall_aside(self, path: Path) -> AsyncIterator[CachedBranch]:
        try:
            async with load.open_file(path) as database:
                await database.read(sqlite.check)
                await self._adopt(await database.read(sqlite.read_served))
                for tip, total in await database.read(sqlite.read_tips):
                    if self.writing.holds(Name(tip.zone), tip.branch):
                        continue
                    work = partial(sqlite.read_branch, tip=tip, total=total)
                    branch = await database.read(work)
                    try:
                        recalled = await _load_branch(branch, lambda: nullcontext(database))
                    except ZonegitError as error:
                        _log_dropped(branch, error)
                        continue
                    self._keep_anew(recalled, branch)
                    yield recalled
        except ZonegitError as error:
            log.error("last-known.dropped", path=str(path), error=error.message)

    async def _adopt(self, found: list[ServedToAll]) -> None:
        new = [each for each in found if self.descent.of(Name(each.zone)) is None]
        self.notes.adopt(new)
        for standing in new:
            self.descent.recall(standing)
        try:
            await self._overall.stand(new)
        except ZonegitError as error:
            self._is_adopted = False
            log.warning("last-known.not-written", error=error.message, hint=error.hint)

    def _keep_anew(self, recalled: CachedBranch, branch: Branch) -> None:
        zone, label, position, compiled, seen = recalled
        self.writing.put((zone, label), CacheWrite(position, compiled, seen or 0.0, None, None))
        gone = self._take_up(recalled, branch).gone
        left = {(each.zone, each.number) for each in gone}
        put = (each for each in branch.deltas if (zone, each.number) not in left)
        self.writing.change(JournalChanges(gone, tuple(put)))

    async def release(self, tracks: ZoneStates) -> None:
        """Deletes what was set aside, once all that is served is kept. To be called when all that
        is to be served is; ends when there is nothing left, or nothing to be done."""
        while self._aside and self._is_adopted:
            await self.writing.idle.wait()
            missing = []
            for track in tracks:
                if track.current is not None and not self.writing.holds(track.zone, track.branch):
                    missing.append(track)
                await self._pace.breathe()
            if not missing:
                await self._release()
                return
            await asyncio.sleep(RETRY_S)  # a full disk, perhaps
            for track in missing:
                self._keep_whole(track)

    def _keep_whole(self, track: ZoneState) -> None:
        if track.current is not None and track.done is not None:
            seen = track.seen or time.time()
            whole = CacheWrite(track.done, track.current, seen, rows=None, base=None)
            self.writing.put((track.zone, track.branch), whole)

    async def _release(self) -> None:
        try:
            await asyncio.to_thread(sync_folders, self._files.folder)
            await asyncio.to_thread(cache_root.release, self._aside)
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


async def _load_branch(branch: Branch, opening: OpenFile) -> CachedBranch:
    tip = branch.tip
    compiled = await load.compile_branch(branch, opening)
    position = LogPosition(compiled.commit, tip.epoch, tip.sequence)
    return CachedBranch(compiled.snapshot.apex, tip.branch, position, compiled, tip.seen)


@asynccontextmanager
async def open_cache(folder: Path, pace: Scheduler) -> AsyncIterator[ZoneCache]:
    """What is kept in ``folder``, which is this process's until the end.

    Raises:
        Unavailable: the folder cannot be used, or another resolver uses it.
        Invalid: it holds files of somebody else.
    """
    async with AsyncExitStack() as stack:
        root = stack.enter_context(cache_root.claimed(folder, LAYOUT, (LEGACY_FILE,), BESIDE))
        if root.aside:
            log.warning(
                "last-known.set-aside",
                path=str(root.path),
                found=[path.name for path in root.aside],
                hint="this start may be slow, until the cache is warm",
            )
        overall = await stack.enter_async_context(open_summary(root.path))
        prepare = partial(
            prepared, schema=sqlite.SCHEMA, version=sqlite.VERSION, upgrades=sqlite.UPGRADES
        )
        files = await stack.enter_async_context(open_pool(root.folder, prepare))
        descent = SerialLineage(overall.known.standing)
        last_known = ZoneCache(root, files, overall, descent, pace)
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(keep_running("cache", last_known.writing.run))
                noting = group.create_task(keep_running("cache", last_known.notes.run))
                try:
                    yield last_known
                finally:
                    writing.cancel()
                    noting.cancel()
        finally:
            await last_known.writing.flush()
            await last_known.notes.flush()
