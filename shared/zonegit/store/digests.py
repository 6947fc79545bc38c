"""Digests of tables, which detect damage of their rows.

Theory of operation. SQLite detects damage to the structure of a file, but not to the octets of a
row, and not a page that was replaced by another one. So a file may have a table ``digest`` with a
row for each watched table: the number of its rows, and the sum of their SHA-256 modulo 2^256. The
sum does not depend on the order of the rows, so a change costs the hashes of the old and the new
row, independent of the size of the table.

Triggers update the sums in the transaction that changes the table, so no code can forget them. The
triggers are temporary: they belong to the connection of the writer, not to the file. So other
programs can read and copy the file; a change by another program is reported as damage.

``compare`` reads whole tables. Small tables, and the statements that created the tables, are
compared when a file is opened; tables that grow with the log are compared only on request.

Digests detect accidents. An attacker who can write the file can also write the digests.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from sqlite3 import Connection
from typing import Any, Final, NamedTuple

import msgspec

from zonegit.store.stored_rows import DamagedFile, RowReader, StoredCount, StoredId
from zonegit.store.transaction import Row, Transaction

TABLE: Final = (
    "CREATE TABLE digest (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, sum BLOB NOT NULL)"
    " STRICT, WITHOUT ROWID"
)
SCHEMA: Final = "sqlite_schema"
"""The name of the digest of the statements that created tables and indexes."""
SUM_OCTETS: Final = 32
PAUSE_ROWS: Final = 200
"""Rows between two pauses of a long comparison."""
NOTHING: Final = bytes(SUM_OCTETS)
"""The sum of no rows."""

_MODULUS: Final = 1 << (8 * SUM_OCTETS)
_SCHEMA_ROWS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
_READ: Final = "SELECT rows, sum FROM digest WHERE name = ?"
_WRITE: Final = (
    "INSERT INTO digest (name, rows, sum) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET rows = excluded.rows, sum = excluded.sum"
)
_encode: Final = msgspec.msgpack.Encoder().encode


class Digest(NamedTuple):
    """The number of rows of a table, and the sum of their hashes."""

    rows: int
    sum: bytes


EMPTY: Final = Digest(0, NOTHING)
"""The digest of no rows."""
_DIGEST: Final[RowReader[Digest]] = RowReader("digest", tuple[StoredCount, StoredId], Digest)


class Watched(NamedTuple):
    """The tables of a file that have digests.

    Args:
        at_open: the tables that are compared when the file is opened.
        later: the tables that are compared only when the whole file is checked.
    """

    at_open: Sequence[str]
    later: Sequence[str] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """Return all watched tables."""
        return (*self.at_open, *self.later)


def hash_row(row: Sequence[Any]) -> bytes:
    """Return the SHA-256 of the columns of a row, each with its type and length."""
    return hashlib.sha256(_encode(row)).digest()


def add(total: bytes, added: bytes) -> bytes:
    """Add the hash of a row to a sum."""
    value = int.from_bytes(total) + int.from_bytes(added)
    return (value % _MODULUS).to_bytes(SUM_OCTETS)


def subtract(total: bytes, removed: bytes) -> bytes:
    """Subtract the hash of a row from a sum."""
    value = int.from_bytes(total) - int.from_bytes(removed)
    return (value % _MODULUS).to_bytes(SUM_OCTETS)


def sum_hashes(hashes: Iterable[bytes]) -> Digest:
    """Return the digest of the rows with the given hashes."""
    total = count = 0
    for each in hashes:
        total += int.from_bytes(each)
        count += 1
    return Digest(count, (total % _MODULUS).to_bytes(SUM_OCTETS))


def join(one: Digest, other: Digest) -> Digest:
    """Return the digest of the rows of two digests."""
    return Digest(one.rows + other.rows, add(one.sum, other.sum))


def watch(connection: Connection, tables: Iterable[str]) -> None:
    """Create triggers that update the digests when this connection changes the tables."""
    connection.create_function("digest_add", -1, _add_row, deterministic=True)
    connection.create_function("digest_subtract", -1, _subtract_row, deterministic=True)
    connection.execute("PRAGMA recursive_triggers = ON")  # REPLACE then runs the DELETE trigger
    for table in tables:
        for event, change in _changes(table, _list_columns(connection, table)):
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


def _list_columns(connection: Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})")]


def has_digests(connection: Connection) -> bool:
    """Return whether a file has digests."""
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'digest'")
    return found.fetchone() is not None


def compute(connection: Connection, table: str, pause: Callable[[], None] = lambda: None) -> Digest:
    """Return the digest of the rows of a table.

    Args:
        connection: the connection.
        table: the name of the table.
        pause: called after every ``PAUSE_ROWS`` rows.
    """
    select = _SCHEMA_ROWS if table == SCHEMA else _select_all(connection, table)
    return sum_hashes(_hash_rows(connection.execute(select), pause))


def _hash_rows(rows: Iterable[tuple[Any, ...]], pause: Callable[[], None]) -> Iterator[bytes]:
    for number, row in enumerate(rows, 1):
        yield hash_row(row)
        if number % PAUSE_ROWS == 0:
            pause()


def _select_all(connection: Connection, table: str) -> str:
    columns = ", ".join(_list_columns(connection, table))
    return f"SELECT {columns} FROM {table}"  # noqa: S608  # the names come from the schema


def write_digest(name: str, digest: Digest) -> Transaction[None]:
    """Store a digest."""
    yield _WRITE, (name, *digest)


def refresh(connection: Connection, tables: Iterable[str]) -> None:
    """Store the digests of the tables and of the schema, in a new or upgraded file."""
    for table in (*tables, SCHEMA):
        connection.execute(_WRITE, (table, *compute(connection, table)))


def read_digest(name: str) -> Transaction[Digest]:
    """Return a stored digest.

    Raises:
        DamagedFile: the digest is missing or damaged.
    """
    found = yield _READ, (name,)
    return _require_digest(name, found)


def _require_digest(name: str, rows: Iterable[Row]) -> Digest:
    digest = _DIGEST.read_first(rows)
    if digest is None:
        raise DamagedFile(f"table digest has no row for {name}")
    return digest


def has_digest(connection: Connection, table: str) -> bool:
    """Return whether a file has a digest of a table; a table that an upgrade adds has none yet."""
    return connection.execute(_READ, (table,)).fetchone() is not None


def compare(
    connection: Connection, tables: Iterable[str], pause: Callable[[], None] = lambda: None
) -> None:
    """Compare tables with their stored digests.

    Args:
        connection: the connection.
        tables: the names of the tables.
        pause: called after every ``PAUSE_ROWS`` rows.

    Raises:
        DamagedFile: a table differs; the message names it.
    """
    for table in tables:
        noted = _require_digest(table, connection.execute(_READ, (table,)))
        found = compute(connection, table, pause)
        if noted != found:
            raise DamagedFile(_describe(table, noted, found))


def _describe(table: str, noted: Digest, found: Digest) -> str:
    if table == SCHEMA:
        return "its schema differs from what was written"
    if noted.rows != found.rows:
        return f"table {table} has {found.rows:,} rows, but {noted.rows:,} were written"
    return f"table {table} differs from what was written"
