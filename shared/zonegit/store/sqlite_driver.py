"""Run transactions in an SQLite file (:mod:`zonegit.store.transaction`)."""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import MappingProxyType
from typing import Final, TypeVar

from zonegit.store import digests
from zonegit.store.digests import Watched
from zonegit.store.sqlite import NOT_WATCHED, Database, open_database
from zonegit.store.stored_rows import DamagedFile
from zonegit.store.transaction import Batch, Row, Statement, StatementFailed, Transaction

T = TypeVar("T")

Upgrade = Callable[[], Transaction[None]]
"""Makes a transaction that upgrades a file from one layout to the next one."""

NO_UPGRADES: Final[Mapping[int, Upgrade]] = MappingProxyType({})

MAX_DAMAGE: Final = 100
"""The maximum number of faults of the file structure that are reported."""
PAUSE_S: Final = 0.005
"""Seconds between two slices of a check, so that requests do not wait for it."""


class SqliteDriver:
    """Implements :class:`zonegit.store.transaction.Driver`."""

    def __init__(self, database: Database, watched: Watched) -> None:
        self._database = database
        self._watched = watched

    async def query(self, transaction: Transaction[T]) -> T:
        return await self._database.read(partial(run_transaction, transaction=transaction))

    async def change(
        self, transaction: Transaction[T], on_commit: Callable[[T], None] | None = None
    ) -> T:
        run = partial(run_transaction, transaction=transaction)
        return await self._database.write(run, on_commit)

    async def find_damage(self) -> list[str]:
        return await self._database.check(partial(_find_damage, watched=self._watched))


@asynccontextmanager
async def open_driver(
    path: Path,
    schema: Sequence[str],
    version: int,
    upgrades: Mapping[int, Upgrade] = NO_UPGRADES,
    watched: Watched = NOT_WATCHED,
) -> AsyncIterator[SqliteDriver]:
    """Open a file for the time of a context (:func:`zonegit.store.sqlite.open_database`).

    Raises:
        Unavailable: the file cannot be opened or created.
        Corrupt: the file is damaged, or is not an SQLite file.
        Invalid: a later release of zonegit created the file.
    """
    steps = {layout: partial(_run_upgrade, upgrade=each) for layout, each in upgrades.items()}
    async with open_database(path, schema, version, steps, watched) as database:
        yield SqliteDriver(database, watched)


def _run_upgrade(connection: Connection, upgrade: Upgrade) -> None:
    run_transaction(connection, upgrade())


def run_transaction(connection: Connection, transaction: Transaction[T]) -> T:
    """Run the statements of a transaction, between a BEGIN and a COMMIT of the caller.

    Raises:
        sqlite3.Error: a statement failed, and the transaction did not catch the failure, or raised
            it again.
    """
    try:
        statement = next(transaction)
        while True:
            try:
                rows = _execute(connection, statement)
            except sqlite3.Error as error:
                failed = StatementFailed(str(error))
                failed.__cause__ = error
                statement = transaction.throw(failed)
            else:
                statement = transaction.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
    except StatementFailed as failed:  # at once, or after further statements
        raise failed.__cause__ or failed from None


def _execute(connection: Connection, statement: Statement) -> list[Row]:
    if isinstance(statement, Batch):
        connection.executemany(statement.statement, statement.rows)
        return []
    text, parameters = statement
    return connection.execute(text, parameters).fetchall()


def _find_damage(connection: Connection, watched: Watched) -> list[str]:
    found = [each for (each,) in connection.execute(f"PRAGMA integrity_check({MAX_DAMAGE})")]
    damage = [each for each in found if each != "ok"]
    for table in (digests.SCHEMA, *watched.tables):
        try:
            digests.compare(connection, [table], pause=partial(time.sleep, PAUSE_S))
        except DamagedFile as error:
            damage.append(error.message)
    return damage
