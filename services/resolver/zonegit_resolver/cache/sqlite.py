"""Read and write the tables of the disk cache: of one zone, or of all zones in the earlier layout.

Theory of operation. Each cached RRset is verified by its id, but that does not show whether RRsets
are missing: after damage to an index, a query for their names would be answered with NXDOMAIN. So
the row of a branch holds the number of its RRsets and the sum of their ids modulo 2^256. A change
subtracts the ids of the rows that it replaces or deletes and adds those that it writes, in the same
transaction; if a branch is written whole, its ids are summed before. When the rows are read they
are summed again. If the sums differ, the branch is dropped and fetched.

All other rows hold a digest of their own columns. The sum detects accidents. It is no protection
against an adversary who can write the file.
"""

from collections.abc import Callable, Iterable, Sequence
from sqlite3 import Connection
from typing import Any, Final, NamedTuple

from zonegit.objects.ids import RawObject
from zonegit.store import digests
from zonegit.store.digests import EMPTY, Digest
from zonegit.store.stored_rows import (
    DamagedFile,
    RowReader,
    StoredCount,
    StoredId,
    StoredSerial,
    StoredTime,
    read_name,
    read_value,
)
from zonegit.zone import names
from zonegit.zone.names import Name, Path

VERSION: Final = 3
"""The version of the tables. Increase the version of the layout of the cache with it: files of this
version are then set aside, and read with the upgrades below."""
STANDING: Final = (
    "CREATE TABLE standing (zone BLOB PRIMARY KEY, branch TEXT NOT NULL, tree BLOB NOT NULL,"
    " serial INTEGER NOT NULL, mark INTEGER, digest BLOB) STRICT, WITHOUT ROWID"
)
JOURNAL: Final = (
    "CREATE TABLE journal (number INTEGER PRIMARY KEY, zone BLOB NOT NULL, branch TEXT NOT NULL,"
    " old BLOB NOT NULL, new BLOB NOT NULL, digest BLOB NOT NULL, payload BLOB NOT NULL) STRICT",
    "CREATE INDEX journal_of_branch ON journal (zone, branch)",
    STANDING,
)
SCHEMA: Final = (
    "CREATE TABLE tip (id INTEGER PRIMARY KEY, zone BLOB NOT NULL, branch TEXT NOT NULL,"
    " target BLOB NOT NULL, tree BLOB NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " seen REAL, rows INTEGER, sum BLOB, digest BLOB, UNIQUE (zone, branch)) STRICT",
    "CREATE TABLE rrset (tip INTEGER NOT NULL, owner BLOB NOT NULL, rdtype INTEGER NOT NULL,"
    " id BLOB NOT NULL, payload BLOB NOT NULL,"
    " PRIMARY KEY (tip, owner, rdtype)) STRICT, WITHOUT ROWID",
    *JOURNAL,
)
_ADD_DIGESTS: Final = (
    "ALTER TABLE tip ADD COLUMN rows INTEGER",
    "ALTER TABLE tip ADD COLUMN sum BLOB",
    "ALTER TABLE tip ADD COLUMN digest BLOB",
    "ALTER TABLE standing ADD COLUMN digest BLOB",
)
PAGE_ROWS: Final = 512
"""RRsets that one query reads."""

CacheKey = tuple[Name, str]
"""A zone and a branch."""


class CachedTip(NamedTuple):
    """The row of a branch. ``seen`` is the time when it was last known to be current, in seconds
    since 1970."""

    zone: bytes
    branch: str
    target: bytes
    tree: bytes
    epoch: str
    sequence: int
    seen: float | None = None


class CachedRow(NamedTuple):
    """One RRset; ``blob`` is None if it was deleted."""

    path: Path
    rdtype: int
    blob: RawObject | None


class StoredDelta(NamedTuple):
    """One difference of a branch, from the commit ``old`` to ``new``. ``digest`` covers the other
    columns."""

    number: int
    zone: bytes
    branch: str
    old: bytes
    new: bytes
    digest: bytes
    payload: bytes


class LastServed(NamedTuple):
    """The state of a zone that was served last by default. ``mark`` is the first serial that stands
    for exactly one state; None if all do."""

    zone: bytes
    branch: str
    tree: bytes
    serial: int
    mark: int | None


class Write(NamedTuple):
    """A change of one branch.

    Attributes:
        tip: The new row of the branch; None to delete the branch.
        rows: The RRsets to write.
        replaces: Whether all cached RRsets of the branch are deleted first.
        staged: The number under which rows were written before the row of the branch; None if there
            were none.
        total: The digest of all rows of the branch, if it is written whole.
    """

    key: CacheKey
    tip: CachedTip | None
    rows: Sequence[CachedRow] = ()
    replaces: bool = True
    staged: int | None = None
    total: Digest = EMPTY


StoredRRset = tuple[bytes, int, bytes, bytes]
"""Owner, type, id and payload."""
BEFORE_FIRST: Final = (b"", -1)


