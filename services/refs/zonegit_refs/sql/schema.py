"""Define the tables, and convert their rows to values.

Each row of the log holds the hash of the row before it (``previous``), so the log is a chain: a row
that is read is hashed and compared with the next row, the last one with the table ``digest``. All
other tables have a digest of their content (:mod:`zonegit.store.digests`).
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from zonegit.objects.ids import ObjectId
from zonegit.store import digests
from zonegit.store.basis import ServedTree
from zonegit.store.digests import Watched
from zonegit.store.ref_log import LogEntry
from zonegit.store.ref_names import RefName, Space
from zonegit.store.refs import RefTip
from zonegit.store.sqlite_driver import Upgrade
from zonegit.store.stored_rows import (
    DamagedFile,
    RowReader,
    StoredCount,
    StoredId,
    StoredSerial,
    read_name,
    read_value,
)
from zonegit.store.transaction import Transaction, execute
from zonegit.zone.names import Name
from zonegit_refs.sql import chain
from zonegit_refs.sql.chain import LoggedRow

VERSION: Final = 8
WATCHED: Final = Watched(
    at_open=(
        "store", "replaced", "zone", "ref", "highest", "head", "legacy",
        "past", "witness", "start", "awaiting", "owed",
    ),
    later=("operation",),
)  # fmt: skip
"""Tables with digests. The table of operations is as long as the log, so it is checked later."""
# Names of a store of the original that are not converted yet, and the actor who migrates it.
_LEGACY: Final = """CREATE TABLE legacy (
        name TEXT PRIMARY KEY, slot BLOB NOT NULL,
        actor TEXT NOT NULL, reason TEXT NOT NULL, operation TEXT NOT NULL, force INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID"""
_RECOVERY: Final = (
    # Epochs that a recovery ended, and the last of their rows that the log has.
    """CREATE TABLE past (
        number INTEGER PRIMARY KEY, epoch TEXT NOT NULL, sequence INTEGER NOT NULL
    ) STRICT""",
    # The resolver that proves a restore from a backup, until a recovery begins.
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
# The id of the installation is its first epoch, so that all its backups have the same id, including
# those of an earlier release.
_INSTALLATION: Final = (
    "ALTER TABLE store ADD COLUMN installation TEXT NOT NULL DEFAULT ''",
    """UPDATE store SET installation =
        coalesce((SELECT epoch FROM past ORDER BY number LIMIT 1), epoch)""",
    "ALTER TABLE past ADD COLUMN recovered INTEGER NOT NULL DEFAULT 1",
    # Installations that this store replaces, and the actor who declared it.
    """CREATE TABLE replaced (
        id TEXT PRIMARY KEY, actor TEXT NOT NULL, time REAL NOT NULL, reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)
# With the time, so that a search far back in a ref reads this index only.
_LOG_OF_REF: Final = "CREATE INDEX log_of_ref ON log (zone, space, short, sequence, time)"
_LOG_OF_OPERATION: Final = "CREATE INDEX log_of_operation ON log (operation, sequence)"
_LOG_OF_ACTOR: Final = "CREATE INDEX log_of_actor ON log (actor, sequence)"
_LOG_OF_ZONE: Final = "CREATE INDEX log_of_zone ON log (zone, sequence)"
# For undo and redo without an argument: the latest row first, without rows of HEADs.
_LOG_OF_WORK: Final = """CREATE INDEX log_of_work ON log (actor, sequence, operation, undoes)
    WHERE space <> 'head'"""
_LOG_OF_UNDONE: Final = """CREATE INDEX log_of_undone ON log (undoes, operation, sequence)
    WHERE undoes IS NOT NULL"""
_LOG_OF_TIP: Final = "CREATE INDEX log_of_tip ON log (new, zone) WHERE new IS NOT NULL"


_REASON: Final = (
    "ALTER TABLE log ADD COLUMN because TEXT",
    "DROP INDEX log_of_ref",
    _LOG_OF_REF,
    _LOG_OF_OPERATION,
    _LOG_OF_ACTOR,
    _LOG_OF_ZONE,
)
# The text of an undo was the only record of the operation taken back: 12 digits of its id.
_UNDOS: Final = "SELECT sequence, substr(reason, 6) FROM log WHERE reason GLOB 'undo ????????????'"
_UNDONE: Final = """SELECT DISTINCT operation FROM log
    WHERE operation BETWEEN ? AND ? || char(1114111) AND sequence < ? LIMIT 2"""


def _record_undos() -> Transaction[None]:
    yield "ALTER TABLE log ADD COLUMN undoes TEXT", ()
    for sequence, prefix in (yield _UNDOS, ()):
        found = yield _UNDONE, (prefix, prefix, sequence)
        if len(found) == 1:
            yield "UPDATE log SET undoes = ? WHERE sequence = ?", (found[0][0], sequence)
    yield from execute(_LOG_OF_WORK, _LOG_OF_UNDONE)


def _add_digests() -> Transaction[None]:
    yield digests.TABLE, ()
    yield "ALTER TABLE log ADD COLUMN previous BLOB NOT NULL DEFAULT x''", ()
    yield from chain.chain_rows()
    yield "ALTER TABLE operation ADD COLUMN target BLOB", ()


UPGRADES: Final[Mapping[int, Upgrade]] = {
    1: partial(execute, _LEGACY),
    2: partial(execute, *_REASON),
    3: _record_undos,
    4: partial(execute, *_RECOVERY),
    5: partial(execute, *_INSTALLATION),
    6: _add_digests,
    7: partial(execute, _LOG_OF_TIP),
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
    # Kept when the branch is deleted, because secondaries still have its serial.
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
        because TEXT, undoes TEXT, previous BLOB NOT NULL
    ) STRICT""",
    _LOG_OF_REF,
    _LOG_OF_OPERATION,
    _LOG_OF_ACTOR,
    _LOG_OF_ZONE,
    _LOG_OF_WORK,
    _LOG_OF_UNDONE,
    _LOG_OF_TIP,
    # One operation may move several refs, each once, to its target (empty: deleted; null: the verb
    # has no target, or an earlier release executed it). It wrote the rows first to last, or no row
    # if last is before first.
    """CREATE TABLE operation (
        id TEXT NOT NULL, what TEXT NOT NULL, actor TEXT NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, target BLOB,
        PRIMARY KEY (id, what)
    ) STRICT, WITHOUT ROWID""",
    _LEGACY,
    *_RECOVERY,
    *_INSTALLATION,
    digests.TABLE,
    chain.BEGIN,
)

LOG: Final = chain.SELECT
_LAST: Final = f"{LOG} ORDER BY sequence DESC LIMIT 1"
EPOCH_OCTETS: Final = 8
"""Octets of a random epoch, which is stored as hex digits."""
SET_HIGHEST: Final = """
    INSERT INTO highest (zone, short, serial, tree) VALUES (?, ?, ?, ?)
    ON CONFLICT (zone, short) DO UPDATE SET serial = excluded.serial, tree = excluded.tree
"""
NO_ZONE: Final = b""
"""Represents None, which a key may not contain; a name has at least one octet."""

TIP: Final = """
    SELECT ref.short, ref.target, ref.sequence, ref.serial, highest.serial, ref.space, ref.zone
    FROM ref LEFT JOIN highest
    ON ref.space = 'heads' AND highest.zone = ref.zone AND highest.short = ref.short
"""


def zone_key(ref: RefName) -> bytes:
    """Return the zone of a ref as the tables store it."""
    return NO_ZONE if ref.zone is None else ref.zone


def _make_entry(*columns: Any) -> LogEntry:
    row = LoggedRow(*columns)
    row.check()
    zone = Name(row.zone) if row.zone else None
    return LogEntry(
        row.sequence, row.kind, RefName(row.space, zone, row.short),
        ObjectId(row.old) if row.old is not None else None,
        ObjectId(row.new) if row.new is not None else None,
        row.serial, row.actor, row.time, row.command, row.operation, row.reason, row.undoes,
    )  # fmt: skip


def _make_tip(*columns: Any) -> tuple[RefName, RefTip]:
    short, target, sequence, serial, highest, space, zone = columns
    return RefName(space, read_name(zone), short), RefTip(target, sequence, serial, highest)


def _read_columns(*columns: Any) -> Any:
    return columns


_ENTRY: Final = RowReader("log", LoggedRow, _make_entry)
_TIP: Final = RowReader(
    "ref",
    tuple[str, StoredId, StoredCount, StoredSerial | None, StoredSerial | None, str, bytes],
    _make_tip,
)
ZONE: Final[RowReader[Name]] = RowReader("zone", tuple[bytes], read_name)
TARGET: Final[RowReader[ObjectId]] = RowReader("ref", tuple[StoredId], ObjectId)
HELD: Final[RowReader[tuple[Space, str, ObjectId]]] = RowReader(
    "ref", tuple[Space, str, StoredId], _read_columns
)
HIGHEST: Final[RowReader[ServedTree]] = RowReader(
    "highest", tuple[StoredSerial, StoredId], ServedTree
)
OWED: Final[RowReader[int]] = RowReader("owed", tuple[StoredSerial], read_value)
HEAD: Final[RowReader[ObjectId]] = RowReader("head", tuple[StoredId], ObjectId)
POINTED: Final[RowReader[tuple[Name, str]]] = RowReader(
    "head", tuple[bytes, str], lambda zone, branch: (read_name(zone), branch)
)
WROTE: Final[RowReader[tuple[int, int, bytes | None]]] = RowReader(
    "operation", tuple[StoredCount, StoredCount, bytes | None], _read_columns
)
"""The first and last row of an operation, and its target."""
STEP: Final[RowReader[tuple[str, str | None]]] = RowReader(
    "log", tuple[str, str | None], _read_columns
)
"""An operation, and the one it takes back."""


def read_entry(row: tuple[Any, ...]) -> LogEntry:
    """Read a row of ``LOG``.

    Raises:
        DamagedFile: The row or the row after it is damaged.
    """
    return _ENTRY.read(row)


def read_first_entry(rows: Iterable[tuple[Any, ...]]) -> LogEntry | None:
    """Read the first row of ``LOG``; None if there is none."""
    return _ENTRY.read_first(rows)


def read_entries(rows: Iterable[tuple[Any, ...]]) -> list[LogEntry]:
    """Read rows of ``LOG``."""
    return _ENTRY.read_all(rows)


def read_tip(row: tuple[Any, ...]) -> tuple[RefName, RefTip]:
    """Read a row of ``TIP``."""
    return _TIP.read(row)


def read_last_sequence() -> Transaction[int]:
    """Return the last sequence of the log; 0 if it is empty."""
    ((sequence,),) = yield "SELECT coalesce(max(sequence), 0) FROM log", ()
    return int(sequence)


def check_end() -> Transaction[None]:
    """Check that the log ends with the row that was written last.

    Raises:
        DamagedFile: Rows are missing at its end, or its last row is damaged.
    """
    read_first_entry((yield _LAST, ()))
    yield from chain.check_end((yield from read_last_sequence()))


def read_last_operation() -> Transaction[str]:
    """Return the operation of the last row of the log; empty if there is none."""
    last = read_first_entry((yield _LAST, ()))
    return last.operation if last is not None else ""


def read_epoch_start() -> Transaction[int]:
    """Return the last sequence before this epoch; 0 in the first one."""
    found = yield "SELECT coalesce(max(sequence), 0) FROM past", ()
    return _BEGAN.read_first(found) or 0


def read_epoch() -> Transaction[str]:
    """Return the epoch, a random id of this log."""
    return _read_store((yield "SELECT epoch FROM store", ()))


def _read_store(found: Iterable[tuple[Any, ...]]) -> str:
    """Read the value of the one row of the table ``store``."""
    text = _STORE.read_first(found)
    if text is None:
        raise DamagedFile("table store is empty")
    return text


def read_installation() -> Transaction[str]:
    """Return the installation's id, which all copies of this store share."""
    return _read_store((yield "SELECT installation FROM store", ()))


def read_replaced() -> Transaction[list[str]]:
    """Return the installations that this store replaces, sorted."""
    return _REPLACED.read_all((yield "SELECT id FROM replaced ORDER BY id", ()))


def is_registered(zone: Name) -> Transaction[bool]:
    """Return whether the zone has its marker."""
    return bool((yield "SELECT 1 FROM zone WHERE zone = ?", (zone,)))


_BEGAN: Final[RowReader[int]] = RowReader("past", tuple[StoredCount], read_value)
_STORE: Final[RowReader[str]] = RowReader("store", tuple[str], read_value)
_REPLACED: Final[RowReader[str]] = RowReader("replaced", tuple[str], read_value)
