"""The log is a chain: a changed, lost or inserted row is found by a read."""

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from zonegit.errors import Corrupt
from zonegit.store import ref_names
from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_log import Origin
from zonegit.zone import names
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql import chain
from zonegit_refs.sql.refs import SqlRefs, open_refs

ZONES = [names.parse(f"{letter}.example.") for letter in "abcdefgh"]


async def fill(path: Path, zones: list[names.Name] = ZONES) -> None:
    """Write a row of the log for each zone."""
    async with open_refs(path) as refs:
        keeper = RefKeeper(refs, MemoryObjects(), lambda objects, entries: None)
        for zone in zones:
            await keeper.register(zone, Origin("ada", "add", secrets.token_hex(16)))


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        assert other.execute(statement).rowcount > 0


async def all_rows(refs: SqlRefs) -> int:
    return len((await refs.since(refs.epoch, 0, "")).entries)


async def one_row(refs: SqlRefs) -> int:
    return len(await refs.reflog(ref_names.marker(ZONES[3]), 10))


async def damage(refs: SqlRefs) -> list[str]:
    found = await refs.check_file()
    after, has_more = 0, True
    while has_more:
        page = await refs.check_log(after)
        found += page.damage
        after, has_more = page.last, page.has_more
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET actor = 'eve' WHERE sequence = 4",
        "UPDATE log SET time = time + 1 WHERE sequence = 4",
        "UPDATE log SET reason = 'add ' WHERE sequence = 4",
        "UPDATE log SET new = zeroblob(32) WHERE sequence = 4",
        "UPDATE log SET previous = zeroblob(32) WHERE sequence = 4",
        "UPDATE log SET previous = zeroblob(32) WHERE sequence = 5",
    ],
)
@pytest.mark.parametrize("read", [all_rows, one_row])
async def test_a_read_names_a_changed_row(
    tmp_path: Path, statement: str, read: Callable[[SqlRefs], object]
) -> None:
    path = tmp_path / "refs.sqlite3"
    await fill(path)
    change(path, statement)
    async with open_refs(path) as refs:
        with pytest.raises(Corrupt, match=r"refs\.sqlite3 is damaged: the row \((3|4),") as caught:
            await read(refs)
        assert caught.value.details["file"] == str(path)
        assert await damage(refs)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM log WHERE sequence IN (4, 5)", "no rows 4 to 5"),
        ("UPDATE operation SET last = 7 WHERE first = 4", "table operation"),
        ("DELETE FROM operation WHERE first = 4", "table operation has 7 rows, but 8"),
    ],
)
async def test_a_check_finds_lost_rows(tmp_path: Path, statement: str, says: str) -> None:
    path = tmp_path / "refs.sqlite3"
    await fill(path)
    change(path, statement)
    async with open_refs(path) as refs:
        assert any(says in each for each in await damage(refs))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log WHERE sequence = 8",
        "DELETE FROM log",
        "UPDATE log SET short = 'x' WHERE sequence = 8",
        "UPDATE digest SET rows = 7 WHERE name = 'log'",
        "UPDATE digest SET sum = zeroblob(32) WHERE name = 'log'",
        "INSERT INTO log SELECT 9, kind, space, zone, short, old, new, serial, actor, time,"
        " reason, operation, because, undoes, previous FROM log WHERE sequence = 8",
        "DELETE FROM zone WHERE zone = x'0163076578616d706c6500'",
        "UPDATE store SET epoch = 'other'",
    ],
)
async def test_a_damaged_end_and_damaged_tables_are_found_at_open(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "refs.sqlite3"
    await fill(path)
    change(path, statement)
    with pytest.raises(Corrupt, match=r"refs\.sqlite3"):
        async with open_refs(path):
            pass


async def test_a_whole_store_has_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "refs.sqlite3"
    async with open_refs(path) as refs:
        assert await damage(refs) == []
    await fill(path)
    async with open_refs(path) as refs:
        assert await damage(refs) == []


async def test_a_check_goes_through_the_log_in_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "CHECK_BATCH", 3)
    path = tmp_path / "refs.sqlite3"
    await fill(path)
    change(path, "UPDATE log SET actor = 'eve' WHERE sequence IN (2, 7)")
    async with open_refs(path) as refs:
        found = await damage(refs)
    assert [f"the row ({row}," in text for row, text in zip((2, 7), found, strict=True)] == [
        True,
        True,
    ]


async def test_an_upgrade_chains_existing_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chain, "FILL_BATCH", 3)
    path = tmp_path / "refs.sqlite3"
    await fill(path)
    wanted = check_chain(path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE digest")
        file.execute("DROP INDEX log_of_tip")
        file.execute("ALTER TABLE log DROP COLUMN previous")
        file.execute("ALTER TABLE operation DROP COLUMN target")
        file.execute("PRAGMA user_version = 6")
        file.commit()
    async with open_refs(path) as refs:
        assert await damage(refs) == []
        assert await all_rows(refs) == len(ZONES)
    assert check_chain(path) == wanted
    assert "store.upgrading" in capsys.readouterr().out
    await fill(path, [names.parse("later.example.")])
    async with open_refs(path) as refs:
        assert await damage(refs) == []


def check_chain(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as file:
        found = file.execute("SELECT sequence, previous FROM log ORDER BY sequence").fetchall()
        return [*found, *file.execute("SELECT rows, sum FROM digest WHERE name = 'log'")]
