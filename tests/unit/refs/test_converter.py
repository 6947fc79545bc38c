"""A migration killed at any write, and opened again, has the same result.

Each write is a durable step of a real store. The kill is before the write, or after it and before
its acknowledgement.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support import commits, vectors
from tests.support.kill_switch import KillSwitch, ProcessKilled
from tests.support.zone_removal import remove_zone

from zonegit.errors import Conflict, Unsafe
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Symref
from zonegit.repo.change import migrate as dumps
from zonegit.store import ref_names, v03_slots
from zonegit.store.memory import MemoryObjects
from zonegit.store.objects import ObjectStore
from zonegit.store.ref_log import LogEntry, Origin, PastEpoch
from zonegit.store.refs import Absent, Anything, Exactly, HeadsOfOperator, ZoneRefs
from zonegit.store.sqlite import open_database
from zonegit.store.v03_slots import Slots
from zonegit.zone import names
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.legacy import converter
from zonegit_refs.sql import schema
from zonegit_refs.sql.refs import SqlRefs, open_refs

FOO = names.parse("foo.com.")
MAIN = ref_names.branch(FOO, "main")
CANARY = ref_names.branch(FOO, "canary")
ORIGIN = Origin("ada", "migrate", "0" * 32)
OBJECTS = dumps.read((vectors.DATA / "v03-store.json").read_bytes(), "dump").objects


@dataclass(frozen=True)
class RefStoreState:
    """The visible state of a ref store."""

    where: HeadsOfOperator
    zone: ZoneRefs
    log: list[LogEntry]
    left: object


@dataclass(frozen=True)
class ConversionHarness:
    """A ref store opened once."""

    refs: SqlRefs
    keeper: RefKeeper
    objects: ObjectStore

    async def convert(self, life: KillSwitch) -> list[LogEntry]:
        return await converter.convert(
            life.wrap(self.refs), life.wrap(self.keeper), life.wrap(self.objects)
        )

    async def state(self) -> RefStoreState:
        return RefStoreState(
            await self.keeper.where("ada"),
            await self.keeper.zone(FOO, "ada"),
            (await self.keeper.since(self.refs.epoch, 0)).entries,
            await self.refs.pending(),
        )


@asynccontextmanager
async def open_harness(path: Path, objects: ObjectStore) -> AsyncIterator[ConversionHarness]:
    async with open_refs(path) as refs:
        yield ConversionHarness(
            refs, RefKeeper(refs, objects, lambda *_: None, clock=lambda: 7.0), objects
        )


@pytest.fixture
async def objects() -> MemoryObjects:
    """Return the objects of the real store, and a tag."""
    store = MemoryObjects()
    await store.put(OBJECTS)
    await store.put([_tag()])
    return store


def _tag() -> Any:
    main = CommitId(ObjectId(vectors.v03_slots()["refs/heads/main"]))
    return commits.tag(commits.StoredCommit(main, main, []), "v1")


@pytest.fixture
def slots() -> Slots:
    return vectors.v03_slots() | {"refs/tags/v1": _tag().id}


async def run_undisturbed(
    path: Path, objects: ObjectStore, slots: Slots
) -> tuple[RefStoreState, int]:
    life = KillSwitch()
    async with open_harness(path, objects) as harness:
        await harness.refs.keep(slots, {}, ORIGIN)
        await harness.convert(life)
        return await harness.state(), life.writes


async def test_main_canary_tags_and_head_arrive_in_place(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    state, _ = await run_undisturbed(tmp_path / "refs", objects, slots)
    assert state.left is None
    assert {name: tip.target for name, tip in state.zone.heads.items()} == {
        "main": slots["refs/heads/main"],
        "canary": slots["refs/heads/canary"],
    }
    assert {name: tip.target for name, tip in state.zone.tags.items()} == {"v1": _tag().id}
    assert state.where.default is not None
    assert (state.where.default.zone, state.where.default.branch) == (FOO, "canary")
    for tip in state.zone.heads.values():
        assert tip.serial is not None
        assert tip.serial == tip.highest
    assert {entry.operation for entry in state.log} == {ORIGIN.operation}


async def test_a_conversion_killed_at_any_write_has_the_same_result_after_a_restart(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    expected, writes = await run_undisturbed(tmp_path / "undisturbed", objects, slots)
    assert writes > 10
    for last in range(1, writes + 1):
        for after in (False, True):
            path = tmp_path / f"{last}-{after}"
            async with open_harness(path, objects) as harness:
                await harness.refs.keep(slots, {}, ORIGIN)
                with pytest.raises(ProcessKilled):
                    await harness.convert(KillSwitch(last, after=after))
                await check_all_named(harness, slots)
            async with open_harness(path, objects) as harness:
                await harness.convert(KillSwitch())
                assert await harness.state() == expected, f"killed at write {last}, {after=}"
                assert await harness.convert(KillSwitch()) == []
                assert await harness.state() == expected


async def test_a_conversion_killed_repeatedly_has_the_same_result(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    expected, writes = await run_undisturbed(tmp_path / "undisturbed", objects, slots)
    path = tmp_path / "refs"
    async with open_harness(path, objects) as harness:
        await harness.refs.keep(slots, {}, ORIGIN)
    for last in range(1, writes + 1):
        async with open_harness(path, objects) as harness:
            with suppress(ProcessKilled):
                await harness.convert(KillSwitch(last, after=bool(last % 2)))
    async with open_harness(path, objects) as harness:
        assert await harness.state() == expected


async def check_all_named(harness: ConversionHarness, slots: Slots) -> None:
    """Check that every stored ref is either converted or still pending."""
    pending = await harness.refs.pending()
    snapshot = await harness.keeper.snapshot()
    named = {tip.target for zone in snapshot.zones for tip in zone.heads.values()}
    named |= {tip.target for zone in snapshot.zones for tip in zone.tags.values()}
    left = pending.slots.values() if pending is not None else ()
    ids = {slot for name, slot in slots.items() if name not in (v03_slots.HEAD, v03_slots.ZONE)}
    assert ids <= named.union(left)


async def test_a_ref_that_moved_between_a_kill_and_the_next_start_is_not_moved_back(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    canary = ObjectId(slots["refs/heads/canary"])
    later = ObjectId(slots["refs/heads/main"])
    path = tmp_path / "refs"
    copied = 2
    async with open_harness(path, objects) as harness:
        await harness.refs.keep(slots, {}, ORIGIN)
        with pytest.raises(ProcessKilled):
            await harness.convert(KillSwitch(copied, after=True))
    async with open_harness(path, objects) as harness:
        theirs = Origin("bob", "reset", "1" * 32, force=True)
        await harness.keeper.move(CANARY, Exactly(canary), later, theirs)
        await harness.convert(KillSwitch())
        state = await harness.state()
    assert state.left is None
    assert state.zone.heads["canary"].target == later


async def test_existing_refs_are_not_moved(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    bar = names.parse("bar.com.")
    home = ref_names.branch(bar, "main")
    await objects.put([encode(Symref(home.path()))])
    async with open_harness(tmp_path / "refs", objects) as harness:
        await harness.keeper.register(bar, Origin("bob", "init", "b" * 32))
        for at, head in enumerate((ref_names.default_head(), ref_names.own_head("ada"))):
            await harness.keeper.point(head, home, Origin("ada", "init", f"{at}" * 32))
        before = await harness.keeper.where("ada")
        await harness.refs.keep(slots, {}, Origin("ada", "migrate", "m" * 32))
        await harness.convert(KillSwitch())
        assert await harness.keeper.where("ada") == before
        assert (await harness.keeper.zone(FOO, "ada")).remembered == "canary"
        assert (await harness.keeper.zone(FOO, "bob")).remembered is None


async def test_a_branch_that_got_another_value_is_a_conflict_and_not_lost(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    async with open_harness(tmp_path / "refs", objects) as harness:
        await harness.refs.keep(slots, {}, ORIGIN)
        await harness.keeper.register(FOO, Origin("bob", "init", "b" * 32))
        other = ObjectId(slots["refs/heads/canary"])
        await harness.keeper.move(MAIN, Absent(), other, Origin("bob", "branch", "2" * 32))
        with pytest.raises(Conflict):
            await harness.convert(KillSwitch())
        pending = await harness.refs.pending()
        assert pending is not None
        assert "refs/heads/main" in pending.slots
        await harness.keeper.move(MAIN, Anything(), None, Origin("bob", "branch", "3" * 32))
        await harness.refs.keep(slots, {}, Origin("ada", "migrate", "4" * 32, force=True))
        await harness.convert(KillSwitch())
        assert (await harness.state()).left is None


async def test_a_serial_that_went_back_needs_force(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    made = commits.commit(FOO, 2_000_000_000)
    await objects.put(made.objects)
    async with open_harness(tmp_path / "refs", objects) as harness:
        await harness.keeper.register(FOO, Origin("bob", "init", "b" * 32))
        await harness.keeper.move(MAIN, Absent(), made.id, Origin("bob", "import", "2" * 32))
        gone = Origin("bob", "zone remove", "3" * 32, force=True)
        await remove_zone(harness.keeper, FOO, gone)
        await harness.refs.keep(slots, {}, ORIGIN)
        with pytest.raises(Unsafe):
            await harness.convert(KillSwitch())
        await harness.refs.keep(slots, {}, Origin("ada", "migrate", "4" * 32, force=True))
        await harness.convert(KillSwitch())
        assert (await harness.state()).zone.heads["main"].highest == 2_000_000_000


async def test_names_of_another_store_are_refused_while_names_wait(
    tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    async with open_harness(tmp_path / "refs", objects) as harness:
        await harness.refs.keep(slots, {}, ORIGIN)
        with pytest.raises(Conflict):
            await harness.refs.keep({**slots, "refs/heads/main": bytes(32)}, {}, ORIGIN)
        pending = await harness.refs.pending()
        assert pending is not None
        assert pending.slots == slots


def schema_of(layout: int) -> list[str]:
    """Return the tables of an earlier layout."""
    since = {
        2: ("TABLE legacy",),
        3: ("log_of_operation", "log_of_actor", "log_of_zone"),
        4: ("log_of_work", "log_of_undone"),
        5: ("TABLE past", "TABLE witness", "TABLE start", "TABLE awaiting", "TABLE owed"),
        6: ("COLUMN installation", "SET installation", "COLUMN recovered", "TABLE replaced"),
        7: ("TABLE digest", "INTO digest"),
        8: ("log_of_tip",),
    }
    absent = [each for made, names in since.items() if made > layout for each in names]
    kept = [each for each in schema.SCHEMA if not any(name in each for name in absent)]
    columns = {
        3: ",\n        because TEXT",
        4: ", undoes TEXT",
        7: ", previous BLOB NOT NULL",
    }
    for made, column in columns.items():
        if made > layout:
            kept = [each.replace(column, "") for each in kept]
    if layout < 7:
        kept = [each.replace(", target BLOB,", ",") for each in kept]
    return kept


@pytest.mark.parametrize("layout", [1, 2, 3, 4, 5, 6])
async def test_a_file_of_an_earlier_layout_is_upgraded_and_keeps_its_content(
    layout: int, tmp_path: Path, objects: MemoryObjects, slots: Slots
) -> None:
    path = tmp_path / "refs"
    async with open_database(path, schema_of(layout), layout):
        pass
    with closing(sqlite3.connect(path)) as file:
        (epoch,) = file.execute("SELECT epoch FROM store").fetchone()
        file.execute("INSERT INTO zone VALUES (?)", (names.parse("bar.com."),))
        file.commit()
    async with open_harness(path, objects) as harness:
        assert harness.refs.epoch == harness.refs.installation == epoch
        await harness.refs.keep(slots, {}, ORIGIN)
        await harness.convert(KillSwitch())
        assert [each.zone for each in (await harness.keeper.snapshot()).zones] == sorted(
            [names.parse("bar.com."), FOO]
        )


async def test_all_backups_of_an_installation_have_one_id(
    tmp_path: Path, objects: MemoryObjects
) -> None:
    """This includes backups of an earlier release, before and after a recovery."""
    path = tmp_path / "refs"
    async with open_database(path, schema_of(5), 5):
        pass
    with closing(sqlite3.connect(path)) as file:
        (epoch,) = file.execute("SELECT epoch FROM store").fetchone()
        file.execute("INSERT INTO past (epoch, sequence) VALUES ('first', 7), (?, 9)", (epoch,))
        file.execute("UPDATE store SET epoch = 'third'")
        file.commit()
    async with open_harness(path, objects) as harness:
        snapshot = await harness.keeper.snapshot()
    assert snapshot.installation == "first"
    assert snapshot.past == [
        PastEpoch(epoch, 9, recovered=True),
        PastEpoch("first", 7, recovered=True),
    ]
