"""The tables, and how their rows are values."""

from collections.abc import Iterable
from sqlite3 import Connection
from typing import Any, Final

from zonegit.objects.ids import ObjectId
from zonegit.store.database import Upgrades
from zonegit.store.protocols import LogEntry, Tip
from zonegit.store.refnames import RefName
from zonegit.zone.names import Name

VERSION: Final = 6
# Names of the original's store that are still to be converted, and on whose behalf.
_LEGACY: Final = """CREATE TABLE legacy (
        name TEXT PRIMARY KEY, slot BLOB NOT NULL,
        actor TEXT NOT NULL, reason TEXT NOT NULL, operation TEXT NOT NULL, force INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID"""
_RECOVERY: Final = (
    # Epochs that a recovery ended, and the last of their rows that the log has.
    """CREATE TABLE past (
        number INTEGER PRIMARY KEY, epoch TEXT NOT NULL, sequence INTEGER NOT NULL
    ) STRICT""",
    # Who proves that this store was restored from a backup, until a recovery begins.
    """CREATE TABLE witness (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        resolver TEXT NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,
        operation TEXT NOT NULL
    ) STRICT""",
    # Runs of the service before which this store may have been restored.
    "CREATE TABLE start (number INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT",
    "CREATE TABLE awaiting (zone BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
    # Branches with a signed SOA: they need a tip with a later serial than that.
    """CREATE TABLE owed (
        zone BLOB NOT NULL, short TEXT NOT NULL, serial INTEGER NOT NULL, PRIMARY KEY (zone, short)
    ) STRICT, WITHOUT ROWID""",
)
# The installation bears the name of its first epoch, so that all backups of it have the same id,
# those that an earlier release made too.
_INSTALLATION: Final = (
    "ALTER TABLE store ADD COLUMN installation TEXT NOT NULL DEFAULT ''",
    """UPDATE store SET installation =
        coalesce((SELECT epoch FROM past ORDER BY number LIMIT 1), epoch)""",
    "ALTER TABLE past ADD COLUMN recovered INTEGER NOT NULL DEFAULT 1",
    # Installations whose resolvers are to follow this store, and who said so.
    """CREATE TABLE replaced (
        id TEXT PRIMARY KEY, actor TEXT NOT NULL, time REAL NOT NULL, reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)
# With the time, so that looking far back in a ref reads nothing but this.
_LOG_OF_REF: Final = "CREATE INDEX log_of_ref ON log (zone, space, short, sequence, time)"
_LOG_OF_OPERATION: Final = "CREATE INDEX log_of_operation ON log (operation, sequence)"
_LOG_OF_ACTOR: Final = "CREATE INDEX log_of_actor ON log (actor, sequence)"
_LOG_OF_ZONE: Final = "CREATE INDEX log_of_zone ON log (zone, sequence)"
# What undo and redo without an argument look through: the latest row first, rows of HEADs left out.
_LOG_OF_WORK: Final = """CREATE INDEX log_of_work ON log (actor, sequence, operation, undoes)
    WHERE space <> 'head'"""
_LOG_OF_UNDONE: Final = """CREATE INDEX log_of_undone ON log (undoes, operation, sequence)
    WHERE undoes IS NOT NULL"""


def _say_because(connection: Connection) -> None:
    connection.execute("ALTER TABLE log ADD COLUMN because TEXT")
    connection.execute("DROP INDEX log_of_ref")
    connection.execute(_LOG_OF_REF)
    connection.execute(_LOG_OF_OPERATION)
    connection.execute(_LOG_OF_ACTOR)
    connection.execute(_LOG_OF_ZONE)


# An undo said which operation it took back in words alone: the first 12 digits of its id.
_UNDOS: Final = "SELECT sequence, substr(reason, 6) FROM log WHERE reason GLOB 'undo ????????????'"
_UNDONE: Final = """SELECT DISTINCT operation FROM log
    WHERE operation BETWEEN ? AND ? || char(1114111) AND sequence < ? LIMIT 2"""


def _record_undos(connection: Connection) -> None:
    connection.execute("ALTER TABLE log ADD COLUMN undoes TEXT")
    for sequence, prefix in connection.execute(_UNDOS).fetchall():
        found = connection.execute(_UNDONE, (prefix, prefix, sequence)).fetchall()
        if len(found) == 1:
            connection.execute(
                "UPDATE log SET undoes = ? WHERE sequence = ?", (found[0][0], sequence)
            )
    connection.execute(_LOG_OF_WORK)
    connection.execute(_LOG_OF_UNDONE)


def _add_recovery(connection: Connection) -> None:
    for statement in _RECOVERY:
        connection.execute(statement)


def _add_installation(connection: Connection) -> None:
    for statement in _INSTALLATION:
        connection.execute(statement)


UPGRADES: Final[Upgrades] = {
    1: lambda connection: connection.execute(_LEGACY),
    2: _say_because,
    3: _record_undos,
    4: _add_recovery,
    5: _add_installation,
}
SCHEMA: Final = (
    "CREATE TABLE store (epoch TEXT NOT NULL) STRICT",
    "INSERT INTO store VALUES (lower(hex(randomblob(8))))",
    "CREATE TABLE zone (zone BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
    """CREATE TABLE ref (
        zone BLOB NOT NULL, space TEXT NOT NULL, short TEXT NOT NULL,
        target BLOB NOT NULL, serial INTEGER, sequence INTEGER NOT NULL,
        PRIMARY KEY (zone, space, short)
    ) STRICT, WITHOUT ROWID""",
    # Outlives its branch: secondaries remember the serial of one that was deleted.
    """CREATE TABLE highest (
        zone BLOB NOT NULL, short TEXT NOT NULL, serial INTEGER NOT NULL, tree BLOB NOT NULL,
        PRIMARY KEY (zone, short)
    ) STRICT, WITHOUT ROWID""",
    # The default HEAD has no actor; a HEAD itself has no zone, a remembered branch has its own.
    """CREATE TABLE head (
        actor TEXT NOT NULL, zone BLOB NOT NULL,
        target BLOB NOT NULL, to_zone BLOB NOT NULL, to_branch TEXT NOT NULL,
        PRIMARY KEY (actor, zone)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE log (
        sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL,
        space TEXT NOT NULL, zone BLOB NOT NULL, short TEXT NOT NULL,
        old BLOB, new BLOB, serial INTEGER,
        actor TEXT NOT NULL, time REAL NOT NULL, reason TEXT NOT NULL, operation TEXT NOT NULL,
        because TEXT, undoes TEXT
    ) STRICT""",
    _LOG_OF_REF,
    _LOG_OF_OPERATION,
    _LOG_OF_ACTOR,
    _LOG_OF_ZONE,
    _LOG_OF_WORK,
    _LOG_OF_UNDONE,
    # One operation may move several refs, each once. It wrote the rows first to last, none when
    # last is before first; sequence is where the log stood then.
    """CREATE TABLE operation (
        id TEXT NOT NULL, what TEXT NOT NULL, actor TEXT NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (id, what)
    ) STRICT, WITHOUT ROWID""",
    _LEGACY,
    *_RECOVERY,
    *_INSTALLATION,
)

LOG: Final = """
    SELECT sequence, kind, space, zone, short, old, new, serial,
        actor, time, reason, operation, because, undoes
    FROM log
"""
NO_ZONE: Final = b""
"""Stands for None, which no key may hold; a name has one octet at least."""

TIP: Final = """
    SELECT ref.short, ref.target, ref.sequence, ref.serial, highest.serial, ref.space, ref.zone
    FROM ref LEFT JOIN highest
    ON ref.space = 'heads' AND highest.zone = ref.zone AND highest.short = ref.short
"""


def zone_key(ref: RefName) -> bytes:
    """A ref's zone as the tables hold it."""
    return NO_ZONE if ref.zone is None else ref.zone


def entry(row: tuple[Any, ...]) -> LogEntry:
    """A row of ``LOG``."""
    sequence, kind, space, zone, short, *rest = row
    ref = RefName(space, Name(zone) if zone else None, short)
    return LogEntry(sequence, kind, ref, *rest)


def entries(rows: Iterable[tuple[Any, ...]]) -> list[LogEntry]:
    """Rows of ``LOG``."""
    return [entry(row) for row in rows]


def tip(row: tuple[Any, ...]) -> Tip:
    """A row of ``TIP``."""
    _, target, sequence, serial, highest, *_ = row
    return Tip(ObjectId(target), sequence, serial, highest)


def last_sequence(connection: Connection) -> int:
    """Where the log stands; 0 when it is empty."""
    (sequence,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM log").fetchone()
    return int(sequence)


def last_operation(connection: Connection) -> str:
    """Return the operation of the last row of the log; empty where there is none."""
    found = connection.execute("SELECT operation FROM log ORDER BY sequence DESC LIMIT 1")
    row = found.fetchone()
    return str(row[0]) if row is not None else ""


def epoch_began(connection: Connection) -> int:
    """Return the last sequence before this epoch; 0 in the first one."""
    (sequence,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM past").fetchone()
    return int(sequence)


def epoch(connection: Connection) -> str:
    """The random name of this log, made with it: another store has another."""
    (found,) = connection.execute("SELECT epoch FROM store").fetchone()
    return str(found)


def installation(connection: Connection) -> str:
    """Return the installation's id, which all copies of this store share."""
    (found,) = connection.execute("SELECT installation FROM store").fetchone()
    return str(found)


def replaces(connection: Connection) -> list[str]:
    """Return the installations that this store replaces, sorted."""
    return [str(each) for (each,) in connection.execute("SELECT id FROM replaced ORDER BY id")]


def is_registered(connection: Connection, zone: Name) -> bool:
    """Whether the zone has its marker."""
    return bool(connection.execute("SELECT 1 FROM zone WHERE zone = ?", (zone,)).fetchone())
