"""One SQLite file: acknowledged writes are kept, failed ones leave nothing, damage is named."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection

import pytest
from tests.support.waiting import eventually

from zonegit.errors import Corrupt, Invalid, Unavailable
from zonegit.store.sqlite import Database, open_database

SCHEMA = ("CREATE TABLE note (text TEXT NOT NULL) STRICT",)


def insert(connection: Connection, text: str) -> str:
    connection.execute("INSERT INTO note VALUES (?)", (text,))
    return text


def notes(connection: Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY rowid")]


async def test_written_rows_exist_after_a_reopen(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "notes.sqlite3"
    async with open_database(path, SCHEMA, 1) as database:
        assert await database.write(partial(insert, text="a")) == "a"
    async with open_database(path, SCHEMA, 1) as database:
        assert await database.read(notes) == ["a"]


async def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    def fail(connection: Connection) -> None:
        insert(connection, "half")
        raise Invalid("no")

    async with open_database(tmp_path / "notes.sqlite3", SCHEMA, 1) as database:
        with pytest.raises(Invalid):
            await database.write(fail)
        assert await database.read(notes) == []
        await database.write(partial(insert, text="after"))
        assert await database.read(notes) == ["after"]


async def test_a_full_disk_writes_nothing_and_is_reported(tmp_path: Path) -> None:
    def limit(connection: Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    def fill(connection: Connection) -> None:
        for _ in range(100):
            insert(connection, "x" * 4096)

    async with open_database(tmp_path / "notes.sqlite3", SCHEMA, 1) as database:
        await database.write(partial(insert, text="before"))
        await database.write(limit)
        with pytest.raises(Unavailable, match="full") as caught:
            await database.write(fill)
        assert caught.value.hint
        assert await database.read(notes) == ["before"]


async def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    path.write_bytes(b"this is no database " * 500)
    with pytest.raises(Corrupt, match=r"notes\.sqlite3"):
        async with open_database(path, SCHEMA, 1):
            pass


async def test_a_later_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    async with open_database(path, SCHEMA, 2):
        pass
    with pytest.raises(Invalid, match="layout 2"):
        async with open_database(path, SCHEMA, 1):
            pass


async def test_an_earlier_layout_is_upgraded_step_by_step_or_left_unchanged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notes.sqlite3"
    async with open_database(path, SCHEMA, 1) as database:
        await database.write(partial(insert, text="a"))

    def fail(connection: Connection) -> None:
        insert(connection, "half")
        raise Unavailable("no")

    steps: dict[int, Callable[[Connection], str]] = {1: partial(insert, text="b")}
    with pytest.raises(Unavailable):
        async with open_database(path, SCHEMA, 3, {**steps, 2: fail}):
            pass
    async with open_database(path, SCHEMA, 1) as database:
        assert await database.read(notes) == ["a"]
    for _ in range(2):
        async with open_database(path, SCHEMA, 3, {**steps, 2: partial(insert, text="c")}) as later:
            assert await later.read(notes) == ["a", "b", "c"]


async def test_a_folder_that_cannot_be_created_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot create"):
        async with open_database(tmp_path / "file" / "notes.sqlite3", SCHEMA, 1):
            pass


async def test_results_are_returned_in_the_order_of_their_commits(tmp_path: Path) -> None:
    told: list[str] = []
    async with open_database(tmp_path / "notes.sqlite3", SCHEMA, 1) as database:
        await asyncio.gather(
            *(database.write(partial(insert, text=str(n)), told.append) for n in range(50))
        )
        assert told == await database.read(notes) == [str(n) for n in range(50)]


async def test_a_cancelled_transaction_is_done_or_not_begun(tmp_path: Path) -> None:
    """A running transaction commits and reports it; a waiting one never runs."""
    told: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slowly(connection: Connection) -> str:
        begun.set()
        go_on.wait()
        return insert(connection, "running")

    def start(database: Database, work: Callable[[Connection], str]) -> asyncio.Task[str]:
        return asyncio.create_task(database.write(work, told.append))

    async with open_database(tmp_path / "notes.sqlite3", SCHEMA, 1) as database:
        running = start(database, slowly)
        await eventually(begun.is_set)
        waiting = start(database, partial(insert, text="waiting"))
        await asyncio.sleep(0)
        running.cancel()
        waiting.cancel()
        await asyncio.wait([running, waiting])
        go_on.set()
        await eventually(lambda: told == ["running"])
        assert await database.read(notes) == ["running"]


async def test_a_read_sees_only_committed_rows(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(connection: Connection) -> str:
        insert(connection, "later")
        begun.set()
        go_on.wait()
        return "later"

    async with open_database(tmp_path / "notes.sqlite3", SCHEMA, 1) as database:
        writing = asyncio.create_task(database.write(slowly))
        await eventually(begun.is_set)
        assert await database.read(notes) == []
        go_on.set()
        await writing
        assert await database.read(notes) == ["later"]


async def test_every_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    def settings(connection: Connection) -> tuple[str, int]:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        return journal, synchronous

    full = 2
    async with open_database(tmp_path / "notes.sqlite3", SCHEMA, 1) as database:
        assert await database.write(settings) == ("wal", full)


async def test_another_process_can_read_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    async with open_database(path, SCHEMA, 1) as database:
        await database.write(partial(insert, text="a"))
        with closing(sqlite3.connect(path)) as other:
            assert notes(other) == ["a"]
