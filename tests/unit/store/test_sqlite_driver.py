"""Transactions of the driver of SQLite: what becomes of the errors of statements."""

from collections.abc import Callable
from pathlib import Path

import pytest

from zonegit.errors import Corrupt
from zonegit.store.sqlite_driver import open_driver
from zonegit.store.transaction import Row, StatementFailed, Transaction

SCHEMA = ("CREATE TABLE note (text TEXT NOT NULL) STRICT",)


def raise_at_once() -> Transaction[None]:
    yield "SELECT text FROM missing", ()


def raise_after_another_statement() -> Transaction[None]:
    yield "INSERT INTO note VALUES ('half')", ()
    try:
        yield "SELECT text FROM missing", ()
    except StatementFailed:
        yield "SELECT text FROM note", ()
        raise


def raise_after_another_failure() -> Transaction[None]:
    failures = []
    for table in ("missing", "absent"):
        try:
            yield f"SELECT text FROM {table}", ()
        except StatementFailed as failed:
            failures.append(failed)
    raise failures[0]


def continue_after_a_failure() -> Transaction[list[Row]]:
    try:
        yield "INSERT INTO note VALUES (NULL)", ()
    except StatementFailed:
        yield "INSERT INTO note VALUES ('instead')", ()
    return (yield "SELECT text FROM note", ())


def read_notes() -> Transaction[list[Row]]:
    return (yield "SELECT text FROM note", ())


@pytest.mark.parametrize(
    "make", [raise_at_once, raise_after_another_statement, raise_after_another_failure]
)
async def test_a_failure_that_is_raised_again_is_the_error_of_the_database(
    make: Callable[[], Transaction[None]], tmp_path: Path
) -> None:
    """Raise it at once, after another statement, and after another failure."""
    async with open_driver(tmp_path / "notes.sqlite3", SCHEMA, 1) as driver:
        with pytest.raises(Corrupt, match="no such table: missing"):
            await driver.change(make())
        assert await driver.query(read_notes()) == []


async def test_a_transaction_can_continue_after_a_failure(tmp_path: Path) -> None:
    async with open_driver(tmp_path / "notes.sqlite3", SCHEMA, 1) as driver:
        assert await driver.change(continue_after_a_failure()) == [("instead",)]
        assert await driver.query(read_notes()) == [("instead",)]
