"""The plan and the effect of a recovery, with the real ref store (docs/adr/0030-recovery.md)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from tests.support.kill_switch import KillSwitch, ProcessKilled
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from zonegit.errors import Unavailable
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.change import branches, recover
from zonegit.repo.change.recover import AnswersByBranch, OweSerial, ZonePlan
from zonegit.repo.repo import Repo
from zonegit.store.memory import MemoryObjects
from zonegit.store.recovery import AnsweredSerial, Doubt, Leave, Renew, Witness
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import SqlRefs, open_refs

OTHER = ObjectId(b"\2" * 32)
BAR = names.parse("bar.com.")
LOST = names.parse("lost.com.")
SIGNED = (
    FOO
    + "@ 300 IN RRSIG SOA 13 2 300 20300101000000 20250101000000 1 foo.com. "
    + "A" * 86
    + "==\n"
)


def said(serial: int, tree: ObjectId = OTHER, resolver: str = "one") -> AnsweredSerial:
    return AnsweredSerial(resolver, serial, tree)


async def planned(
    repo: Repo, answers: AnswersByBranch, *, headroom: int = 1000, only: Name | None = None
) -> list[ZonePlan]:
    found = await repo.refs.recovery()
    return await recover.plan(repo, found, answers, headroom, only)


async def finished(repo: Repo, answers: AnswersByBranch, plans: Sequence[ZonePlan]) -> None:
    found = await repo.refs.recovery()
    origin = repo.origin("recover")
    for each in plans:
        await recover.recover_zone(repo, found, answers, 1000, each, origin)


async def serials(repo: Repo, zone: Name = ZONE) -> Mapping[str, int | None]:
    refs = await repo.refs.zone(zone, repo.actor)
    return {branch: tip.serial for branch, tip in refs.heads.items()}


async def test_a_branch_continues_with_the_same_records(foo: TwoOperators) -> None:
    before = (await heads.find_position(foo.repo, ZONE)).commit()
    answers = {ZONE: {"main": [said(9)]}}
    await finished(foo.repo, answers, await planned(foo.repo, answers))
    assert await serials(foo.repo) == {"main": 10}
    now = await heads.find_position(foo.repo, ZONE)
    (plan,) = await planned(foo.repo, {})
    (branch,) = plan.branches
    assert branch.state.commit == now.commit() != before
    (operation,) = (await foo.repo.refs.operations(1)).operations
    assert [(each.command, each.old, each.serial) for each in operation.entries] == [
        ("recover", before, 10)
    ]


async def test_each_branch_has_its_own_verdict(foo: TwoOperators) -> None:
    tip = await heads.find_position(foo.repo, ZONE)
    await branches.create(foo.repo, ZONE, "canary", tip.commit())
    await branches.create(foo.repo, ZONE, "side", tip.commit())
    (plan,) = await planned(foo.repo, {})
    tree = plan.branches[0].state.tree
    assert tree is not None
    answers = {ZONE: {"main": [said(7, tree)], "canary": [said(7)], "gone": [said(44)]}}
    (plan,) = await planned(foo.repo, answers)
    assert {each.branch: type(each.verdict) for each in plan.branches} == {
        "canary": Renew,
        "main": Leave,
        "side": Renew,
    }
    assert [(each.branch, each.answer.serial) for each in plan.lost] == [("gone", 44)]
    await finished(foo.repo, answers, [plan])
    assert await serials(foo.repo) == {"main": 7, "canary": 8, "side": 1007}


async def test_a_signed_zone_gets_no_commit_and_needs_a_later_serial(foo: TwoOperators) -> None:
    await foo.import_file(SIGNED.replace(" 7 ", " 8 "))
    for answers, after in (({ZONE: {"main": [said(12)]}}, 12), ({}, 1007)):
        (plan,) = await planned(foo.repo, answers)
        (branch,) = plan.branches
        assert isinstance(branch.verdict, OweSerial)
        assert branch.verdict.serial == after
    answers = {ZONE: {"main": [said(12)]}}
    await finished(foo.repo, answers, await planned(foo.repo, answers))
    assert await serials(foo.repo) == {"main": 8}
    (owed,) = (await foo.repo.refs.recovery()).owed
    assert (owed.zone, owed.branch, owed.serial) == (ZONE, "main", 12)
    await foo.import_file(SIGNED.replace(" 7 ", " 13 "))
    assert (await foo.repo.refs.recovery()).owed == []


async def test_an_implausible_serial_leaves_its_zone_unchanged(foo: TwoOperators) -> None:
    far = said(7 + (1 << 30) + 1, resolver="liar")
    (plan,) = await planned(foo.repo, {ZONE: {"main": [said(8), far]}})
    assert [doubt.answer for _, doubt in plan.doubts] == [far]
    (plan,) = await planned(foo.repo, {ZONE: {"main": [said(8)]}})
    assert plan.doubts == []


async def test_a_zone_that_changes_meanwhile_is_examined_again(foo: TwoOperators) -> None:
    plans = await planned(foo.repo, {})
    await foo.import_file(FOO.replace(" 7 ", " 20 "))
    await finished(foo.repo, {}, plans)
    assert await serials(foo.repo) == {"main": 1020}


async def test_a_zone_whose_objects_are_lost_is_named_and_others_are_recovered(
    foo: TwoOperators,
) -> None:
    """The object store was restored from an older backup than the refs."""
    await heads.initialise(foo.repo, BAR)
    await foo.import_file(FOO, BAR)
    bar = await heads.find_position(foo.repo, BAR)
    partial = MemoryObjects()
    reader = foo.repo.objects
    for object_id, _ in await reader.list_page():
        raw = (await reader.get([object_id]))[object_id]
        if raw.id == bar.commit():
            continue
        partial._objects[raw.id] = raw
    repo = msgspec.structs.replace(foo.repo, objects=partial)
    plans = {each.zone: each for each in await planned(repo, {})}
    ((_, doubt),) = plans[BAR].doubts
    assert isinstance(doubt, Doubt)
    assert "is not stored" in doubt.reason
    assert plans[ZONE].doubts == []


@pytest.fixture
async def restored(tmp_path: Path) -> AsyncIterator[tuple[SqlRefs, Repo]]:
    """Return three zones in a store, while a resolver has seen later commits."""
    objects = MemoryObjects()
    async with open_refs(tmp_path / "refs.sqlite3") as refs:
        keeper = RefKeeper(refs, objects, lambda objects, entries: None)
        who = Identity("Ada", "ada@example.net", 1_795_232_912)
        repo = Repo(objects, keeper, "ada", lambda: who)
        operators = TwoOperators(repo, repo)
        for zone in (ZONE, BAR):
            await heads.initialise(repo, zone)
            await operators.import_file(FOO, zone)
        assert await refs.record_claim(Witness("one", refs.epoch, refs.latest + 5), ())
        yield refs, repo


ANSWERS = {
    ZONE: {"main": [said(9)]},
    BAR: {"main": [said(7)], "gone": [said(3)]},
    LOST: {"main": [said(70)]},
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("last", range(1, 6))
async def test_a_recovery_killed_at_any_write_is_completed_by_the_next(
    restored: tuple[SqlRefs, Repo], last: int, after: bool
) -> None:
    """At each of its writes, before it or just after it."""
    _, repo = restored
    life = KillSwitch(last, after=after)
    dying = msgspec.structs.replace(
        repo, refs=life.wrap(repo.refs), objects=life.wrap(repo.objects)
    )
    with pytest.raises(ProcessKilled):
        await finished(dying, ANSWERS, await planned(dying, ANSWERS))
    state = await repo.refs.recovery()
    is_done = state.witness is None and state.awaiting == 0
    assert is_done == (last == 5 and after)
    if not is_done:
        with pytest.raises(Unavailable):
            await TwoOperators(repo, repo).import_file(FOO.replace(" 7 ", " 90 "))
        await finished(repo, ANSWERS, await planned(repo, ANSWERS))
    assert (await serials(repo), await serials(repo, BAR)) == ({"main": 10}, {"main": 8})
    assert len((await repo.refs.recovery()).past) == 1
    await TwoOperators(repo, repo).import_file(FOO.replace(" 7 ", " 90 "))


async def test_the_next_recovery_plans_only_the_rest(
    restored: tuple[SqlRefs, Repo],
) -> None:
    _, repo = restored
    plans = await planned(repo, ANSWERS, only=ZONE)
    assert [each.zone for each in plans] == [ZONE]
    await finished(repo, ANSWERS, plans)
    assert [each.zone for each in await planned(repo, ANSWERS)] == [LOST, BAR]


async def test_a_restored_store_is_recognised_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "refs.sqlite3"
    async with open_refs(path) as refs:
        assert not await refs.record_claim(Witness("one", "another", 99), ())
        assert not await refs.record_claim(Witness("one", refs.epoch, 0), ())
        assert await refs.record_claim(Witness("one", refs.epoch, 99), ())
        assert not await refs.record_claim(Witness("two", refs.epoch, 100), ())
    async with open_refs(path) as refs:
        found = (await refs.recovery()).witness
        assert found == Witness("one", refs.epoch, 99)
        assert (await refs.read_end()).restored


async def test_a_later_epoch_proves_a_restore_too(tmp_path: Path) -> None:
    async with open_refs(tmp_path / "refs.sqlite3") as refs:
        assert await refs.record_claim(Witness("one", "later", 1), (refs.epoch,))
