"""Store cache-wide metadata in one file.

It holds the time when the zones were last known to be current, what was served last of removed
zones, how far the log was followed, the highest serial ever answered for each branch, and the
serving settings of zones in the store. What is recorded every half minute is written to one file,
regardless of the number of zones.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import MappingProxyType
from typing import Final, NamedTuple

import structlog

from zonegit.errors import Corrupt, Invalid
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.store import digests
from zonegit.store.digests import Watched
from zonegit.store.sqlite import Database, open_database
from zonegit.store.sqlite_files import remove
from zonegit.store.stored_rows import (
    RowReader,
    StoredCount,
    StoredId,
    StoredSerial,
    StoredTime,
    read_name,
    read_value,
)
from zonegit.zone.names import Name
from zonegit_resolver.cache import sqlite
from zonegit_resolver.cache.sqlite import CacheKey, LastServed

FILE: Final = "overall.sqlite3"
VERSION: Final = 5
WATCHED: Final = Watched(("confirmed", "late", "standing", "answered", "followed", "settings"))
_NOTES: Final = (
    "CREATE TABLE answered (zone BLOB NOT NULL, branch TEXT NOT NULL, serial INTEGER NOT NULL,"
    " tree BLOB NOT NULL, PRIMARY KEY (zone, branch)) STRICT, WITHOUT ROWID",
    "CREATE TABLE followed (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL,"
    " sequence INTEGER NOT NULL, past TEXT NOT NULL, began TEXT NOT NULL,"
    " operation TEXT NOT NULL) STRICT",
)
_INSTALLATION: Final = "ALTER TABLE followed ADD COLUMN installation TEXT NOT NULL DEFAULT ''"
_SETTINGS: Final = (
    "CREATE TABLE settings (zone BLOB PRIMARY KEY, id BLOB NOT NULL, payload BLOB NOT NULL)"
    " STRICT, WITHOUT ROWID"
)
SCHEMA: Final = (
    "CREATE TABLE confirmed (one INTEGER PRIMARY KEY CHECK (one = 1), seen REAL NOT NULL) STRICT",
    "CREATE TABLE late (zone BLOB NOT NULL, branch TEXT NOT NULL, seen REAL NOT NULL,"
    " PRIMARY KEY (zone, branch)) STRICT, WITHOUT ROWID",
    sqlite.STANDING,
    *_NOTES,
    digests.TABLE,
    _INSTALLATION,
    _SETTINGS,
)


def _add_notes(connection: Connection) -> None:
    for statement in _NOTES:
        connection.execute(statement)


def _add_installation(connection: Connection) -> None:
    connection.execute(_INSTALLATION)


def _add_digests(connection: Connection) -> None:
    connection.execute(digests.TABLE)
    connection.execute("ALTER TABLE standing ADD COLUMN digest BLOB")


def _add_settings(connection: Connection) -> None:
    connection.execute(_SETTINGS)


UPGRADES: Final = {1: _add_notes, 2: _add_installation, 3: _add_digests, 4: _add_settings}

log = structlog.get_logger()


class FollowedLog(NamedTuple):
    """The position up to which the log was followed.

    Attributes:
        epoch: The epoch; empty if no log was read.
        sequence: The last row that was applied.
        past: The epochs before it, the latest first.
        began: The run of the ref store in which this cache began; empty if that had no name.
        operation: The operation of the last row; empty if unknown.
        installation: The installation of the ref store; empty if unknown.
    """

    epoch: str = ""
    sequence: int = 0
    past: tuple[str, ...] = ()
    began: str = ""
    operation: str = ""
    installation: str = ""


class Highest(NamedTuple):
    """The highest serial ever answered for a branch, and its tree (``recovery_notes.SEVERAL_TREES``
    if it had more than one)."""

    serial: int
    tree: bytes


class CacheSummary(NamedTuple):
    """The content of the file when it was opened.

    ``confirmed`` is the time when all branches but those in ``late`` were last known to be current,
    in seconds since 1970; None if they never were. ``late`` has a time for each of the others.
    ``settings`` are the docs of serving settings by zone; their ids are not verified.
    """

    confirmed: float | None
    late: dict[CacheKey, float]
    last_served: list[LastServed]
    answered: dict[CacheKey, Highest]
    followed: FollowedLog
    settings: dict[Name, RawObject]


_CONFIRMED: Final[RowReader[float]] = RowReader("confirmed", tuple[StoredTime], read_value)
_LATE: Final[RowReader[tuple[CacheKey, float]]] = RowReader(
    "late",
    tuple[bytes, str, StoredTime],
    lambda zone, branch, seen: ((read_name(zone), branch), seen),
    keys=2,
)
_ANSWERED: Final[RowReader[tuple[CacheKey, Highest]]] = RowReader(
    "answered",
    tuple[bytes, str, StoredSerial, StoredId],
    lambda zone, branch, *highest: ((read_name(zone), branch), Highest(*highest)),
    keys=2,
)
_FOLLOWED: Final[RowReader[FollowedLog]] = RowReader(
    "followed",
    tuple[str, StoredCount, str, str, str, str],
    lambda epoch, sequence, past, *rest: FollowedLog(epoch, sequence, tuple(past.split()), *rest),
)

_SETTINGS_ROW: Final[RowReader[tuple[Name, RawObject]]] = RowReader(
    "settings",
    tuple[bytes, StoredId, bytes],
    lambda zone, id, payload: (read_name(zone), RawObject(ObjectId(id), "doc", payload)),
)


class SummaryFile:
    """The open file. ``known`` is its content when it was opened."""

    def __init__(self, database: Database, known: CacheSummary) -> None:
        self._database = database
        self.known = known
        self._late: Mapping[CacheKey, float] = known.late

    def seen(self, key: CacheKey) -> float | None:
        """Return when a cached branch was last known to be current."""
        return self.known.late.get(key, self.known.confirmed)

    async def record_confirmed(self, confirmed: float, late: Mapping[CacheKey, float]) -> None:
        """Record when branches were last known to be current, those in ``late`` at other times.

        Raises:
            Unavailable: The disk is full or fails.
            Corrupt: The file is damaged.
        """
        changed = late if late != self._late else None
        await self._database.write(partial(_write_confirmed, confirmed=confirmed, late=changed))
        self._late = late

    async def record_notes(
        self,
        followed: FollowedLog,
        answered: Mapping[CacheKey, Highest],
        settings: Mapping[Name, RawObject | None] = MappingProxyType({}),
    ) -> None:
        """Record how far the log was followed, and highest serials and serving settings that have
        changed. None for a zone that has no settings any more.

        Raises:
            Unavailable: The disk is full or fails.
            Corrupt: The file is damaged.
        """
        await self._database.write(
            partial(
                _write_notes, followed=followed, answered=dict(answered), settings=dict(settings)
            )
        )

    async def record_serving(self, last_served: Iterable[LastServed]) -> None:
        """Record what was served last of zones that have no file of their own.

        Raises:
            Unavailable: The disk is full or fails.
            Corrupt: The file is damaged.
        """
        await self._database.write(partial(sqlite.write_served, served=[*last_served]))


@asynccontextmanager
async def open_summary(folder: Path) -> AsyncIterator[SummaryFile]:
    """Open the file in a folder; replace it if it is damaged or of a later release.

    Raises:
        Unavailable: It cannot be opened or created.
    """
    path = folder / FILE
    try:
        async with open_database(path, SCHEMA, VERSION, UPGRADES, WATCHED) as database:
            await database.read(sqlite.check)
            await database.read(_read_summary)
    except (Corrupt, Invalid) as error:
        log.error("last-known.dropped", path=str(path), error=error.message)
        remove(path)
    async with open_database(path, SCHEMA, VERSION, UPGRADES, WATCHED) as database:
        yield SummaryFile(database, await database.read(_read_summary))


def _read_summary(connection: Connection) -> CacheSummary:
    confirmed = _CONFIRMED.read_first(connection.execute("SELECT seen FROM confirmed"))
    late = dict(_LATE.read_all(connection.execute("SELECT zone, branch, seen FROM late")))
    answered = dict(
        _ANSWERED.read_all(connection.execute("SELECT zone, branch, serial, tree FROM answered"))
    )
    found = connection.execute(
        "SELECT epoch, sequence, past, began, operation, installation FROM followed"
    )
    followed = _FOLLOWED.read_first(found) or FollowedLog()
    settings = dict(
        _SETTINGS_ROW.read_all(connection.execute("SELECT zone, id, payload FROM settings"))
    )
    served = sqlite.read_served(connection)
    return CacheSummary(confirmed, late, served, answered, followed, settings)


def _write_notes(
    connection: Connection,
    followed: FollowedLog,
    answered: Mapping[CacheKey, Highest],
    settings: Mapping[Name, RawObject | None],
) -> None:
    epoch, sequence, past, *rest = followed
    connection.execute(
        "INSERT OR REPLACE INTO followed VALUES (1, ?, ?, ?, ?, ?, ?)",
        (epoch, sequence, " ".join(past), *rest),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO answered VALUES (?, ?, ?, ?)",
        ((*key, *highest) for key, highest in answered.items()),
    )
    gone = [(zone,) for zone, doc in settings.items() if doc is None]
    connection.executemany("DELETE FROM settings WHERE zone = ?", gone)
    connection.executemany(
        "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)",
        ((zone, doc.id, doc.payload) for zone, doc in settings.items() if doc is not None),
    )


def _write_confirmed(
    connection: Connection, confirmed: float, late: Mapping[CacheKey, float] | None
) -> None:
    connection.execute("INSERT OR REPLACE INTO confirmed VALUES (1, ?)", (confirmed,))
    if late is not None:
        connection.execute("DELETE FROM late")
        rows = ((*key, seen) for key, seen in late.items())
        connection.executemany("INSERT INTO late VALUES (?, ?, ?)", rows)
