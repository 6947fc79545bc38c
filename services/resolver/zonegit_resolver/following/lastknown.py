"""Last known good: on disk, what was last served of each branch of each zone, so that a resolver
that is started while the bus is away has answers.

A cache, not a store: each swap is written after it is served, a failure to write costs nothing but
this, and what does not verify is dropped and said.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from zonegit.authority.compiled.compiler import Change, advanced
from zonegit.authority.compiled.records import Delta
from zonegit.authority.compiled.snapshot import Snapshot, contents, empty
from zonegit.errors import Corrupt, Invalid, Unavailable, ZonegitError
from zonegit.objects.canonical import encode
from zonegit.objects.ids import ObjectId, RawObject, short, verified
from zonegit.objects.model import Blob
from zonegit.store.database import Database, open_database
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.following import sqlite
from zonegit_resolver.following.descent import Descent
from zonegit_resolver.following.journal import Changes, Journal, joined
from zonegit_resolver.following.loading import change_of
from zonegit_resolver.following.sqlite import Key, Row, Standing, Tip, Write
from zonegit_resolver.following.tracks import Compiled, Position, Track, Tracks
from zonegit_resolver.pace import Pace, settle_the_heap

FILE: Final = "last-known.sqlite3"
AT_ONCE: Final = 128
"""RRsets of one transaction when a whole zone is written."""

log = structlog.get_logger()


class Recalled(NamedTuple):
    """A branch as it was served before; ``seen`` is when it was last known to be current."""

    zone: Name
    branch: str
    position: Position
    compiled: Compiled
    seen: float | None


class Kept(NamedTuple):
    """A swap, at ``seen`` in seconds since 1970. ``rows`` are the differences to the commit
    ``base``; without them or without that the snapshot says all there is. ``delta`` is what
    secondaries are told, None: nobody knows."""

    position: Position
    compiled: Compiled
    seen: float
    rows: list[Row] | None
    base: ObjectId | None
    delta: Delta | None = None


class LastKnown:
    """Made by :func:`open_last_known`, which also sees to the writing."""

    def __init__(
        self, database: Database, pace: Pace, free_number: int, journal: Journal, descent: Descent
    ) -> None:
        self.journal = journal
        self.descent = descent
        self._database = database
        self._pace = pace
        self._free_number = free_number
        self._waiting: list[tuple[Key, Kept | None]] = []
        self._changes: list[Changes] = []
        self._standing: dict[bytes, Standing] = {}
        self._written: dict[Key, ObjectId] = {}
        """The commit that is on disk, as far as that is certain."""
        self._wake = asyncio.Event()

    def keep(self, zone: Name, branch: str, kept: Kept) -> None:
        """Remembers a swap."""
        key, commit = (zone, branch), kept.compiled.commit
        self._waiting.append((key, kept))
        if kept.base is not None and kept.rows == []:
            self._changes.append(self.journal.rename(key, kept.base, commit))
        else:
            self._changes.append(self.journal.note(key, kept.base, commit, kept.delta))
        self._wake.set()

    def drop(self, zone: Name, branch: str) -> None:
        """Forgets a branch."""
        self._waiting.append(((zone, branch), None))
        self._changes.append(self.journal.drop((zone, branch)))
        self._wake.set()

    def stand(self, track: Track, compiled: Compiled) -> None:
        """Notes what everybody is served from now on."""
        serial = compiled.snapshot.serial
        assert serial is not None  # it is served
        if standing := self.descent.turned(track.zone, track.branch, compiled.tree, serial):
            self._standing[track.zone] = standing
            self._wake.set()

    async def see(self, tracks: Tracks) -> None:
        """Notes when what is kept was last known to be current."""
        seen = tracks.confirmed
        if seen is None:
            return
        late = [(track.seen, (track.zone, track.branch)) for track in tracks if track.seen]
        with suppress(ZonegitError):  # a full disk is heard of when there is something to keep
            await self._database.write(partial(sqlite.see, seen=seen, late=late))

    async def write(self) -> None:
        """Writes what there is to keep, whenever there is, until cancelled."""
        while True:
            await self._wake.wait()
            await self.flush()

    async def flush(self) -> None:
        """Writes what there is to keep now; none of it counts before the last transaction."""
        self._wake.clear()
        waiting, self._waiting = self._waiting, []
        changes, self._changes = self._changes, []
        stand, self._standing = self._standing, {}
        try:
            writes = [await self._write_of(key, kept) for key, kept in waiting]
            gone, put = joined(changes)
            journal = partial(sqlite.journal, gone=gone, put=put, stand=[*stand.values()])
            await self._database.write(partial(sqlite.write, writes=writes, then=journal))
        except asyncio.CancelledError:
            # Perhaps not begun, perhaps done: whoever closes this writes it all once more.
            self._waiting[:0] = [(key, kept and kept._replace(rows=None)) for key, kept in waiting]
            self._changes[:0] = changes
            self._standing = stand | self._standing
            raise
        except ZonegitError as error:
            log.warning("last-known.not-written", error=error.message, hint=error.hint)
            self._standing = stand | self._standing  # the journal's chains show what they lack
            for key, _ in waiting:
                self._written.pop(key, None)

    async def _write_of(self, key: Key, kept: Kept | None) -> Write:
        held = self._written.pop(key, None)
        if kept is None:
            return Write(key, None)
        position, compiled, seen, rows, base, _ = kept
        self._written[key] = compiled.commit
        tip = Tip(*key, compiled.commit, compiled.tree, position.epoch, position.sequence, seen)
        if rows is not None and base is not None and base == held:
            return Write(key, tip, rows, replaces=False)
        return Write(key, tip, staged=await self._stage(key[0], self._rows(compiled.snapshot)))

    async def _stage(self, zone: Name, rows: AsyncIterator[Row]) -> int:
        """Writes a whole zone, some rows at a time: a thread that has more to do keeps queries
        waiting for the interpreter, and so would freeing all rows at once."""
        number, self._free_number = self._free_number, self._free_number + 1
        batch: list[Row] = []
        async for row in rows:
            batch.append(row)
            if len(batch) == AT_ONCE:
                await self._add(zone, number, batch)
                batch = []
        await self._add(zone, number, batch)
        return number

    async def _add(self, zone: Name, number: int, batch: list[Row]) -> None:
        work = partial(sqlite.apply, zone=zone, tip=number, changes=batch)
        await self._database.write(work)
        await self._pace.give_way()

    async def _rows(self, snapshot: Snapshot) -> AsyncIterator[Row]:
        for held in contents(snapshot):
            path = names.path(held.rrset.owner, snapshot.apex)
            yield Row(path, held.rrset.rdtype, encode(Blob(held.rrset)))
            await self._pace.give_way()

    async def recall(self) -> AsyncIterator[Recalled]:
        """Everything that is kept, compiled. What does not verify is dropped.

        Not made in slices: it is over before the first socket is bound, and the sooner the better.
        """
        for tip in await self._database.read(sqlite.tips):
            try:
                recalled = await self._recalled(tip)
            except ZonegitError as error:
                log.error(
                    "last-known.dropped",
                    zone=tip.zone.hex(),
                    branch=tip.branch,
                    commit=short(tip.target),
                    error=error.message,
                )
                self.drop(Name(tip.zone), tip.branch)
                continue
            key, commit = (recalled.zone, recalled.branch), recalled.compiled.commit
            self._written[key] = commit
            stored = await self._database.read(partial(sqlite.deltas, key=key))
            self._changes.append(self.journal.recall(key, commit, stored))
            yield recalled

    async def _recalled(self, tip: Tip) -> Recalled:
        zone = names.from_wire(tip.zone)
        snapshot = empty(zone)
        after = sqlite.START
        while page := await self._database.read(
            partial(sqlite.page, key=(zone, tip.branch), after=after)
        ):
            snapshot = advanced(snapshot, _changes(page, zone))
            after = page[-1][0], page[-1][1]
            if len(page) == sqlite.PAGE:
                settle_the_heap()
        if snapshot.serial is None:
            raise Corrupt("the zone is kept without its SOA record")
        commit = ObjectId(tip.target)
        return Recalled(
            zone,
            tip.branch,
            Position(commit, tip.epoch, tip.sequence),
            Compiled(commit, ObjectId(tip.tree), snapshot),
            tip.seen,
        )


def _changes(page: Iterable[sqlite.StoredRRset], zone: Name) -> Iterator[Change]:
    """What RRsets that are kept mean for a snapshot.

    Raises:
        Corrupt, Invalid: one is not what its id, owner and type promise.
    """
    before = b""
    path: names.Path = ()
    for owner, rdtype, object_id, payload in page:
        if owner != before:
            path = names.path(names.from_wire(owner), zone)
            before = owner
        blob = verified(RawObject(ObjectId(object_id), "blob", payload))
        yield change_of(path, rdtype, blob)


@asynccontextmanager
async def open_last_known(folder: Path, pace: Pace) -> AsyncIterator[LastKnown]:
    """What is kept in ``folder``; if that is damaged, or a later release's, nothing.

    Raises:
        Unavailable: the folder cannot be used, or another resolver uses it.
    """
    path = folder / FILE
    with _locked(folder):
        await _without_damage(path)
        async with _opened(path) as database:
            free_number, free_in_journal = await database.write(sqlite.tidy)
            journal = Journal(free_in_journal)
            descent = Descent(await database.read(sqlite.standing))
            last_known = LastKnown(database, pace, free_number, journal, descent)
            try:
                async with asyncio.TaskGroup() as group:
                    writing = group.create_task(last_known.write())
                    try:
                        yield last_known
                    finally:
                        writing.cancel()
            finally:
                await last_known.flush()


def _opened(path: Path) -> AbstractAsyncContextManager[Database]:
    return open_database(path, sqlite.SCHEMA, sqlite.VERSION, sqlite.UPGRADES)


async def _without_damage(path: Path) -> None:
    try:
        async with _opened(path) as database:
            await database.read(sqlite.check)
    except (Corrupt, Invalid) as error:
        log.error("last-known.dropped", path=str(path), error=error.message)
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps a folder to this process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("w")
    except OSError as error:
        raise Unavailable(f"cannot use {folder}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Unavailable(
                f"another resolver uses {folder}", hint="give each resolver a --name of its own"
            ) from error
        yield
