"""Digests of tables: compare the content of a table with what was written into it.

Theory of operation. SQLite notices damage to the structure of a file, and none to the octets of a
row; a page that took the place of another one goes unnoticed, too. So a file may have a table
``digest`` with a row for each watched table: how many rows that has, and the sum of their SHA-256
modulo 2^256. The sum does not depend on the order of the rows, so each change costs the hash of the
row that goes and of the one that comes, whatever the size of the table.

The sums are kept by triggers, in the transaction that changes the table, so no code that writes can
forget them. The triggers are temporary: they belong to the connection of the writer and not to the
file, so another program may read the file and copy it; what it writes is found to be damage.

``compare`` reads the watched tables as a whole. Small tables, and the statements that made the
tables, are compared when a file is opened; tables that grow with the log only on request.

This finds accidents. An adversary who can write the file can write the digests as well.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from sqlite3 import Connection
from typing import Any, Final, NamedTuple

import msgspec

from zonegit.store.stored_rows import DamagedFile, RowReader, StoredCount, StoredId

TABLE: Final = (
    "CREATE TABLE digest (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, sum BLOB NOT NULL)"
    " STRICT, WITHOUT ROWID"
)
SCHEMA: Final = "sqlite_schema"
"""The name of the digest over the statements that made tables and indexes."""
SUM_OCTETS: Final = 32
PAUSE_ROWS: Final = 200
"""Rows between two pauses of a long comparison."""
NOTHING: Final = bytes(SUM_OCTETS)
"""The sum of no rows."""

_MODULUS: Final = 1 << (8 * SUM_OCTETS)
_SCHEMA_ROWS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
_encode: Final = msgspec.msgpack.Encoder().encode


class Digest(NamedTuple):
    """The number of ``rows`` there are, and the sum of their hashes."""

    rows: int
    sum: bytes


EMPTY: Final = Digest(0, NOTHING)
"""The digest of no rows."""
_DIGEST: Final[RowReader[Digest]] = RowReader("digest", tuple[StoredCount, StoredId], Digest)


class Watched(NamedTuple):
    """The tables of a file that have digests. ``at_open`` are compared when it is opened, ``later``
    only when it is checked as a whole."""

    at_open: Sequence[str]
    later: Sequence[str] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """Return all of them."""
        return (*self.at_open, *self.later)


def hash_row(row: Sequence[Any]) -> bytes:
    """Return the SHA-256 of a row: of its columns, each with its type and length."""
    return hashlib.sha256(_encode(row)).digest()


def add(total: bytes, added: bytes) -> bytes:
    """Return a sum after a row with that hash was added."""
    value = int.from_bytes(total) + int.from_bytes(added)
    return (value % _MODULUS).to_bytes(SUM_OCTETS)


def subtract(total: bytes, removed: bytes) -> bytes:
    """Return a sum after a row with that hash was taken away."""
    value = int.from_bytes(total) - int.from_bytes(removed)
    return (value % _MODULUS).to_bytes(SUM_OCTETS)


def sum_up(hashes: Iterable[bytes]) -> Digest:
    """Return the digest of rows with these hashes."""
    total = count = 0
    for each in hashes:
        total += int.from_bytes(each)
        count += 1
    return Digest(count, (total % _MODULUS).to_bytes(SUM_OCTETS))


def join(one: Digest, other: Digest) -> Digest:
    """Return the digest of the rows of both."""
    return Digest(one.rows + other.rows, add(one.sum, other.sum))


def watch(connection: Connection, tables: Iterable[str]) -> None:
    """Keep the digests of tables up to date, whatever this connection changes."""
    connection.create_function("digest_add", -1, _add_row, deterministic=True)
    connection.create_function("digest_subtract", -1, _subtract_row, deterministic=True)
    connection.execute("PRAGMA recursive_triggers = ON")  # so that REPLACE counts as a deletion
    for table in tables:
        for event, change in _changes(table, _columns(connection, table)):
            update = f"UPDATE digest SET {change} WHERE name = '{table}'"  # noqa: S608
            connection.execute(
                f"CREATE TEMP TRIGGER watch_{table}_{event} AFTER {event} ON main.{table}"
                f" BEGIN {update}; END"
            )


def _changes(table: str, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    new = ", ".join(f"NEW.{name}" for name in columns)
    old = ", ".join(f"OLD.{name}" for name in columns)
    yield "INSERT", f"rows = rows + 1, sum = digest_add(sum, {new})"
    yield "DELETE", f"rows = rows - 1, sum = digest_subtract(sum, {old})"
    yield "UPDATE", f"sum = digest_add(digest_subtract(sum, {old}), {new})"


def _add_row(total: bytes, *row: object) -> bytes:
    return add(total, hash_row(row))


def _subtract_row(total: bytes, *row: object) -> bytes:
    return subtract(total, hash_row(row))


def _columns(connection: Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})")]


def are_in(connection: Connection) -> bool:
    """Return whether a file has digests."""
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'digest'")
    return found.fetchone() is not None


def compute(connection: Connection, table: str, pause: Callable[[], None] = lambda: None) -> Digest:
    """Return the digest of what a table holds. ``pause`` is called now and then."""
    select = _SCHEMA_ROWS if table == SCHEMA else _select_all(connection, table)
    return sum_up(_hash_rows(connection.execute(select), pause))


def _hash_rows(rows: Iterable[tuple[Any, ...]], pause: Callable[[], None]) -> Iterator[bytes]:
    for number, row in enumerate(rows, 1):
        yield hash_row(row)
        if number % PAUSE_ROWS == 0:
            pause()


def _select_all(connection: Connection, table: str) -> str:
    columns = ", ".join(_columns(connection, table))
    return f"SELECT {columns} FROM {table}"  # noqa: S608  # names of our own


def write(connection: Connection, name: str, digest: Digest) -> None:
    """Note a digest."""
    connection.execute("INSERT OR REPLACE INTO digest VALUES (?, ?, ?)", (name, *digest))


def refresh(connection: Connection, tables: Iterable[str]) -> None:
    """Note what tables hold now and how they were made, of a file that is new or was upgraded."""
    for table in (*tables, SCHEMA):
        write(connection, table, compute(connection, table))


def read(connection: Connection, name: str) -> Digest:
    """Return a digest that was noted.

    Raises:
        Damaged: there is none, or it is damaged.
    """
    found = connection.execute("SELECT rows, sum FROM digest WHERE name = ?", (name,))
    digest = _DIGEST.read_first(found)
    if digest is None:
        raise DamagedFile(f"table digest has no row for {name}")
    return digest


def compare(
    connection: Connection, tables: Iterable[str], pause: Callable[[], None] = lambda: None
) -> None:
    """Check that tables hold what was written into them. ``pause`` is called now and then.

    Raises:
        Damaged: one does not; names it.
    """
    for table in tables:
        noted, found = read(connection, table), compute(connection, table, pause)
        if noted != found:
            raise DamagedFile(_describe(table, noted, found))


def _describe(table: str, noted: Digest, found: Digest) -> str:
    if table == SCHEMA:
        return "its tables are not those that were made"
    if noted.rows != found.rows:
        return f"table {table} has {found.rows:,} rows, and {noted.rows:,} were written"
    return f"table {table} holds something else than what was written"
