"""Many small SQLite files: each as safe as a single one, and few of them open."""

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection

import pytest

from zonegit.errors import Corrupt, Invalid, Unavailable
from zonegit.store import file_pool
from zonegit.store.file_pool import open_pool
from zonegit.store.sqlite import prepare_tables
from zonegit.store.sqlite_files import read_closed

PREPARE = partial(
    prepare_tables,
    schema=("CREATE TABLE note (text TEXT NOT NULL) STRICT",),
    version=1,
    upgrades={},
)


def insert(connection: Connection, text: str) -> int:
    connection.execute("INSERT INTO note VALUES (?)", (text,))
    return len(notes(connection))


def notes(connection: Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY rowid")]


def listed(path: Path) -> list[str]:
    """Return all paths below a folder."""
    return sorted(each.name for each in path.rglob("*"))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def fail(connection: Connection) -> None:
    insert(connection, "half")
    raise Invalid("no")


async def test_written_rows_exist_after_close(tmp_path: Path) -> None:
    async with open_pool(tmp_path, PREPARE) as pool:
        assert await pool.write(tmp_path / "a", partial(insert, text="one")) == 1
        assert await pool.write(tmp_path / "a", partial(insert, text="two")) == 2
        assert await pool.write(tmp_path / "deep+" / "er+" / "b", partial(insert, text="b")) == 1
    assert read_closed(tmp_path / "a", 1, notes) == ["one", "two"]
    assert listed(tmp_path) == ["a", "b", "deep+", "er+"]


async def test_a_file_is_created_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    async with open_pool(tmp_path, PREPARE) as pool:
        with pytest.raises(Invalid):
            await pool.write(tmp_path / "a", fail)
        assert listed(tmp_path) == []
        await pool.write(tmp_path / "a", partial(insert, text="one"))
        with pytest.raises(Invalid):
            await pool.write(tmp_path / "a", fail)
        assert await pool.write(tmp_path / "a", notes) == ["one"]


async def test_leftovers_of_a_killed_process_are_not_part_of_a_new_file(tmp_path: Path) -> None:
    """It left a half-built file, and the log of a deleted one."""
    old = tmp_path / "old"
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        PREPARE(connection)
        insert(connection, "old")
        shutil.copy(f"{old}-wal", tmp_path / "a-wal")
    (tmp_path / "a-new").write_bytes(b"SQLite format 3\0" + bytes(900))
    async with open_pool(tmp_path, PREPARE) as pool:
        assert await pool.write(tmp_path / "a", partial(insert, text="new")) == 1
        assert await pool.write(tmp_path / "a", notes) == ["new"]


async def test_commits_of_a_killed_process_are_read(tmp_path: Path) -> None:
    alive, dead = tmp_path / "alive", tmp_path / "dead"
    async with open_pool(tmp_path, PREPARE) as pool:
        await pool.write(alive, partial(insert, text="one"))
        await pool.write(alive, partial(insert, text="two"))
        for suffix in ("", "-wal"):
            shutil.copy(f"{alive}{suffix}", f"{dead}{suffix}")
    assert read_closed(dead, 1, notes) == ["one", "two"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which files are open")
async def test_only_some_files_are_open_at_a_time(tmp_path: Path) -> None:
    before = descriptors()
    async with open_pool(tmp_path, PREPARE) as pool:
        for _ in range(2):
            writes = (pool.write(tmp_path / str(n), partial(insert, text="x")) for n in range(200))
            await asyncio.gather(*writes)
        most = file_pool.THREADS * file_pool.MAX_OPEN * 3
        assert descriptors() - before <= most + 10
        assert await pool.write(tmp_path / "0", notes) == ["x", "x"]
    assert descriptors() - before <= 1


async def test_every_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    def settings(connection: Connection) -> tuple[str, int]:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        return journal, synchronous

    full = 2
    async with open_pool(tmp_path, PREPARE) as pool:
        await pool.write(tmp_path / "a", partial(insert, text="one"))
        assert await pool.write(tmp_path / "a", settings) == ("wal", full)


async def test_a_file_is_removed_with_its_empty_folders(tmp_path: Path) -> None:
    async with open_pool(tmp_path, PREPARE) as pool:
        files = [tmp_path / "f+" / "g+" / "a", tmp_path / "f+" / "b", tmp_path / "c"]
        for path in files:
            for text in ("one", "two"):  # the second time it is opened
                await pool.write(path, partial(insert, text=text))
        await pool.remove(files[0])
        assert not (tmp_path / "f+" / "g+").exists()
        assert await pool.write(files[1], notes) == ["one", "two"]
        await pool.remove(files[1])
        await pool.remove(files[1])
    assert listed(tmp_path) == ["c"]


async def test_a_path_through_a_link_is_refused(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "files"
    for each in (outside, folder):
        each.mkdir()
    (folder / "f+").symlink_to(outside)
    (folder / "a").symlink_to(outside / "a")
    async with open_pool(folder, PREPARE) as pool:
        for path in (folder / "a", folder / "f+" / "a"):
            with pytest.raises(Unavailable, match="is a link to"):
                await pool.write(path, partial(insert, text="x"))
        (outside / "a").write_text("somebody's")
        with pytest.raises(Unavailable, match="is a link to"):
            await pool.remove(folder / "f+" / "a")
        await pool.remove(folder / "a")
    assert (listed(outside), listed(folder)) == (["a"], ["f+"])


async def test_damage_is_named_and_affects_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"this is no database " * 500)
    async with open_pool(tmp_path, PREPARE) as pool:
        with pytest.raises(Corrupt, match="damaged"):
            await pool.write(tmp_path / "a", notes)
        assert await pool.write(tmp_path / "b", partial(insert, text="one")) == 1
        await pool.remove(tmp_path / "a")
        assert await pool.write(tmp_path / "a", partial(insert, text="one")) == 1
    with pytest.raises(Invalid, match="layout"):
        read_closed(tmp_path / "a", 2, notes)
