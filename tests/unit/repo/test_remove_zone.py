"""The removal of a zone, ref by ref as one operation, can be completed after any interruption."""

import msgspec
import pytest

from tests.support.kill_switch import KillSwitch, ProcessKilled
from zonegit.errors import Conflict, Denied, NotFound, Unsafe
from zonegit.objects.ids import ObjectId
from zonegit.repo import heads
from zonegit.repo.change import remove_zone, undo
from zonegit.repo.change.remove_zone import RemovedZone
from zonegit.repo.commit.intent import Intent
from zonegit.repo.inspect import operations
from zonegit.repo.repo import Repo, make_operation_id
from zonegit.store import ref_names
from zonegit.store.ref_log import LogEntry, Moved
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent

from .conftest import FOO, ZONE, TwoOperators

WHY = "it moved away"


@pytest.fixture
async def full(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. with three branches and a tag."""
    tip = (await foo.repo.refs.zone(ZONE, "alice")).heads["main"].target
    for name in ("canary", "next"):
        await foo.repo.refs.move(
            ref_names.branch(ZONE, name), Absent(), tip, foo.repo.origin("branch")
        )
    await foo.repo.refs.move(ref_names.tag(ZONE, "v1"), Absent(), tip, foo.repo.origin("tag"))
    return foo


async def held(repo: Repo) -> dict[RefName, ObjectId]:
    refs = await repo.refs.zone(ZONE, repo.actor)
    found = {ref_names.branch(ZONE, name): tip.target for name, tip in refs.heads.items()}
    return found | {ref_names.tag(ZONE, name): tip.target for name, tip in refs.tags.items()}


async def is_registered(repo: Repo) -> bool:
    try:
        await repo.refs.zone(ZONE, repo.actor)
    except NotFound:
        return False
    return True


async def remove(repo: Repo) -> RemovedZone:
    refs = await repo.refs.zone(ZONE, repo.actor)
    return await remove_zone.remove_zone(repo, refs, force=True, reason=WHY)


async def rows_of(repo: Repo, operation: str) -> list[LogEntry]:
    return (await operations.find_operation(repo, operation)).entries


async def undo_last(repo: Repo) -> None:
    done = await operations.find_operation(repo, None)
    await undo.undo(repo, done, Intent("undo", "undo", operation=make_operation_id()))


async def test_a_zone_is_removed_with_all_refs_in_one_operation_and_main_last(
    full: TwoOperators,
) -> None:
    before = await held(full.repo)
    done = await remove(full.repo)
    assert done.removed == before
    rows = await rows_of(full.repo, done.operation)
    assert {row.ref: row.old for row in rows[:-1]} == before
    assert [row.ref for row in rows[-2:]] == [
        ref_names.branch(ZONE, "main"),
        ref_names.marker(ZONE),
    ]
    assert {(row.command, row.reason) for row in rows} == {(remove_zone.COMMAND, WHY)}
    assert {name: each.entries[-1].ref.short for name, each in done.moves.items()} == {
        name: name for name in ("canary", "main", "next")
    }


async def test_undo_restores_all_refs(full: TwoOperators) -> None:
    before = await held(full.repo)
    await remove(full.repo)
    assert not await is_registered(full.repo)
    await undo_last(full.repo)
    assert await held(full.repo) == before


@pytest.mark.parametrize(("force", "reason"), [(False, None), (True, None), (False, WHY)], ids=str)
async def test_removing_a_zone_with_refs_needs_force_and_a_reason(
    full: TwoOperators, force: bool, reason: str | None
) -> None:
    before = await held(full.repo)
    refs = await full.repo.refs.zone(ZONE, "alice")
    with pytest.raises(Unsafe, match="branches: canary, main, next; tags: v1"):
        await remove_zone.remove_zone(full.repo, refs, force=force, reason=reason)
    assert await held(full.repo) == before


async def test_removing_an_empty_zone_needs_neither(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    refs = await operators.repo.refs.zone(ZONE, "alice")
    done = await remove_zone.remove_zone(operators.repo, refs)
    assert (done.removed, done.moves) == ({}, {})
    assert not await is_registered(operators.repo)


@pytest.mark.parametrize(
    ("last", "after"), [*((n, False) for n in range(1, 11)), *((n, True) for n in range(6, 11))]
)
async def test_a_removal_that_was_killed_is_completed_by_the_same_command_and_undone_as_one(
    full: TwoOperators, last: int, after: bool
) -> None:
    """It has ten writes: five that only test permissions and are refused, four deletions, the
    zone."""
    before = await held(full.repo)
    life = KillSwitch(last, after=after)
    mortal = msgspec.structs.replace(full.repo, refs=life.wrap(full.repo.refs))
    with pytest.raises(ProcessKilled):
        await remove(mortal)
    if await is_registered(full.repo):
        main = ref_names.branch(ZONE, "main")
        left = await held(full.repo)
        assert main in left or not left
        await remove(full.repo)
    assert not await is_registered(full.repo)
    (latest,) = await operations.list_latest(full.repo, 1)
    assert latest.rows == 5
    await undo_last(full.repo)
    assert await held(full.repo) == before


async def test_a_ref_created_meanwhile_makes_the_rest_another_operation(
    full: TwoOperators,
) -> None:
    before = await held(full.repo)
    life = KillSwitch(7, after=True)
    mortal = msgspec.structs.replace(full.repo, refs=life.wrap(full.repo.refs))
    with pytest.raises(ProcessKilled):
        await remove(mortal)
    (first,) = await operations.list_latest(full.repo, 1)
    left = await held(full.repo)
    assert 0 < len(left) < len(before)
    bobs = ref_names.branch(ZONE, "bobs")
    await full.other.refs.move(
        bobs, Absent(), before[ref_names.branch(ZONE, "main")], full.other.origin("branch")
    )
    done = await remove(full.repo)
    assert done.operation != first.operation
    assert set(done.removed) == {*left, bobs}
    await undo_last(full.repo)
    await undo_last(full.repo)
    assert {ref: id for ref, id in (await held(full.repo)).items() if ref != bobs} == before


async def test_a_removal_that_another_operator_began_is_not_continued(full: TwoOperators) -> None:
    life = KillSwitch(7, after=True)
    mortal = msgspec.structs.replace(full.other, refs=life.wrap(full.repo.refs))
    with pytest.raises(ProcessKilled):
        await remove(mortal)
    (bobs,) = await operations.list_latest(full.repo, 1)
    assert (await remove(full.repo)).operation != bobs.operation


async def test_the_removal_of_a_restored_zone_is_another_operation(
    full: TwoOperators,
) -> None:
    first = await remove(full.repo)
    await undo_last(full.repo)
    second = await remove(full.repo)
    assert second.operation != first.operation
    assert not await is_registered(full.repo)


class RestrictedRefs:
    """A ref store behind a bus that forbids this operator to move one of the refs."""

    def __init__(self, refs: object, ref: RefName) -> None:
        self._refs = refs
        self._ref = ref

    def __getattr__(self, name: str) -> object:
        return getattr(self._refs, name)

    async def move(self, ref: RefName, *rest: object) -> Moved:
        if ref == self._ref:
            raise Denied("the bus does not let this user ask that")
        moved: Moved = await self._refs.move(ref, *rest)  # type: ignore[attr-defined]
        return moved


@pytest.mark.parametrize("name", ["main", "canary", "next"])
async def test_nothing_moves_if_one_of_the_refs_may_not_move(full: TwoOperators, name: str) -> None:
    before = await held(full.repo)
    restricted = RestrictedRefs(full.repo.refs, ref_names.branch(ZONE, name))
    sequence = (await full.repo.refs.snapshot()).sequence
    with pytest.raises(Denied):
        await remove(msgspec.structs.replace(full.repo, refs=restricted))
    assert await held(full.repo) == before
    assert (await full.repo.refs.snapshot()).sequence == sequence


async def test_a_concurrent_move_stops_a_removal_and_the_same_command_continues_it(
    full: TwoOperators,
) -> None:
    refs = await full.repo.refs.zone(ZONE, "alice")
    main = ref_names.branch(ZONE, "main")
    await full.import_file(FOO.replace("192.0.2.80", "192.0.2.81"))
    with pytest.raises(Conflict, match=r"has moved to .* removed so far: ") as caught:
        await remove_zone.remove_zone(full.repo, refs, force=True, reason=WHY)
    assert set(await held(full.repo)) == {main}
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(
        "run the same command again to remove the rest; zonegit undo "
    )
    await remove(full.repo)
    assert not await is_registered(full.repo)
