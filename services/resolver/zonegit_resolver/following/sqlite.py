"""The tables of the last known good: of one zone, or of all as it was until there was a file for
each zone.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from sqlite3 import Connection
from typing import Final, NamedTuple

from zonegit.errors import Corrupt
from zonegit.objects.ids import RawObject
from zonegit.zone import names
from zonegit.zone.names import Name, Path

VERSION: Final = 2
"""Of the tables. With the next one goes another version of the cache's layout, so that files of
this one are then set aside, and read as those are: with the upgrades below."""
STANDING: Final = (
    "CREATE TABLE standing (zone BLOB PRIMARY KEY, branch TEXT NOT NULL, tree BLOB NOT NULL,"
    " serial INTEGER NOT NULL, mark INTEGER) STRICT, WITHOUT ROWID"
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
    " seen REAL, UNIQUE (zone, branch)) STRICT",
    "CREATE TABLE rrset (tip INTEGER NOT NULL, owner BLOB NOT NULL, rdtype INTEGER NOT NULL,"
    " id BLOB NOT NULL, payload BLOB NOT NULL,"
    " PRIMARY KEY (tip, owner, rdtype)) STRICT, WITHOUT ROWID",
    *JOURNAL,
)
PAGE: Final = 512
"""RRsets read at a time."""

Key = tuple[Name, str]
"""A zone and a branch."""


class Tip(NamedTuple):
    """What is kept of a branch, beside its RRsets. ``seen`` is when it was last known to be
    current, in seconds since 1970."""

    zone: bytes
    branch: str
    target: bytes
    tree: bytes
    epoch: str
    sequence: int
    seen: float | None = None


class Row(NamedTuple):
    """One RRset; ``blob`` None: it is gone."""

    path: Path
    rdtype: int
    blob: RawObject | None


class StoredDelta(NamedTuple):
    """One difference of a branch, from the commit ``old`` to ``new``; ``digest`` is of the
    payload."""

    number: int
    zone: bytes
    branch: str
    old: bytes
    new: bytes
    digest: bytes
    payload: bytes


class Standing(NamedTuple):
    """What everybody was last served of a zone; ``mark`` is the first serial that stands for one
    state alone, None: all do."""

    zone: bytes
    branch: str
    tree: bytes
    serial: int
    mark: int | None


class Write(NamedTuple):
    """What becomes of a branch. ``tip`` None: it is forgotten; ``replaces``: so is all that is
    kept of it before ``rows`` are added. ``staged`` is the number under which rows were added
    before there was a tip to them, None: none were."""

    key: Key
    tip: Tip | None
    rows: Sequence[Row] = ()
    replaces: bool = True
    staged: int | None = None


StoredRRset = tuple[bytes, int, bytes, bytes]
"""Owner, type, id, payload."""
START: Final = (b"", -1)


class Branch(NamedTuple):
    """What is kept of a branch; ``page`` are the first of its RRsets, all when they are fewer than
    ``PAGE``."""

    tip: Tip
    page: list[StoredRRset]
    deltas: list[StoredDelta]


class Contents(NamedTuple):
    """What a file holds, as far as it is read at once."""

    branches: list[Branch]
    standing: list[Standing]


def contents(connection: Connection) -> Contents:
    """All of it.

    Raises:
        Corrupt: the file is damaged.
    """
    check(connection)
    found = [branch(connection, tip) for tip in tips(connection)]
    return Contents(found, standing(connection))


def branch(connection: Connection, tip: Tip) -> Branch:
    """What is kept of a branch."""
    key = (Name(tip.zone), tip.branch)
    return Branch(tip, page(connection, key, START), deltas(connection, key))


def check(connection: Connection) -> None:
    """Raises:
    Corrupt: the file is damaged.
    """
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise Corrupt(f"it is damaged: {found}")


def add_journal(connection: Connection) -> None:
    """From layout 1 to 2."""
    for statement in JOURNAL:
        connection.execute(statement)


UPGRADES: Final = {1: add_journal}


def tips(connection: Connection) -> list[Tip]:
    """All branches that are kept."""
    found = connection.execute("SELECT zone, branch, target, tree, epoch, sequence, seen FROM tip")
    return [Tip(*row) for row in found]


def page(connection: Connection, key: Key, after: tuple[bytes, int]) -> list[StoredRRset]:
    """The next RRsets of a branch, after an owner and type; none when there are no more."""
    return connection.execute(
        "SELECT owner, rdtype, rrset.id, payload FROM rrset JOIN tip ON rrset.tip = tip.id"
        " WHERE zone = ? AND branch = ? AND (owner, rdtype) > (?, ?)"
        " ORDER BY owner, rdtype LIMIT ?",
        (*key, *after, PAGE),
    ).fetchall()


def stage(connection: Connection) -> int:
    """A number under which a zone can be written before there is a tip to it; what an attempt has
    left behind that did not come to its end is deleted."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM tip").fetchone()
    connection.execute("DELETE FROM rrset WHERE tip > ?", (last,))
    return int(last) + 1


