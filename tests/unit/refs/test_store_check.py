"""A store is checked as a whole while it is used, and its damage is reported."""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.waiting import eventually

from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_log import Origin
from zonegit.store.refs import CheckedStore
from zonegit.zone import names
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs
from zonegit_refs.store_check import StoreCheck


async def fill(path: Path, zones: str) -> None:
    async with open_refs(path) as refs:
        keeper = RefKeeper(refs, MemoryObjects(), lambda objects, entries: None)
        for zone in zones:
            origin = Origin("ada", "add", secrets.token_hex(16))
            await keeper.register(names.parse(f"{zone}.example."), origin)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        assert other.execute(statement).rowcount > 0


async def test_a_store_is_checked_after_each_start_and_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "refs.sqlite3"
    await fill(path, "abcd")
    async with open_refs(path) as refs:
        check = StoreCheck(refs)
        keeper = RefKeeper(refs, MemoryObjects(), lambda objects, entries: None, check=check)
        async with check.running():
            await eventually(lambda: check.state().done)
            assert check.state() == CheckedStore(done=True, rows=4)
            change(path, "UPDATE log SET actor = 'eve' WHERE sequence = 2")
            assert (await keeper.check()).count == 0
            assert not (await keeper.check(again=True)).done
            await eventually(lambda: check.state().done)
            found = await keeper.check()
    assert (found.rows, found.count) == (4, 1)
    assert "the row (2," in found.damage[0]
    logged = capsys.readouterr().out
    assert "store.damaged" in logged
    assert "store.checked" in logged


async def test_an_index_that_lacks_a_row_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "refs.sqlite3"
    await fill(path, "abcd")
    with closing(sqlite3.connect(path)) as other, other:
        # The index is emptied by damage, without SQLite.
        (root,) = other.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'log_of_actor'"
        ).fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    octets = bytearray(path.read_bytes())
    at = (root - 1) * size
    octets[at + 3 : at + 5] = (3).to_bytes(2)
    path.write_bytes(octets)
    async with open_refs(path) as refs:
        check = StoreCheck(refs)
        async with check.running():
            await eventually(lambda: check.state().done)
            assert any("log_of_actor" in each for each in check.state().damage)
