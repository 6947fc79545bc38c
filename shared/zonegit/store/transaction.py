"""Transactions that are independent of a database driver: generators that yield statements.

Theory of operation. A transaction is a plain generator. It yields a statement with its parameters,
is sent the list of all rows of the result (empty for a statement without a result), and returns the
value of the transaction. Functions that are steps of a transaction are such generators, too, and
are called with ``yield from``. So all SQL of a store is above this seam, and nothing above it waits
or knows a connection:

    def read_tip(ref: RefName) -> Transaction[ObjectId | None]:
        rows = yield "SELECT target FROM ref WHERE zone = ? AND short = ?", (ref.zone, ref.short)
        return rows[0][0] if rows else None

A driver (:class:`Driver`) runs a generator from BEGIN to COMMIT. It rolls back if the generator
raises, and it never runs a generator twice: a generator may keep state, for example in a cache
that is filled while objects are stored. The driver of SQLite (:mod:`zonegit.store.sqlite_driver`)
runs the whole generator in the one thread of its connection, so a statement costs one ``send`` and
no change of thread or task. A driver of a server sends the statement and awaits the rows instead;
it may not need a thread.

What another driver translates:

- ``?`` is the placeholder of the next parameter; no statement has a ``?`` elsewhere.
- Values are None, int, float, str and bytes, and have these types in rows, too.
- Upserts are ``INSERT ... ON CONFLICT (columns) DO UPDATE`` or ``DO NOTHING``, as in PostgreSQL.
- ``a IS ?`` and ``a IS NOT ?`` compare values or NULL (``IS [NOT] DISTINCT FROM``).
- ``rowid`` numbers the rows of the table ``object`` in the order of their insertion.
- Some statements are for SQLite only: walks that order or limit a recursive query, ``CAST(... AS
  BLOB)`` and ``typeof`` of damaged rows, and a ``+`` before a column, which keeps SQLite from an
  index. The text of a statement is the key by which a driver replaces it.
- The statements that create and upgrade tables belong to a driver, as do the digests of tables
  (:mod:`zonegit.store.digests`): a server has its own checksums.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")

Row = tuple[Any, ...]
"""The columns of a row."""


class Batch(NamedTuple):
    """A statement without a result that is executed once for each row of parameters."""

    statement: str
    rows: Sequence[Sequence[Any]]


Statement = tuple[str, Sequence[Any]] | Batch
"""A statement and its parameters."""

Transaction = Generator[Statement, list[Row], T]
"""Yields statements, is sent the rows of each, and returns the value of the transaction."""


class StatementFailed(Exception):
    """The database could not execute a statement.

    A driver throws it into the transaction, which may find out more. If it is not caught, the
    driver raises the error that is its cause.
    """


class Driver(Protocol):
    """An open database that runs transactions."""

    async def query(self, transaction: Transaction[T]) -> T:
        """Run a transaction that only reads, on one state of the database.

        Raises:
            Unavailable: the database does not answer, or its disk fails.
            Corrupt: the data is damaged.
        """
        ...

    async def change(
        self, transaction: Transaction[T], on_commit: Callable[[T], None] | None = None
    ) -> T:
        """Run a transaction, and commit it; its changes are durable on return.

        If the caller is cancelled, the transaction either has not begun, and never runs, or is
        completed.

        Args:
            transaction: the transaction; no change remains if it raises.
            on_commit: called on the event loop with the result after the commit, in the order of
                the commits and before the caller continues, even if the caller was cancelled.

        Raises:
            Unavailable: the disk is full or fails, or the database does not answer.
            Corrupt: the data is damaged.
        """
        ...

    async def find_damage(self) -> list[str]:
        """Return the faults of the stored data that the driver itself can find."""
        ...


def execute(*statements: str) -> Transaction[None]:
    """Execute statements without parameters and results, for example those of an upgrade."""
    for statement in statements:
        yield statement, ()
