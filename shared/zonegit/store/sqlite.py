"""Open SQLite files whose acknowledged transactions survive a crash and a power failure.

A transaction is a function that runs from BEGIN to COMMIT in the single writer thread of the file.
So no other statement runs in between. If the caller is cancelled, the transaction either has not
begun, and never runs, or is completed. Reads use another connection in another thread; each read
sees one state of the file (WAL).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import MappingProxyType
from typing import Final, TypeVar

from zonegit.errors import Invalid, ZonegitError
from zonegit.fairness import meter
from zonegit.store import digests
from zonegit.store.digests import Watched
from zonegit.store.sqlite_files import open_connection, transact

T = TypeVar("T")

Upgrades = Mapping[int, Callable[[Connection], object]]
"""Functions by layout; each upgrades a file from that layout to the next one."""

NO_UPGRADES: Final[Upgrades] = MappingProxyType({})

NOT_WATCHED: Final = Watched(())

CHECK_CACHE_KIB: Final = 2 << 10
"""The page cache of a connection that reads the whole file once."""


class Database:
    """An open file; :func:`open_database` opens and closes it."""

    def __init__(self, path: Path, writer: Connection, reader: Connection) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._writing = ThreadPoolExecutor(1, thread_name_prefix=f"write-{path.stem}")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix=f"read-{path.stem}")

    async def write(
        self, work: Callable[[Connection], T], on_commit: Callable[[T], None] | None = None
    ) -> T:
        """Run a function in a transaction, and commit it, or roll it back if the function raises.

        Args:
            work: the function.
            on_commit: called on the event loop with the result after the commit, in the order of
                the commits and before the caller continues, even if the caller was cancelled.

        Raises:
            Unavailable: the disk is full or fails; nothing was written.
            Corrupt: the file is damaged.
        """
        loop = asyncio.get_running_loop()

        def run() -> T:
            result = transact(self._writer, self._path, "BEGIN IMMEDIATE", work)
            if on_commit is not None:
                loop.call_soon_threadsafe(on_commit, result)
            return result

        return await meter.run_in_thread(self._writing, run)

    async def check(self, work: Callable[[Connection], T]) -> T:
        """Run a long function on one state of the file.

        It has its own connection and thread, so no other read waits for it.

        Raises:
            Unavailable: the disk fails.
            Corrupt: the file is damaged.
        """
        return await asyncio.to_thread(self._check, work)

    def _check(self, work: Callable[[Connection], T]) -> T:
        with closing(open_connection(self._path, CHECK_CACHE_KIB)) as connection:
            connection.execute("PRAGMA query_only = ON")
            return transact(connection, self._path, "BEGIN", work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a function on one state of the file.

        Raises:
            Unavailable: the disk fails.
            Corrupt: the file is damaged.
        """
        read = partial(transact, self._reader, self._path, "BEGIN", work)
        return await meter.run_in_thread(self._reading, read)

    def close(self) -> None:
        """Wait for running functions, and stop the threads."""
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
    """Open a file for the time of a context. The file and its folders are created if missing.

    Args:
        path: the file.
        schema: the statements that create its tables.
        version: the current layout.
        upgrades: the upgrades from earlier layouts, which run in one transaction.
        watched: the tables with digests (:mod:`zonegit.store.digests`).

    Raises:
        Unavailable: the file cannot be opened or created.
        Corrupt: the file is damaged, or is not an SQLite file.
        Invalid: a later release of zonegit created the file.
    """
    prepare = partial(
        _prepare_watched, schema=schema, version=version, upgrades=upgrades, watched=watched
    )
    with closing(open_connection(path)) as writer, closing(open_connection(path)) as reader:
        database = Database(path, writer, reader)
        try:
            await _prepare(database, path, prepare)
            reader.execute("PRAGMA query_only = ON")
            yield database
        finally:
            await asyncio.to_thread(database.close)


async def _prepare(database: Database, path: Path, work: Callable[[Connection], None]) -> None:
    try:
        await database.write(work)
    except ZonegitError as error:
        error.details.setdefault("file", str(path))
        raise


def prepare_tables(
    connection: Connection, schema: Sequence[str], version: int, upgrades: Upgrades
) -> None:
    """Create the tables, or upgrade them to ``version``.

    Raises:
        Invalid: a later release of zonegit created the file.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > version:
        raise Invalid(
            f"the store has layout {found}, but this release supports only layouts up to {version}",
            hint="a later release of zonegit created it; use that release",
        )
    if found == 0:
        for statement in schema:
            connection.execute(statement)
    else:
        for layout in range(found, version):
            upgrades[layout](connection)
    if found != version:
        connection.execute(f"PRAGMA user_version = {version}")


def _prepare_watched(
    connection: Connection,
    schema: Sequence[str],
    version: int,
    upgrades: Upgrades,
    watched: Watched,
) -> None:
    """Create the tables, or upgrade them to ``version``, and compare the digests of ``watched``.

    Raises:
        Corrupt: the content of a table differs from what was written.
        Invalid: a later release of zonegit created the file.
    """
    if not watched.tables:
        prepare_tables(connection, schema, version, upgrades)
        return
    (before,) = connection.execute("PRAGMA user_version").fetchone()
    if before == version or digests.has_digests(connection):
        is_old = before != version
        tables = [
            each for each in watched.at_open if not is_old or digests.has_digest(connection, each)
        ]
        digests.compare(connection, (digests.SCHEMA, *tables))
    prepare_tables(connection, schema, version, upgrades)
    if before != version:
        digests.refresh(connection, watched.tables)
    digests.watch(connection, watched.tables)
