"""Digests of tables cover writes through the store, and no others."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Corrupt, Invalid
from zonegit.store import digests
from zonegit.store.digests import Watched
from zonegit.store.sqlite import Database, open_database

SCHEMA = (
    "CREATE TABLE note (key TEXT PRIMARY KEY, text TEXT, number INTEGER) STRICT, WITHOUT ROWID",
    "CREATE TABLE more (id INTEGER PRIMARY KEY, octets BLOB, time REAL) STRICT",
    digests.TABLE,
)
WATCHED = Watched(("note",), later=("more",))

STATEMENTS = (
    "INSERT OR REPLACE INTO note VALUES (:key, :text, :number)",
    "INSERT INTO note VALUES (:key, :text, :number) ON CONFLICT DO UPDATE SET text = :text",
    "UPDATE note SET number = :number, text = NULL WHERE key >= :key",
    "UPDATE OR REPLACE note SET key = :text WHERE key = :key AND :text IS NOT NULL",
    "DELETE FROM note WHERE key < :key",
    "DELETE FROM note",
    "INSERT OR REPLACE INTO more VALUES (:number, CAST(:key AS BLOB), :number)",
    "UPDATE more SET time = time / 4 WHERE id > :number",
    "DELETE FROM more WHERE id <= :number",
)
WRITES = st.tuples(
    st.sampled_from(STATEMENTS),
    st.fixed_dictionaries(
        {
            "key": st.sampled_from("abcde"),
            "text": st.none() | st.sampled_from("abcxyz"),
            "number": st.integers(-5, 5),
        }
    ),
)


@contextmanager
def watched() -> Iterator[Connection]:
    """Return a database in memory with digests of its tables."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        digests.refresh(connection, WATCHED.tables)
        digests.watch(connection, WATCHED.tables)
        yield connection


@given(st.lists(st.tuples(st.lists(WRITES, max_size=6), st.booleans()), max_size=6))
def test_digests_match_the_tables_after_any_transactions(
    transactions: list[tuple[list[tuple[str, dict[str, object]]], bool]],
) -> None:
    with watched() as connection:
        for writes, is_kept in transactions:
            connection.execute("BEGIN")
            for statement, values in writes:
                connection.execute(statement, values)
            connection.execute("COMMIT" if is_kept else "ROLLBACK")
            digests.compare(connection, (digests.SCHEMA, *WATCHED.tables))


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=4), st.integers(-(2**63), 2**63 - 1), st.none() | st.text(max_size=4)
        )
    )
)
def test_the_sum_of_rows_does_not_depend_on_their_order(
    rows: list[tuple[bytes, int, str | None]],
) -> None:
    whole = digests.sum_hashes(map(digests.hash_row, rows))
    assert digests.sum_hashes(map(digests.hash_row, reversed(rows))) == whole
    total = digests.NOTHING
    for row in rows:
        total = digests.add(total, digests.hash_row(row))
    assert total == whole.sum
    for row in rows:
        total = digests.subtract(total, digests.hash_row(row))
    assert total == digests.NOTHING


def test_rows_that_differ_only_in_a_type_have_different_hashes() -> None:
    rows = [("1",), (1,), (1.0,), (b"1",), (None,), (), ("1", None), ("", "1"), ("1", "")]
    assert len({digests.hash_row(row) for row in rows}) == len(rows)


def opened(path: Path):
    return open_database(path, SCHEMA, 1, watched=WATCHED)


async def filled(path: Path) -> None:
    async with opened(path) as database:
        for statement in (
            "INSERT INTO note VALUES ('a', 'one', 1), ('b', 'two', 2)",
            "INSERT INTO more VALUES (1, x'01', 1), (2, x'02', 2.5)",
        ):
            await _write(database, statement)


async def _write(database: Database, statement: str) -> None:
    await database.write(lambda connection: connection.execute(statement).close())


def change(path: Path, statement: str) -> None:
    """Change the file as another program does."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "UPDATE note SET text = 'ONE' WHERE key = 'a'",
            "table note differs from what was written",
        ),
        ("DELETE FROM note WHERE key = 'b'", "1 rows, but 2 were written"),
        ("INSERT INTO note VALUES ('c', NULL, NULL)", "3 rows, but 2 were written"),
        (
            "UPDATE digest SET sum = zeroblob(32) WHERE name = 'note'",
            "table note differs from what was written",
        ),
        ("UPDATE digest SET sum = x'00' WHERE name = 'note'", "row .* of table digest is damaged"),
        ("DELETE FROM digest WHERE name = 'note'", "no row for note"),
        ("DROP TABLE digest", "no such table"),
        ("CREATE INDEX other ON note (text)", "its schema differs"),
    ],
)
async def test_a_change_by_another_program_is_damage(
    tmp_path: Path, statement: str, says: str
) -> None:
    path = tmp_path / "notes.sqlite3"
    await filled(path)
    async with opened(path):
        pass
    change(path, statement)
    with pytest.raises(Corrupt, match=says) as caught:
        async with opened(path):
            pass
    assert caught.value.details["file"] == str(path)
    assert caught.value.hint is not None


async def test_a_file_can_be_opened_before_its_deferred_comparison(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notes.sqlite3"
    await filled(path)
    change(path, "UPDATE more SET octets = x'ff' WHERE id = 2")
    async with opened(path) as database:
        with pytest.raises(Corrupt, match="table more differs"):
            await database.check(partial(digests.compare, tables=WATCHED.later))


async def test_an_upgrade_compares_the_old_digests_and_writes_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    await filled(path)

    def upgrade(connection: Connection) -> None:
        connection.execute("ALTER TABLE note ADD COLUMN later TEXT DEFAULT 'x'")

    for _ in range(2):
        async with open_database(path, SCHEMA, 2, {1: upgrade}, WATCHED) as database:
            await _write(database, "UPDATE note SET later = 'y' WHERE key = 'a'")
    change(path, "UPDATE note SET later = 'z'")
    with pytest.raises(Corrupt):
        async with open_database(path, SCHEMA, 3, {2: upgrade}, WATCHED):
            pass


async def test_an_upgrade_adds_missing_digests(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    async with open_database(path, SCHEMA[:2], 1) as database:
        await _write(database, "INSERT INTO note VALUES ('a', 'one', 1)")

    def upgrade(connection: Connection) -> None:
        connection.execute(digests.TABLE)

    async with open_database(path, SCHEMA, 2, {1: upgrade}, WATCHED):
        pass
    change(path, "DELETE FROM note")
    with pytest.raises(Corrupt, match="0 rows, but 1 were written"):
        async with open_database(path, SCHEMA, 2, {1: upgrade}, WATCHED):
            pass


async def test_a_failed_transaction_leaves_the_digests(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    await filled(path)

    def fail(connection: Connection) -> None:
        connection.execute("DELETE FROM note")
        raise Invalid("no")

    async with opened(path) as database:
        with pytest.raises(Invalid):
            await database.write(fail)
    async with opened(path):
        pass
