"""A second driver of transactions: one connection on the event loop, and numbered parameters.

It stands for a driver of a server, which translates placeholders and sends one statement at a time.
"""

import asyncio
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar

from zonegit.store.transaction import Batch, Row, Transaction
from zonegit_refs.sql import schema
from zonegit_refs.sql.refs import SqlRefs, start_refs

T = TypeVar("T")


class NumberedDriver:
    """Implements :class:`zonegit.store.transaction.Driver`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    async def query(self, transaction: Transaction[T]) -> T:
        return await self.change(transaction)

    async def change(
        self, transaction: Transaction[T], on_commit: Callable[[T], None] | None = None
    ) -> T:
        async with self._turn:
            with self._connection:
                result = await self._run(transaction)
            if on_commit is not None:
                on_commit(result)
            return result

    async def _run(self, transaction: Transaction[T]) -> T:
        try:
            statement = next(transaction)
            while True:
                await asyncio.sleep(0)  # a server would be asked here
                if isinstance(statement, Batch):
                    for parameters in statement.rows:
                        self._execute(statement.statement, parameters)
                    statement = transaction.send([])
                else:
                    statement = transaction.send(self._execute(*statement))
        except StopIteration as end:
            result: T = end.value
            return result

    def _execute(self, statement: str, parameters: object) -> list[Row]:
        numbers = itertools.count(1)
        numbered = re.sub(r"\?", lambda _: f"?{next(numbers)}", statement)
        return self._connection.execute(numbered, parameters).fetchall()  # type: ignore[arg-type]

    async def find_damage(self) -> list[str]:
        return []


@asynccontextmanager
async def open_numbered_refs(path: Path) -> AsyncIterator[SqlRefs]:
    """Open a new ref store."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in schema.SCHEMA:
            connection.execute(statement)
        connection.commit()
        yield await start_refs(NumberedDriver(connection), "run", is_new=True)