class Branch(NamedTuple):
    """The cached content of a branch. ``page`` has its first ``PAGE_ROWS`` RRsets. ``total`` is the
    digest of all its RRsets; None if an earlier release wrote it."""

    tip: CachedTip
    page: list[StoredRRset]
    deltas: list[StoredDelta]
    total: Digest | None


class FileContents(NamedTuple):
    """The content of a file, with the first page of each branch."""

    branches: list[Branch]
    last_served: list[LastServed]


def read_contents(connection: Connection) -> FileContents:
    """Read a file, with the first page of each branch.

    Raises:
        Corrupt: The file is damaged.
    """
    check(connection)
    found = [read_branch(connection, tip, total) for tip, total in read_tips(connection)]
    for each in found:
        if each.total is None:
            raise DamagedFile(f"branch {each.tip.branch} has no digest")
    return FileContents(found, read_served(connection))


def read_branch(connection: Connection, tip: CachedTip, total: Digest | None) -> Branch:
    """Read the content of a branch."""
    key = (Name(tip.zone), tip.branch)
    return Branch(
        tip, read_page(connection, key, BEFORE_FIRST), read_deltas(connection, key), total
    )


def check(connection: Connection) -> None:
    """Check the structure of the file.

    Raises:
        Corrupt: The file is damaged.
    """
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DamagedFile(str(found))


def add_journal(connection: Connection) -> None:
    """Upgrade version 1 to 2."""
    for statement in JOURNAL:
        connection.execute(statement)


def add_digests(connection: Connection) -> None:
    """Upgrade version 2 to 3; existing rows get no digest."""
    for statement in _ADD_DIGESTS:
        if "standing" not in statement or not _has_digest(connection, "standing"):
            connection.execute(statement)


def _has_digest(connection: Connection, table: str) -> bool:
    """Return whether this release created a table, in an upgrade from version 1."""
    return any(each[1] == "digest" for each in connection.execute(f"PRAGMA table_info({table})"))


UPGRADES: Final = {1: add_journal, 2: add_digests}


def _read_tip(*columns: Any) -> tuple[CachedTip, Digest | None]:
    *of_tip, count, total, digest = columns
    tip = CachedTip(*of_tip)
    read_name(tip.zone)
    if digest is None:
        return tip, None
    found = Digest(count, total)
    if _hash_tip(tip, found) != digest:
        raise ValueError(WRONG_DIGEST)
    return tip, found


def _hash_tip(tip: CachedTip, total: Digest) -> bytes:
    return digests.hash_row((*tip, *total))


WRONG_DIGEST: Final = "its digest does not match"
_TIP: Final = RowReader(
    "tip",
    tuple[
        bytes, str, StoredId, StoredId, str, StoredCount, StoredTime | None,
        StoredCount | None, StoredId | None, StoredId | None,
    ],
    _read_tip,
    keys=2,
)  # fmt: skip
_RRSET: Final[RowReader[StoredRRset]] = RowReader(
    "rrset", tuple[bytes, int, StoredId, bytes], lambda *columns: columns, keys=2
)
_ID: Final[RowReader[bytes]] = RowReader("rrset", tuple[StoredId], read_value)
_DELTA: Final[RowReader[StoredDelta]] = RowReader(
    "journal", tuple[int, bytes, str, StoredId, StoredId, StoredId, bytes], StoredDelta, keys=1
)


def read_tips(connection: Connection) -> list[tuple[CachedTip, Digest | None]]:
    """Return all branches, each with the digest of its RRsets."""
    found = connection.execute(
        "SELECT zone, branch, target, tree, epoch, sequence, seen, rows, sum, digest FROM tip"
    )
    return _TIP.read_all(found)


def read_page(connection: Connection, key: CacheKey, after: tuple[bytes, int]) -> list[StoredRRset]:
    """Return the next RRsets of a branch after an owner and type; an empty list at the end."""
    found = connection.execute(
        "SELECT owner, rdtype, rrset.id, payload FROM rrset JOIN tip ON rrset.tip = tip.id"
        " WHERE zone = ? AND branch = ? AND (owner, rdtype) > (?, ?)"
        " ORDER BY owner, rdtype LIMIT ?",
        (*key, *after, PAGE_ROWS),
    )
    return _RRSET.read_all(found)


def allocate_stage(connection: Connection) -> int:
    """Return a free number for rows that are written before the row of their branch.

    Rows that an attempt without end left behind are deleted.
    """
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM tip").fetchone()
    connection.execute("DELETE FROM rrset WHERE tip > ?", (last,))
    return int(last) + 1


def read_deltas(connection: Connection, key: CacheKey) -> list[StoredDelta]:
    """Return the differences of a branch, oldest first."""
    found = connection.execute(
        "SELECT number, zone, branch, old, new, digest, payload FROM journal"
        " WHERE zone = ? AND branch = ? ORDER BY number",
        key,
    )
    return _DELTA.read_all(found)


def _read_served(*columns: Any) -> LastServed:
    *written, digest = columns
    found = LastServed(*written)
    read_name(found.zone)
    if digest is not None and digests.hash_row(found) != digest:
        raise ValueError(WRONG_DIGEST)
    return found


