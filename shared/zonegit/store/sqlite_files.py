"""Connections to SQLite files, transactions, and files that are built or read as a whole.

Commits are durable. Errors of SQLite are converted into errors that name the file.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Final, TypeVar

from zonegit.errors import Corrupt, Invalid, Unavailable, ZonegitError
from zonegit.store.stored_rows import DamagedFile

T = TypeVar("T")

RESTORE: Final = "restore it from a backup: docs/operations.md, Restoring"

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that writes the same file, for example a backup."""

CACHE_KIB: Final = 32 << 10
"""The page cache of a connection. Ids are evenly distributed, so each batch of an import changes
pages in all parts of the index."""

CHECKPOINT_PAGES: Final = 8_192
"""Pages of 4 KiB in the log before it is copied into the file. With SQLite's default of 1,000, each
batch would copy mostly the same pages again."""

PAGE_OCTETS: Final = 1_024
"""The page size of a file that :func:`build_file` creates. The file is small, and each of its
tables takes at least one page."""

SIDE_FILE_SUFFIXES: Final = ("-wal", "-shm", "-journal")
"""Suffixes of the additional files of SQLite."""

UNFINISHED_SUFFIX: Final = "-new"
"""The suffix of a file that is being built."""


def open_connection(path: Path, cache_kib: int = CACHE_KIB) -> Connection:
    """Open a connection whose commits are durable. The file and its folders are created if missing.

    Raises:
        Unavailable: the file cannot be opened or created.
        Corrupt: the file is damaged, or is not an SQLite file.
    """
    with explain_errors(path), ExitStack() as failing:
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
    """Run a function in a transaction, and commit it, or roll it back if the function raises.

    Raises:
        Unavailable: the disk is full or fails; nothing was written.
        Corrupt: the file is damaged.
    """
    with explain_errors(path):
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
            return result
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def build_empty(prepare: Callable[[Connection], object]) -> bytes:
    """Return the octets of a small file with empty tables."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_OCTETS}")
        prepare(connection)
        return connection.serialize()


def build_file(path: Path, begin: bytes, work: Callable[[Connection], T]) -> T:
    """Create a file from empty tables and the rows that a function writes.

    The file is written and synced under another name and then renamed, so it is never incomplete.
    For a small file this takes a third of the time of transactions. After a power failure shortly
    after the call, the file may be missing.

    Args:
        path: the file.
        begin: the octets of the file with empty tables (:func:`build_empty`).
        work: writes the rows.

    Raises:
        Unavailable: the file cannot be created.
    """
    unfinished = path.with_name(path.name + UNFINISHED_SUFFIX)
    with explain_errors(path), ExitStack() as undoing:
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
        _remove(
            path, SIDE_FILE_SUFFIXES
        )  # SQLite would apply the log of an earlier file to this one
        unfinished.rename(path)
        return result


def read_closed(path: Path, version: int, work: Callable[[Connection], T]) -> T:
    """Run a function on a file that no process has open.

    A file that was closed properly is read without locks and additional files, in a third of the
    time.

    Raises:
        Unavailable: the file cannot be read.
        Corrupt: the file is damaged, or is not an SQLite file.
        Invalid: the layout of the file is not ``version``.
    """
    is_whole = not path.with_name(path.name + "-wal").exists()
    uri = f"{path.absolute().as_uri()}?{'immutable=1' if is_whole else 'mode=rw'}"
    with (
        explain_errors(path),
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection,
    ):
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found != version:
            raise Invalid(f"{path} has layout {found}, not {version}")
        return work(connection)


def remove(path: Path) -> None:
    """Delete a file that no process has open, and then its additional files.

    Raises:
        OSError: a file cannot be deleted.
    """
    _remove(path, ("", *SIDE_FILE_SUFFIXES))


def _remove(path: Path, suffixes: Iterable[str]) -> None:
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the list of files of a folder, is on the disk.

    Raises:
        OSError: the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Convert the errors of SQLite and of the system into errors that name the file.

    Raises:
        Unavailable: the disk is full or fails, or the folder cannot be created.
        Corrupt: the file is damaged.
    """
    try:
        yield
    except DamagedFile as error:
        raise _damage_error(path, error.message, error.details, error.hint) from error
    except sqlite3.Error as error:
        raise _explain(error, path) from error
    except UnicodeDecodeError as error:
        # The message of SQLite quotes a damaged schema, which need not be UTF-8.
        octets = error.object.decode(errors="backslashreplace")
        raise _damage_error(path, octets, {}) from error
    except OSError as error:
        raise Unavailable(
            f"cannot create {path.parent}: {error.strerror}", file=str(path)
        ) from error


_NOT_USABLE: Final = (
    "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_INTERRUPT", "SQLITE_IOERR", "SQLITE_LOCKED",
    "SQLITE_NOLFS", "SQLITE_NOMEM", "SQLITE_PERM", "SQLITE_PROTOCOL", "SQLITE_READONLY",
)  # fmt: skip
"""Errors of the system, which do not mean that the file is damaged."""


def _explain(error: sqlite3.Error, path: Path) -> ZonegitError:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return Unavailable(
            f"the disk that holds {path} is full; nothing was written",
            hint="free space on the disk, then repeat the command",
            file=str(path),
        )
    if name.startswith(_NOT_USABLE):
        return Unavailable(f"{path} cannot be used: {error}; nothing was written", file=str(path))
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _MISTAKES):
        # The statements are correct, so the file is damaged: for example, a table is missing.
        return _damage_error(path, str(error), {})
    raise error


_MISTAKES: Final = (sqlite3.ProgrammingError, sqlite3.NotSupportedError)
"""Errors of the calling code."""


def _damage_error(
    path: Path, why: str, details: Mapping[str, str], hint: str | None = None
) -> Corrupt:
    return Corrupt(
        f"{path} is damaged: {why}", hint=hint or RESTORE, **{**details, "file": str(path)}
    )
