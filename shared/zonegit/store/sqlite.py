"""One SQLite file that keeps what it has acknowledged, through a kill and through a power cut.

A transaction is a plain function that runs from BEGIN to COMMIT in the file's one writer thread.
So nothing can come between its statements, and a caller that gives up either finds it not begun,
and then it never runs, or finds it done. Reads have a connection and a thread of their own and
see one state of the file each (WAL).

What a connection needs stands apart, for :mod:`zonegit.store.file_pool`, where many files share a
few threads.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import MappingProxyType
from typing import Final, TypeVar

from zonegit.errors import Corrupt, Invalid, Unavailable, ZonegitError
from zonegit.fairness import meter
from zonegit.store import digests
from zonegit.store.digests import Watched
from zonegit.store.stored_rows import DamagedFile

T = TypeVar("T")

Upgrades = Mapping[int, Callable[[Connection], object]]
"""By layout: what leads from it to the next."""

NO_UPGRADES: Final[Upgrades] = MappingProxyType({})
NOT_WATCHED: Final = Watched(())
RESTORE: Final = "restore it from a backup: docs/operations.md, Restoring"
BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that writes the same file, a backup for instance."""
CACHE_KIB: Final = 32 << 10
"""How much of a file a connection may keep in memory: ids are as good as random, so each batch of
an import touches pages all over the index."""
CHECK_CACHE_KIB: Final = 2 << 10
"""The same for one that reads the file through once."""
CHECKPOINT_PAGES: Final = 8_192
"""How long the log may grow, in pages of 4 KiB, before it is copied into the file. With SQLite's
own 1,000 each batch would copy nearly the same pages again."""
PAGE_OCTETS: Final = 1_024
"""Of a file that is built in one go: it is small, and each of its tables takes a page at least."""
NEIGHBOURS: Final = ("-wal", "-shm", "-journal")
"""Suffixes that SQLite appends to a file's name for the files that belong to it."""
UNFINISHED: Final = "-new"
"""The same for one that is being built."""


