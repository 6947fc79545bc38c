"""Read the cache, and verify it: each RRset by its id, each file by the zone that its path names.

This does not run in slices: it ends before the first socket is bound.
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
from zonegit.store.sqlite import Database, open_database
from zonegit.store.sqlite_files import SIDE_FILE_SUFFIXES, UNFINISHED_SUFFIX, read_closed
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache import sqlite
from zonegit_resolver.cache.folder import path_of
from zonegit_resolver.cache.sqlite import Branch, FileContents
from zonegit_resolver.scheduling import freeze_gc
from zonegit_resolver.zone_states import Compiled

FILES_BATCH: Final = 8
"""Files that are read in one batch, while those of the batch before are compiled."""

OpenFile = Callable[[], AbstractAsyncContextManager[Database]]


class LoadedFile(NamedTuple):
    """The content of one file, or the error of reading it."""

    path: Path
    contents: FileContents | ZonegitError


async def read_files(folder: Path, paths: Iterable[Path]) -> AsyncIterator[LoadedFile]:
    """Read zone files below ``folder``, which are not open elsewhere."""
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
    owners = {each.tip.zone for each in found.branches} | {each.zone for each in found.last_served}
    for owner in owners:
        zone = names.from_wire(owner)
        if zone != owner or path_of(zone, folder) != path:
            raise Corrupt(f"{path} holds {names.text(zone)}")
    return found


def list_databases(aside: Sequence[Path]) -> list[Path]:
    """Return the SQLite files among those that were set aside, of any layout."""
    files = [each for each in aside if each.is_file()]
    for folder in aside:
        files += (Path(base, name) for base, _, names in os.walk(folder) for name in names)
    suffixes = (*SIDE_FILE_SUFFIXES, UNFINISHED_SUFFIX)
    return [path for path in files if not path.name.endswith(suffixes) and not path.is_symlink()]


def open_file(path: Path) -> AbstractAsyncContextManager[Database]:
    """Open a file of any layout, to read more than :func:`read_files` returns, or a file set aside.

    Raises:
        Unavailable, Corrupt, Invalid: The file cannot be opened.
    """
    return open_database(path, sqlite.SCHEMA, sqlite.VERSION, sqlite.UPGRADES)


async def compile_branch(branch: Branch, reopen: OpenFile) -> Compiled:
    """Compile a cached branch.

    Args:
        branch: The branch, with its first page of RRsets.
        reopen: Opens the file if there are more pages.

    Raises:
        Corrupt, Invalid, Unavailable: The branch does not verify, or cannot be read.
    """
    zone = names.from_wire(branch.tip.zone)
    snapshot = apply_changes(empty_snapshot(zone), _decode_rows(branch.page, zone))
    total = _sum_up(branch.page)
    if len(branch.page) == sqlite.PAGE_ROWS:
        async with reopen() as database:
            snapshot, total = await _compile_rest(snapshot, total, branch, database)
    if branch.total not in (None, total):
        raise Corrupt("its RRsets do not match their digest")
    if snapshot.serial is None:
        raise Corrupt("the cached zone has no SOA record")
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
    return digests.sum_hashes(object_id for _, _, object_id, _ in page)


def _decode_rows(page: Iterable[sqlite.StoredRRset], zone: Name) -> Iterator[RRsetChange]:
    """Decode cached RRsets into changes of a snapshot.

    Raises:
        Corrupt, Invalid: The content of a row does not match its id, owner and type.
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
