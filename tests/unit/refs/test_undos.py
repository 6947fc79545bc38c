"""undo and redo without an argument depend only on the log."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.model import Symref
from zonegit.store import ref_names
from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_log import Origin
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs


class OperationLog:
    """A ref store whose operations register and remove zones with names of one letter."""

    def __init__(self, keeper: RefKeeper) -> None:
        self.keeper = keeper

    async def add(self, *zones: str, by: str = "ada") -> str:
        return await self._all("register", zones, by, "zone add", None)

    async def remove(self, *zones: str, undoes: str | None, by: str = "ada") -> str:
        return await self._all("unregister", zones, by, "undo", undoes)

    async def add_again(self, *zones: str, undoes: str, by: str = "ada") -> str:
        return await self._all("register", zones, by, "redo", undoes)

    async def _all(
        self, verb: str, zones: tuple[str, ...], by: str, reason: str, undoes: str | None
    ) -> str:
        operation = f"{len(await self._every()):08d}" + "0" * 8
        origin = Origin(by, reason, operation, undoes=undoes)
        for zone in zones:
            await getattr(self.keeper, verb)(name(zone), origin)
        return operation

    async def _every(self) -> list[str]:
        return [each.operation for each in (await self.keeper.operations(1_000)).operations]

    async def undoable(self, by: str = "ada") -> str:
        return (await self.keeper.operation(by, None)).operation

    async def redoable(self, by: str = "ada") -> str:
        return (await self.keeper.operation(by, None, redo=True)).operation


def name(zone: str) -> Name:
    return names.parse(f"{zone}.example.")


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[OperationLog]:
    async with open_refs(tmp_path / "refs") as refs:
        yield OperationLog(RefKeeper(refs, MemoryObjects(), lambda objects, entries: None))


async def test_a_redo_that_did_not_complete_is_named_and_completed_by_redo(
    log: OperationLog,
) -> None:
    both = await log.add("a", "b")
    undo = await log.remove("a", "b", undoes=both)
    redo = await log.add_again("a", undoes=undo)
    with pytest.raises(Conflict, match=f"redo {redo[:12]} did not complete") as caught:
        await log.undoable()
    assert f"zonegit undo {redo[:12]}" in str(caught.value.hint)
    assert await log.redoable() == undo
    await log.keeper.register(name("b"), Origin("ada", "redo", redo, undoes=undo))
    assert await log.undoable() == both


async def test_repeated_undos_go_back_and_repeated_redos_go_forward(log: OperationLog) -> None:
    first, second = await log.add("a"), await log.add("b")
    assert await log.undoable() == second
    undo_of_second = await log.remove("b", undoes=second)
    assert await log.undoable() == first
    undo_of_first = await log.remove("a", undoes=first)
    with pytest.raises(NotFound, match="nothing left to undo"):
        await log.undoable()
    assert await log.redoable() == undo_of_first
    await log.add_again("a", undoes=undo_of_first)
    assert await log.redoable() == undo_of_second
    assert await log.undoable() == first
    await log.add_again("b", undoes=undo_of_second)
    with pytest.raises(NotFound, match="nothing to redo"):
        await log.redoable()
    assert await log.undoable() == second


async def test_an_operation_may_be_undone_and_redone_repeatedly(log: OperationLog) -> None:
    first = await log.add("a")
    for _ in range(5):
        assert await log.undoable() == first
        undo = await log.remove("a", undoes=first)
        assert await log.redoable() == undo
        await log.add_again("a", undoes=undo)


async def test_after_another_operation_of_the_actor_redo_fails_and_names_it(
    log: OperationLog,
) -> None:
    first = await log.add("a")
    undo = await log.remove("a", undoes=first)
    await log.add("b", by="bob")
    assert await log.redoable() == undo
    other = await log.add("c")
    with pytest.raises(NotFound, match=f"operation {other[:12]} came after") as refused:
        await log.redoable()
    assert f"zonegit undo {undo[:12]}" in str(refused.value.hint)


async def test_moves_of_heads_do_not_count_for_undo_and_redo(tmp_path: Path) -> None:
    objects = MemoryObjects()
    async with open_refs(tmp_path / "refs") as refs:
        log = OperationLog(RefKeeper(refs, objects, lambda objects, entries: None))
        first = await log.add("a")
        await log.add("b", by="bob")
        branch = ref_names.branch(name("b"), "main")
        await objects.put([encode(Symref(branch.path()))])
        head = ref_names.own_head("ada")
        await log.keeper.point(head, branch, Origin("ada", "zone switch", "s" * 16))
        assert await log.undoable() == first
        undo = await log.remove("a", undoes=first)
        await log.keeper.unpoint(head, Origin("ada", "undo", "t" * 16))
        assert await log.redoable() == undo


async def test_an_operation_undone_by_another_operator_counts_as_undone(log: OperationLog) -> None:
    first, second = await log.add("a"), await log.add("b")
    undo = await log.remove("b", undoes=second, by="bob")
    assert await log.undoable() == first
    assert await log.redoable(by="bob") == undo
    with pytest.raises(NotFound, match="ada has nothing to redo"):
        await log.redoable()


async def test_an_undo_that_was_undone_by_its_id_counts_as_redone(log: OperationLog) -> None:
    first = await log.add("a")
    undo = await log.remove("a", undoes=first)
    redo = await log.add_again("a", undoes=undo, by="bob")
    assert await log.undoable() == first
    with pytest.raises(NotFound):
        await log.redoable()
    third = await log.remove("a", undoes=redo)
    assert (await log.keeper.operation("ada", first)).undone_by is not None
    assert await log.redoable() == third


async def test_after_a_partial_undo_the_operation_is_still_the_next_to_be_undone(
    log: OperationLog,
) -> None:
    await log.add("z")
    both = await log.add("a", "b")
    half = await log.remove("a", undoes=both)
    assert await log.undoable() == both
    told = await log.keeper.operation("ada", None)
    assert told.undone_by is not None
    assert (told.undone_by.operation, told.undone_in_part) == (half, True)
    await log.keeper.unregister(name("b"), Origin("ada", "undo", half, undoes=both))
    assert await log.undoable() != both
    assert await log.redoable() == half


async def test_an_operation_undoes_one_other_operation_of_the_log(log: OperationLog) -> None:
    first, second = await log.add("a"), await log.add("b")
    with pytest.raises(NotFound, match="to take back"):
        await log.remove("a", undoes="f" * 16)
    why = Origin("ada", "undo", "u" * 16, undoes=first)
    await log.keeper.unregister(name("a"), why)
    for other in (None, second):
        with pytest.raises(Invalid, match="that takes back another one"):
            await log.keeper.unregister(name("b"), Origin("ada", "undo", "u" * 16, undoes=other))


async def test_the_number_of_rows_read_is_bounded(
    log: OperationLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zonegit_refs.sql.undos.MAX_ROWS", 3)
    await log.add("a")
    for zone in "bcd":
        await log.remove(zone, undoes=await log.add(zone))
    with pytest.raises(NotFound, match="nothing left to undo"):
        await log.undoable()


async def test_undos_of_an_earlier_layout_are_known_by_the_digits_in_their_reason(
    tmp_path: Path,
) -> None:
    path = tmp_path / "refs"
    async with open_refs(path) as refs:
        log = OperationLog(RefKeeper(refs, MemoryObjects(), lambda objects, entries: None))
        first, second = await log.add("a"), await log.add("b")
        await log.remove("b", undoes=second)
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE log SET reason = 'undo ' || substr(undoes, 1, 12) WHERE undoes <> ''")
        for index in ("log_of_work", "log_of_undone", "log_of_tip"):
            file.execute(f"DROP INDEX {index}")
        for table in ("past", "witness", "start", "awaiting", "owed", "replaced", "digest"):
            file.execute(f"DROP TABLE {table}")
        for column in ("undoes", "previous"):
            file.execute(f"ALTER TABLE log DROP COLUMN {column}")
        file.execute("ALTER TABLE store DROP COLUMN installation")
        file.execute("ALTER TABLE operation DROP COLUMN target")
        file.execute("PRAGMA user_version = 3")
        file.commit()
    async with open_refs(path) as refs:
        log = OperationLog(RefKeeper(refs, MemoryObjects(), lambda objects, entries: None))
        assert await log.undoable() == first
