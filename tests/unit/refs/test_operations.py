"""An operation belongs to the operator who started it."""

from pathlib import Path

import pytest

from zonegit.errors import Invalid
from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_log import Origin
from zonegit.zone import names
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs


async def test_an_operation_of_another_actor_cannot_be_extended(tmp_path: Path) -> None:
    """An undo of the operation would also revert the addition."""
    async with open_refs(tmp_path / "refs") as refs:
        keeper = RefKeeper(refs, MemoryObjects(), lambda objects, entries: None)
        await keeper.register(names.parse("foo.com."), Origin("ada", "init", "a" * 16))
        with pytest.raises(Invalid, match="used for an operation of another operator"):
            await keeper.register(names.parse("bar.org."), Origin("bob", "init", "a" * 16))
        assert len((await keeper.snapshot()).zones) == 1
        await keeper.register(names.parse("sub.foo.com."), Origin("ada", "init", "a" * 16))
        (found,) = (await keeper.operations(10)).operations
        assert found.rows == 2


async def test_old_operations_are_reached_in_bounded_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zonegit_refs.sql.operations.MAX_SCANNED_ROWS", 2)
    async with open_refs(tmp_path / "refs") as refs:
        keeper = RefKeeper(refs, MemoryObjects(), lambda objects, entries: None)
        for number in range(7):
            operation = f"{number // 3:016d}"
            await keeper.register(names.parse(f"z{number}."), Origin("ada", "init", operation))
        page = await keeper.operations(10)
        found = list(page.operations)
        while page.before is not None:
            page = await keeper.operations(10, page.before)
            found += page.operations
        assert [each.rows for each in found] == [1, 3, 3]
