"""Reverts of a commit, and resets of a branch: records and serials."""

import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed, tip, zone_at
from zonegit.errors import Conflict, Invalid, Unsafe
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, merge, reset, revert
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Delete, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Outcome, Unchanged
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes

SOA = (ZONE, rrtypes.SOA)


async def revert_commit(
    operators: TwoOperators, commit: CommitId, mainline: int | None = None
) -> Outcome:
    position = await heads.find_position(operators.repo, ZONE, "main")
    return await revert.revert(operators.repo, position, commit, mainline, Intent("r", "revert"))


async def reset_branch(
    operators: TwoOperators, target: CommitId, *, exact: bool = False, force: bool = False
) -> Outcome:
    position = await heads.find_position(operators.repo, ZONE, "main")
    intent = Intent("r", "reset", force)
    return await reset.reset(operators.repo, position, target, intent, exact=exact)


async def edited(
    operators: TwoOperators, owner: str, text: str, branch: str | None = None
) -> Committed:
    return check_committed(await operators.edit([Set(address(owner, text))], branch))


async def test_a_revert_undoes_one_commit_and_keeps_later_ones(foo: TwoOperators) -> None:
    bad = await edited(foo, "api", "192.0.2.81")
    await edited(foo, "later", "192.0.2.7")
    done = check_committed(await revert_commit(foo, bad.commit))
    assert await addresses(foo, done.commit, "api") == ["192.0.2.80"]
    assert await addresses(foo, done.commit, "later") == ["192.0.2.7"]
    assert (done.before, done.serial) == (9, 10)


async def test_a_revert_restores_deleted_records_and_removes_added_ones(
    foo: TwoOperators,
) -> None:
    before = await zone_at(foo, await tip(foo, "main"))
    todo = [Delete(names.parse("www", ZONE)), Set(address("new", "192.0.2.7"))]
    bad = check_committed(await foo.edit(todo))
    done = check_committed(await revert_commit(foo, bad.commit))
    after = await zone_at(foo, done.commit)
    assert {**after, SOA: None} == {**before, SOA: None}


async def test_a_revert_of_records_changed_since_is_a_conflict(foo: TwoOperators) -> None:
    bad = await edited(foo, "api", "192.0.2.81")
    now = await edited(foo, "api", "192.0.2.82")
    found = await revert_commit(foo, bad.commit)
    assert isinstance(found, Conflicted)
    assert [names.text(clash.owner) for clash in found.clashes] == ["api.foo.com."]
    assert await tip(foo, "main") == now.commit


async def test_a_revert_of_an_undone_change_does_nothing(foo: TwoOperators) -> None:
    bad = await edited(foo, "api", "192.0.2.81")
    await revert_commit(foo, bad.commit)
    assert isinstance(await revert_commit(foo, bad.commit), Unchanged)


async def test_a_revert_of_a_revert_is_the_change_again(foo: TwoOperators) -> None:
    change = await edited(foo, "api", "192.0.2.81")
    back = check_committed(await revert_commit(foo, change.commit))
    again = check_committed(await revert_commit(foo, back.commit))
    assert await addresses(foo, again.commit, "api") == ["192.0.2.81"]


async def test_the_first_commit_cannot_be_reverted(foo: TwoOperators) -> None:
    with pytest.raises(Invalid, match="first commit"):
        await revert_commit(foo, await tip(foo, "main"))


async def merged(foo: TwoOperators) -> CommitId:
    """Return a merge into main: main changed a, canary b."""
    await branches.create(foo.repo, ZONE, "canary", await tip(foo, "main"))
    await edited(foo, "a", "192.0.2.11", "main")
    await edited(foo, "b", "192.0.2.12", "canary")
    position = await heads.find_position(foo.repo, ZONE, "main")
    theirs = await tip(foo, "canary")
    return check_committed(
        await merge.merge(foo.repo, position, theirs, Intent("m", "merge"))
    ).commit


