"""Reads what is kept, and believes none of it: each RRset is what its id says, each file the zone's
whose path it has.

Not made in slices: it is over before the first socket is bound, and the sooner the better.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.containment import contain
from zonegit.errors import Corrupt, ZonegitError
from zonegit.nameserver.zone.compiler import RRsetChange, apply_changes, decode_change
from zonegit.nameserver.zone.snapshot import ZoneSnapshot, empty_snapshot
from zonegit.objects.ids import ObjectId, RawObject, verify
from zonegit.store import digests
from zonegit.store.digests import Digest
from zonegit.store.sqlite import NEIGHBOURS, UNFINISHED, Database, open_database, read_closed
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache import sqlite
from zonegit_resolver.cache.folder import path_of
from zonegit_resolver.cache.sqlite import Branch, FileContents
from zonegit_resolver.scheduling import freeze_gc
from zonegit_resolver.zone_states import Compiled

FILES_BATCH: Final = 8
"""Files that are read in one go, while those before them are compiled."""

OpenFile = Callable[[], AbstractAsyncContextManager[Database]]


class LoadedFile(NamedTuple):
    """What one file holds, or why it is not known."""

    path: Path
    contents: FileContents | ZonegitError


async def read_files(folder: Path, paths: Iterable[Path]) -> AsyncIterator[LoadedFile]:
    """The files of zones below ``folder``, which nobody has open yet."""
    rest = iter(paths)
    reading = _read_ahead(folder, list(islice(rest, FILES_BATCH)))
    while some := await reading:
        reading = _read_ahead(folder, list(islice(rest, FILES_BATCH)))
        for each in some:
            yield each
    await reading


def _read_ahead(folder: Path, paths: Sequence[Path]) -> "asyncio.Future[list[LoadedFile]]":
    return asyncio.ensure_future(asyncio.to_thread(_read_batch, folder, paths))


def _read_batch(folder: Path, paths: Sequence[Path]) -> list[LoadedFile]:
    return [LoadedFile(path, _read_file(folder, path)) for path in paths]


def _read_file(folder: Path, path: Path) -> FileContents | ZonegitError:
    try:
        with contain("cache", path=str(path)):
            return _read_checked(folder, path)
    except ZonegitError as error:
        return error


def _read_checked(folder: Path, path: Path) -> FileContents:
    found = read_closed(path, sqlite.VERSION, sqlite.read_contents)
    owners = {each.tip.zone for each in found.branches} | {each.zone for each in found.standing}
    for owner in owners:
        zone = names.from_wire(owner)
        if zone != owner or path_of(zone, folder) != path:
            raise Corrupt(f"{path} holds {names.text(zone)}")
    return found


def list_databases(aside: Sequence[Path]) -> list[Path]:
    """The SQLite files of what was set aside, of whatever scheme."""
    files = [each for each in aside if each.is_file()]
    for folder in aside:
        files += (Path(base, name) for base, _, names in os.walk(folder) for name in names)
    beside = (*NEIGHBOURS, UNFINISHED)
    return [path for path in files if not path.name.endswith(beside) and not path.is_symlink()]


def open_file(path: Path) -> AbstractAsyncContextManager[Database]:
    """A file of any layout there has been, for more than :func:`read_files` gives, or set aside.

    Raises:
        Unavailable, Corrupt, Invalid: as :func:`zonegit.store.sqlite.open_database`.
    """
    return open_database(path, sqlite.SCHEMA, sqlite.VERSION, sqlite.UPGRADES)


async def compile_branch(branch: Branch, opening: OpenFile) -> Compiled:
    """A branch as it is served. ``opening`` has the file opened, if there is more to be read.

    Raises:
        Corrupt, Invalid, Unavailable: it does not verify, or cannot be read.
    """
    zone = names.from_wire(branch.tip.zone)
    snapshot = apply_changes(empty_snapshot(zone), _decode_rows(branch.page, zone))
    total = _sum_up(branch.page)
    if len(branch.page) == sqlite.PAGE_ROWS:
        async with opening() as database:
            snapshot, total = await _compile_rest(snapshot, total, branch, database)
    if branch.total not in (None, total):
        raise Corrupt("its RRsets are not those that were written")
    if snapshot.serial is None:
        raise Corrupt("the zone is kept without its SOA record")
    return Compiled(ObjectId(branch.tip.target), ObjectId(branch.tip.tree), snapshot)


async def _compile_rest(
    snapshot: ZoneSnapshot, total: Digest, branch: Branch, database: Database
) -> tuple[ZoneSnapshot, Digest]:
    key = (Name(branch.tip.zone), branch.tip.branch)
    page = branch.page
    while len(page) == sqlite.PAGE_ROWS:
        freeze_gc()
        after = page[-1][0], page[-1][1]
        page = await database.read(partial(sqlite.read_page, key=key, after=after))
        snapshot = apply_changes(snapshot, _decode_rows(page, key[0]))
        total = digests.join(total, _sum_up(page))
    return snapshot, total


def _sum_up(page: Iterable[sqlite.StoredRRset]) -> Digest:
    return digests.sum_up(object_id for _, _, object_id, _ in page)


def _decode_rows(page: Iterable[sqlite.StoredRRset], zone: Name) -> Iterator[RRsetChange]:
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
        blob = verify(RawObject(ObjectId(object_id), "blob", payload))
        change = decode_change(path, rdtype, blob)
        if change.rrset is None or (change.rrset.owner, change.rrset.rdtype) != (owner, rdtype):
            raise Corrupt(f"the row of {names.text(Name(owner))} holds another RRset")
        yield change