_STANDING: Final = RowReader(
    "standing",
    tuple[bytes, str, StoredId, StoredSerial, StoredSerial | None, StoredId | None],
    _read_served,
    keys=1,
)


def read_served(connection: Connection) -> list[LastServed]:
    """Return the states that were served last by default."""
    found = connection.execute("SELECT zone, branch, tree, serial, mark, digest FROM standing")
    return _STANDING.read_all(found)


def write_journal(
    connection: Connection,
    dropped: Sequence[int],
    added: Sequence[StoredDelta],
    served: Sequence[LastServed],
) -> None:
    """Delete and add differences, and record what is served by default."""
    connection.executemany("DELETE FROM journal WHERE number = ?", ((each,) for each in dropped))
    connection.executemany("INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", added)
    write_served(connection, served)


def write_served(connection: Connection, served: Iterable[LastServed]) -> None:
    """Record what is served by default."""
    connection.executemany(
        "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?, ?)",
        ((*each, digests.hash_row(each)) for each in served),
    )


def write_branches(
    connection: Connection, writes: Sequence[Write], finish: Callable[[Connection], None]
) -> int:
    """Write all changes in order, those with staged rows first, so that their numbers are not
    reused.

    Args:
        connection: The file, in a transaction.
        writes: The changes.
        finish: Called in the same transaction.

    Returns:
        The number of branches that the file then has.
    """
    for each in sorted(writes, key=lambda write: write.staged is None):
        if each.replaces:
            _delete_branch(connection, each.key)
        if each.tip is not None:
            total = each.total if each.replaces else _read_total(connection, each.key)
            number = _put_tip(connection, each.tip, each.staged)
            if each.replaces:
                add_rows(connection, each.key[0], number, each.rows)
            else:
                total = _change_rows(connection, each.key[0], number, each.rows, total)
            _write_digest(connection, number, each.tip, total)
    finish(connection)
    (left,) = connection.execute("SELECT count(*) FROM tip").fetchone()
    return int(left)


def _delete_branch(connection: Connection, key: CacheKey) -> None:
    connection.execute(
        "DELETE FROM rrset WHERE tip IN (SELECT id FROM tip WHERE zone = ? AND branch = ?)", key
    )
    connection.execute("DELETE FROM tip WHERE zone = ? AND branch = ?", key)


def _put_tip(connection: Connection, tip: CachedTip, staged: int | None) -> int:
    found = connection.execute(
        "INSERT INTO tip (id, zone, branch, target, tree, epoch, sequence, seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (zone, branch) DO UPDATE SET"
        " target = excluded.target, tree = excluded.tree, epoch = excluded.epoch,"
        " sequence = excluded.sequence, seen = excluded.seen RETURNING id",
        (staged, *tip),
    )
    (number,) = found.fetchall()
    return int(number[0])


def _read_total(connection: Connection, key: CacheKey) -> Digest:
    """Return the digest of the RRsets of a cached branch.

    Raises:
        DamagedFile: The branch has none.
    """
    for tip, total in read_tips(connection):
        if (tip.zone, tip.branch) == key and total is not None:
            return total
    raise DamagedFile(f"branch {key[1]} has no digest")


def _write_digest(connection: Connection, number: int, tip: CachedTip, total: Digest) -> None:
    connection.execute(
        "UPDATE tip SET rows = ?, sum = ?, digest = ? WHERE id = ?",
        (*total, _hash_tip(tip, total), number),
    )


def add_rows(connection: Connection, zone: Name, tip: int, rows: Iterable[CachedRow]) -> None:
    """Add RRsets under the number of a branch that has none of them."""
    connection.executemany(
        _ADD,
        (
            (tip, names.below(zone, row.path), row.rdtype, row.blob.id, row.blob.payload)
            for row in rows
            if row.blob is not None
        ),
    )


_ADD: Final = "INSERT OR REPLACE INTO rrset VALUES (?, ?, ?, ?, ?)"
_WHERE_KEY: Final = "WHERE tip = ? AND owner = ? AND rdtype = ?"


def _change_rows(
    connection: Connection, zone: Name, tip: int, changes: Iterable[CachedRow], total: Digest
) -> Digest:
    """Add, replace and delete RRsets, and return the new digest of the branch."""
    count, sum_of_ids = total
    for row in changes:
        key = (tip, names.below(zone, row.path), row.rdtype)
        found = connection.execute(f"SELECT id FROM rrset {_WHERE_KEY}", key)  # noqa: S608
        if (before := _ID.read_first(found)) is not None:
            count, sum_of_ids = count - 1, digests.subtract(sum_of_ids, before)
        if row.blob is not None:
            connection.execute(_ADD, (*key, row.blob.id, row.blob.payload))
            count, sum_of_ids = count + 1, digests.add(sum_of_ids, row.blob.id)
        elif before is not None:
            connection.execute(f"DELETE FROM rrset {_WHERE_KEY}", key)  # noqa: S608
    return Digest(count, sum_of_ids)