async def test_a_merge_is_reverted_to_the_given_parent(foo: TwoOperators) -> None:
    merge = await merged(foo)
    with pytest.raises(Invalid, match="is a merge"):
        await revert_commit(foo, merge)
    done = check_committed(await revert_commit(foo, merge, 1))
    zone = await zone_at(foo, done.commit)
    assert (names.parse("a", ZONE), rrtypes.A) in zone
    assert (names.parse("b", ZONE), rrtypes.A) not in zone


async def test_only_a_merge_has_a_second_parent(foo: TwoOperators) -> None:
    done = await edited(foo, "api", "192.0.2.81")
    with pytest.raises(Invalid, match="no parent 2"):
        await revert_commit(foo, done.commit, 2)


async def test_a_reset_has_the_records_of_its_target_with_a_later_serial(
    foo: TwoOperators,
) -> None:
    target = await tip(foo, "main")
    for number in range(3):
        await edited(foo, "api", f"192.0.2.{number}")
    done = check_committed(await reset_branch(foo, target))
    assert (done.before, done.serial, done.parent) == (10, 11, target)
    before, after = await zone_at(foo, target), await zone_at(foo, done.commit)
    assert {**after, SOA: None} == {**before, SOA: None}
    found = await read_zone.read_commit(Reader(foo.repo.objects), done.commit)
    assert found.parents == (target,)


async def test_the_serial_increases_over_two_resets(foo: TwoOperators) -> None:
    target = await tip(foo, "main")
    await edited(foo, "api", "192.0.2.81")
    first = check_committed(await reset_branch(foo, target))
    second = check_committed(await reset_branch(foo, target))
    assert (first.serial, second.serial) == (9, 10)


async def test_a_reset_to_other_records_under_the_same_serial_takes_the_next_one(
    foo: TwoOperators,
) -> None:
    """Secondaries with this serial would never transfer the records."""
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    there = await edited(foo, "api", "192.0.2.81", "canary")
    here = await edited(foo, "api", "192.0.2.82", "main")
    assert there.serial == here.serial
    done = check_committed(await reset_branch(foo, there.commit))
    assert (done.is_new, done.serial) == (True, here.serial + 1)
    assert await addresses(foo, done.commit, "api") == ["192.0.2.81"]


async def test_a_reset_to_the_current_tip_does_nothing(foo: TwoOperators) -> None:
    assert isinstance(await reset_branch(foo, await tip(foo, "main")), Unchanged)


async def test_a_reset_forward_moves_to_the_same_commit(foo: TwoOperators) -> None:
    """Its serial is later than all that main had, so secondaries follow."""
    await branches.create(foo.repo, ZONE, "canary", await tip(foo, "main"))
    ahead = await edited(foo, "api", "203.0.113.80", "canary")
    done = check_committed(await reset_branch(foo, ahead.commit))
    assert (done.commit, done.is_new) == (ahead.commit, False)


async def test_an_exact_reset_back_needs_force(foo: TwoOperators) -> None:
    target = await tip(foo, "main")
    await edited(foo, "api", "192.0.2.81")
    with pytest.raises(Unsafe, match="secondaries"):
        await reset_branch(foo, target, exact=True)
    done = check_committed(await reset_branch(foo, target, exact=True, force=True))
    assert (done.commit, done.serial) == (target, 7)
    assert (await edited(foo, "api", "192.0.2.82")).serial == 9


async def test_a_reset_that_lost_a_race_fails(foo: TwoOperators) -> None:
    target = await tip(foo, "main")
    await edited(foo, "api", "192.0.2.81")
    stale = await heads.find_position(foo.repo, ZONE, "main")
    now = await edited(foo, "later", "192.0.2.7")
    with pytest.raises(Conflict):
        await reset.reset(foo.repo, stale, target, Intent("r", "reset"), exact=False)
    assert await tip(foo, "main") == now.commit


async def test_a_reset_to_a_commit_of_another_zone_is_refused(foo: TwoOperators) -> None:
    bar = names.parse("bar.org.")
    await heads.initialise(foo.repo, bar)
    other = check_committed(await foo.import_file(FOO, bar))
    with pytest.raises(Invalid, match=r"of bar\.org\."):
        await reset_branch(foo, other.commit, exact=True, force=True)
