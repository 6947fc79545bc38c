"""One SQLite file that keeps what it has acknowledged, through a kill and through a power cut.

A transaction is a plain function that runs from BEGIN to COMMIT in the file's one writer thread.
So nothing can come between its statements, and a caller that gives up either finds it not begun,
and then it never runs, or finds it done. Reads have a connection and a thread of their own and
see one state of the file each (WAL).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import MappingProxyType
from typing import Final, TypeVar

from zonegit.errors import Corrupt, Invalid, Unavailable, ZonegitError

T = TypeVar("T")

Upgrades = Mapping[int, Callable[[Connection], object]]
"""By layout: what leads from it to the next."""

NO_UPGRADES: Final[Upgrades] = MappingProxyType({})
BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that writes the same file, a backup for instance."""
CACHE_KIB: Final = 32 << 10
"""How much of a file a connection may keep in memory: ids are as good as random, so each batch of
an import touches pages all over the index."""
CHECKPOINT_PAGES: Final = 8_192
"""How long the log may grow, in pages of 4 KiB, before it is copied into the file. With SQLite's
own 1,000 each batch would copy nearly the same pages again."""


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

        def transact() -> T:
            result = self._transact(self._writer, "BEGIN IMMEDIATE", work)
            if then is not None:
                loop.call_soon_threadsafe(then, result)
            return result

        return await loop.run_in_executor(self._writing, transact)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` on one state of the file.

        Raises:
            Unavailable: the disk fails.
            Corrupt: the file is damaged.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._reading, self._transact, self._reader, "BEGIN", work
        )

    def _transact(self, connection: Connection, begin: str, work: Callable[[Connection], T]) -> T:
        try:
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute("COMMIT")
                return result
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _explained(error, self._path) from error

    def shut(self) -> None:
        """Waits for what runs and closes the file."""
        for executor in (self._writing, self._reading):
            executor.shutdown(cancel_futures=True)


@asynccontextmanager
async def open_database(
    path: Path, schema: Sequence[str], version: int, upgrades: Upgrades = NO_UPGRADES
) -> AsyncIterator[Database]:
    """The file at ``path``; made, with its folders, when it does not exist. One of an earlier
    layout is brought to ``version`` by the ``upgrades`` from its own on, in one transaction.

    Raises:
        Unavailable: it cannot be opened or made.
        Corrupt: it is damaged, or no SQLite file.
        Invalid: a later release of zonegit made it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connection(path)) as writer, closing(_connection(path)) as reader:
            database = Database(path, writer, reader)
            try:
                prepare = partial(_prepare, schema=schema, version=version, upgrades=upgrades)
                await database.write(prepare)
                reader.execute("PRAGMA query_only = ON")
                yield database
            finally:
                await asyncio.to_thread(database.shut)
    except sqlite3.Error as error:
        raise _explained(error, path) from error
    except OSError as error:
        raise Unavailable(f"cannot make {path.parent}: {error.strerror}") from error


def _connection(path: Path) -> Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def _prepare(
    connection: Connection, schema: Sequence[str], version: int, upgrades: Upgrades
) -> None:
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


def _explained(error: sqlite3.Error, path: Path) -> ZonegitError:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return Unavailable(
            f"the disk that holds {path} is full; nothing was written",
            hint="make room on it, then send the same again",
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Corrupt(f"{path} is damaged: {error}", hint="restore it from a backup")
    if isinstance(error, sqlite3.OperationalError):
        return Unavailable(f"{path} cannot be used: {error}; nothing was written")
    raise error