def deltas(connection: Connection, key: Key) -> list[StoredDelta]:
    """The differences of a branch, oldest first."""
    found = connection.execute(
        "SELECT number, zone, branch, old, new, digest, payload FROM journal"
        " WHERE zone = ? AND branch = ? ORDER BY number",
        key,
    )
    return [StoredDelta(*row) for row in found]


def standing(connection: Connection) -> list[Standing]:
    """What everybody was last served."""
    found = connection.execute("SELECT zone, branch, tree, serial, mark FROM standing")
    return [Standing(*row) for row in found]


def journal(
    connection: Connection,
    gone: Sequence[int],
    put: Sequence[StoredDelta],
    stand: Sequence[Standing],
) -> None:
    """Takes differences away and adds others; notes what is served to everybody."""
    connection.executemany("DELETE FROM journal WHERE number = ?", ((each,) for each in gone))
    connection.executemany("INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", put)
    put_standing(connection, stand)


def put_standing(connection: Connection, stand: Iterable[Standing]) -> None:
    """Notes what is served to everybody."""
    connection.executemany("INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?, ?)", stand)


def write(
    connection: Connection, writes: Sequence[Write], then: Callable[[Connection], None]
) -> int:
    """Carries all of them out, in order, but first what was staged: its numbers are not to be given
    to others. ``then`` is carried out with them. How many branches are left."""
    for each in sorted(writes, key=lambda write: write.staged is None):
        if each.replaces:
            _forget(connection, each.key)
        if each.tip is not None:
            number = _put_tip(connection, each.tip, each.staged)
            apply(connection, each.key[0], number, each.rows)
    then(connection)
    (left,) = connection.execute("SELECT count(*) FROM tip").fetchone()
    return int(left)


def _forget(connection: Connection, key: Key) -> None:
    connection.execute(
        "DELETE FROM rrset WHERE tip IN (SELECT id FROM tip WHERE zone = ? AND branch = ?)", key
    )
    connection.execute("DELETE FROM tip WHERE zone = ? AND branch = ?", key)


def _put_tip(connection: Connection, tip: Tip, staged: int | None) -> int:
    found = connection.execute(
        "INSERT INTO tip (id, zone, branch, target, tree, epoch, sequence, seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (zone, branch) DO UPDATE SET"
        " target = excluded.target, tree = excluded.tree, epoch = excluded.epoch,"
        " sequence = excluded.sequence, seen = excluded.seen RETURNING id",
        (staged, *tip),
    )
    (number,) = found.fetchall()
    return int(number[0])


def apply(connection: Connection, zone: Name, tip: int, changes: Sequence[Row]) -> None:
    """Adds, replaces and removes RRsets kept under a tip's number."""
    for is_gone, rows in groupby(changes, key=lambda row: row.blob is None):
        if is_gone:
            connection.executemany(
                "DELETE FROM rrset WHERE tip = ? AND owner = ? AND rdtype = ?",
                ((tip, names.below(zone, row.path), row.rdtype) for row in rows),
            )
        else:
            connection.executemany(
                "INSERT OR REPLACE INTO rrset VALUES (?, ?, ?, ?, ?)",
                (
                    (tip, names.below(zone, row.path), row.rdtype, row.blob.id, row.blob.payload)
                    for row in rows
                    if row.blob is not None
                ),
            )