class Database:
    """An open file. Made by :func:`open_database`, which also closes it."""

    def __init__(self, path: Path, writer: Connection, reader: Connection) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._writing = ThreadPoolExecutor(1, thread_name_prefix=f"write-{path.stem}")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix=f"read-{path.stem}")

    async def write(
        self, work: Callable[[Connection], T], then: Callable[[T], None] | None = None
    ) -> T:
        """Runs ``work`` in a transaction and commits; what it raises undoes it.

        ``then`` is called on the event loop with the result, once that is durable, in the order of
        the commits, and before the caller goes on; even when the caller has given up.

        Raises:
            Unavailable: the disk is full or fails; nothing was written.
            Corrupt: the file is damaged.
        """
        loop = asyncio.get_running_loop()

        def run() -> T:
            result = transact(self._writer, self._path, "BEGIN IMMEDIATE", work)
            if then is not None:
                loop.call_soon_threadsafe(then, result)
            return result

        return await meter.run_in_thread(self._writing, run)

    async def check(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work``, which may take long, on one state of the file: over a connection and in a
        thread of its own, so that no other read waits for it.

        Raises:
            Unavailable: the disk fails.
            Corrupt: the file is damaged.
        """
        return await asyncio.to_thread(self._check, work)

    def _check(self, work: Callable[[Connection], T]) -> T:
        with closing(connected(self._path, CHECK_CACHE_KIB)) as connection:
            connection.execute("PRAGMA query_only = ON")
            return transact(connection, self._path, "BEGIN", work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` on one state of the file.

        Raises:
            Unavailable: the disk fails.
            Corrupt: the file is damaged.
        """
        read = partial(transact, self._reader, self._path, "BEGIN", work)
        return await meter.run_in_thread(self._reading, read)

    def shut(self) -> None:
        """Waits for what runs and closes the file."""
        for executor in (self._writing, self._reading):
            executor.shutdown(cancel_futures=True)


@asynccontextmanager
async def open_database(
    path: Path,
    schema: Sequence[str],
    version: int,
    upgrades: Upgrades = NO_UPGRADES,
    watched: Watched = NOT_WATCHED,
) -> AsyncIterator[Database]:
    """The file at ``path``; made, with its folders, when it does not exist. One of an earlier
    layout is brought to ``version`` by the ``upgrades`` from its own on, in one transaction.
    ``watched`` are the tables with digests (:mod:`zonegit.store.digests`).

    Raises:
        Unavailable: it cannot be opened or made.
        Corrupt: it is damaged, or no SQLite file.
        Invalid: a later release of zonegit made it.
    """
    prepare = partial(
        _prepared_watched, schema=schema, version=version, upgrades=upgrades, watched=watched
    )
    with closing(connected(path)) as writer, closing(connected(path)) as reader:
        database = Database(path, writer, reader)
        try:
            await _prepare(database, path, prepare)
            reader.execute("PRAGMA query_only = ON")
            yield database
        finally:
            await asyncio.to_thread(database.shut)


async def _prepare(database: Database, path: Path, work: Callable[[Connection], None]) -> None:
    try:
        await database.write(work)
    except ZonegitError as error:
        error.details.setdefault("file", str(path))
        raise


def connected(path: Path, cache_kib: int = CACHE_KIB) -> Connection:
    """A connection to the file at ``path``, which is made, with its folders, when it does not
    exist. What is committed is on the disk.

    Raises:
        Unavailable: it cannot be opened or made.
        Corrupt: it is damaged, or no SQLite file.
    """
    with explained(path), ExitStack() as failing:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        failing.callback(connection.close)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        failing.pop_all()
        return connection


def transact(connection: Connection, path: Path, begin: str, work: Callable[[Connection], T]) -> T:
    """Runs ``work`` in a transaction and commits; what it raises undoes it.

    Raises:
        Unavailable: the disk is full or fails; nothing was written.
        Corrupt: the file is damaged.
    """
    with explained(path):
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
            return result
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def blank(prepare: Callable[[Connection], object]) -> bytes:
    """Return the octets of a small file that has the tables and nothing else."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_OCTETS}")
        prepare(connection)
        return connection.serialize()


def built(path: Path, begin: bytes, work: Callable[[Connection], T]) -> T:
    """Makes a new file: what is :func:`blank`, and what ``work`` writes. Until all of it is on the
    disk nothing of it is at ``path``; so it is written once and synced once, which for a small file
    takes a third of the time that transactions would. Of a power cut soon after it may be that it
    is not there.

    Raises:
        Unavailable: it cannot be made.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    with explained(path), ExitStack() as undoing:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(unfinished)
        undoing.callback(remove, unfinished)
        unfinished.write_bytes(begin)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            result = transact(connection, path, "BEGIN IMMEDIATE", work)
            connection.execute("PRAGMA journal_mode = WAL")
        sync(unfinished)
        _remove(path, NEIGHBOURS)  # a log beside it would be taken for its own
        unfinished.rename(path)
        return result


def read_closed(path: Path, version: int, work: Callable[[Connection], T]) -> T:
    """Runs ``work`` on a file that no process has open. One that was closed in order is read
    without locks and neighbours, in a third of the time.

    Raises:
        Unavailable: it cannot be read.
        Corrupt: it is damaged, or no SQLite file.
        Invalid: it has another layout than ``version``.
    """
    is_whole = not path.with_name(path.name + "-wal").exists()
    uri = f"{path.absolute().as_uri()}?{'immutable=1' if is_whole else 'mode=rw'}"
    with (
        explained(path),
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection,
    ):
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found != version:
            raise Invalid(f"{path} has layout {found} and not {version}")
        return work(connection)


def remove(path: Path) -> None:
    """Deletes a file that nobody has open, with its neighbours: last, for they say something of
    no other file.

    Raises:
        OSError: one cannot be deleted.
    """
    _remove(path, ("", *NEIGHBOURS))


def _remove(path: Path, suffixes: Iterable[str]) -> None:
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or a folder's list of files, is on the disk.

    Raises:
        OSError: the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prepared(
    connection: Connection, schema: Sequence[str], version: int, upgrades: Upgrades
) -> None:
    """Makes the tables, or brings them to ``version``.

    Raises:
        Invalid: a later release of zonegit made the file.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > version:
        raise Invalid(
            f"the store has layout {found} and this release knows up to {version}",
            hint="a later release of zonegit made it; run that one",
        )
    if found == 0:
        for statement in schema:
            connection.execute(statement)
    else:
        for layout in range(found, version):
            upgrades[layout](connection)
    if found != version:
        connection.execute(f"PRAGMA user_version = {version}")


def _prepared_watched(
    connection: Connection,
    schema: Sequence[str],
    version: int,
    upgrades: Upgrades,
    watched: Watched,
) -> None:
    """Makes the tables, or brings them to ``version``; compares those that are ``watched``.

    Raises:
        Corrupt: one holds something else than what was written.
        Invalid: a later release of zonegit made the file.
    """
    if not watched.tables:
        prepared(connection, schema, version, upgrades)
        return
    (before,) = connection.execute("PRAGMA user_version").fetchone()
    if before == version or digests.are_in(connection):
        digests.compare(connection, (digests.SCHEMA, *watched.at_open))
    prepared(connection, schema, version, upgrades)
    if before != version:
        digests.refresh(connection, watched.tables)
    digests.watch(connection, watched.tables)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Return the error to report for a failure of the file at ``path``.

    Raises:
        Unavailable: the disk is full or fails, or there is no such folder.
        Corrupt: the file is damaged.
    """
    try:
        yield
    except DamagedFile as error:
        raise _damaged(path, error.message, error.details, error.hint) from error
    except sqlite3.Error as error:
        raise _explained(error, path) from error
    except UnicodeDecodeError as error:
        # SQLite quotes what is wrong with a schema, and its octets may be no text either.
        octets = error.object.decode(errors="backslashreplace")
        raise _damaged(path, octets, {}) from error
    except OSError as error:
        raise Unavailable(f"cannot make {path.parent}: {error.strerror}", file=str(path)) from error


_NOT_USABLE: Final = (
    "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_INTERRUPT", "SQLITE_IOERR", "SQLITE_LOCKED",
    "SQLITE_NOLFS", "SQLITE_NOMEM", "SQLITE_PERM", "SQLITE_PROTOCOL", "SQLITE_READONLY",
)  # fmt: skip
"""Errors of the system, which say nothing about the content of the file."""


def _explained(error: sqlite3.Error, path: Path) -> ZonegitError:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return Unavailable(
            f"the disk that holds {path} is full; nothing was written",
            hint="make room on it, then send the same again",
            file=str(path),
        )
    if name.startswith(_NOT_USABLE):
        return Unavailable(f"{path} cannot be used: {error}; nothing was written", file=str(path))
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _MISTAKES):
        # The statements are right, so the file is not: it lacks a table, a text is no UTF-8.
        return _damaged(path, str(error), {})
    raise error


_MISTAKES: Final = (sqlite3.ProgrammingError, sqlite3.NotSupportedError)
"""Errors of the calling code."""


def _damaged(path: Path, why: str, details: Mapping[str, str], hint: str | None = None) -> Corrupt:
    return Corrupt(
        f"{path} is damaged: {why}", hint=hint or RESTORE, **{**details, "file": str(path)}
    )
