"""The change of one commit on another branch: its author, merges, and conflicts."""

import pytest

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed, tip, zone_at
from zonegit.errors import Invalid, NotFound
from zonegit.merge import conflicts
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, cherry_pick, merge, revert
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.conflicts import NO_CHOICES, Choices, Conflicted
from zonegit.repo.commit.edits import Add, Delete, Remove, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes


@pytest.fixture
async def forked(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. with a branch canary at the commit of main, serial 7."""
    await branches.create(foo.repo, ZONE, "canary", await tip(foo, "main"))
    return foo


async def cherry_pick_commit(
    operators: TwoOperators,
    commit: CommitId,
    mainline: int | None = None,
    choices: Choices = NO_CHOICES,
) -> Outcome:
    at = await heads.find_position(operators.repo, ZONE, "main")
    return await cherry_pick.cherry_pick(
        operators.repo, at, commit, mainline, Intent("p", "x"), choices
    )


async def test_a_pick_takes_one_change_with_its_author_and_a_new_committer(
    forked: TwoOperators,
) -> None:
    at = await heads.find_position(forked.other, ZONE, "canary")
    plan = change_plan.plan_edits([Set(address("api", "192.0.2.81"))], ZONE)
    made = check_committed(
        await commit_loop.commit(forked.other, at, plan, Intent("by bob", "set"))
    )
    await forked.edit([Set(address("later", "192.0.2.7"))], "canary")
    done = check_committed(await cherry_pick_commit(forked, made.commit))
    found = await read_zone.read_commit(Reader(forked.repo.objects), done.commit)
    assert (found.author.name, found.committer.name) == ("bob", "alice")
    assert {names.text(owner) for owner, _ in done.changes} == {"api.foo.com."}
    assert (done.before, done.serial, len(found.parents)) == (7, 8, 1)


async def test_a_pick_merges_with_other_records_of_the_same_rrset(forked: TwoOperators) -> None:
    await forked.edit([Add(address("api", "192.0.2.81"))], "canary")
    await forked.edit([Add(address("api", "192.0.2.82"))], "main")
    done = check_committed(await cherry_pick_commit(forked, await tip(forked, "canary")))
    assert await addresses(forked, done.commit, "api") == [
        "192.0.2.80", "192.0.2.81", "192.0.2.82",
    ]  # fmt: skip


async def test_picking_a_change_that_the_branch_has_does_nothing(forked: TwoOperators) -> None:
    picked = check_committed(await forked.edit([Set(address("api", "192.0.2.81"))], "canary"))
    assert check_committed(await cherry_pick_commit(forked, picked.commit))
    assert isinstance(await cherry_pick_commit(forked, picked.commit), Unchanged)
    assert isinstance(await cherry_pick_commit(forked, await tip(forked, "main")), Unchanged)


async def test_a_reverted_change_can_be_picked_again(forked: TwoOperators) -> None:
    made = check_committed(await forked.edit([Set(address("api", "192.0.2.81"))], "main"))
    at = await heads.find_position(forked.repo, ZONE, "main")
    check_committed(await revert.revert(forked.repo, at, made.commit, None, Intent("r", "revert")))
    done = check_committed(await cherry_pick_commit(forked, made.commit))
    assert await addresses(forked, done.commit, "api") == ["192.0.2.81"]


async def test_conflicts_are_named_and_can_be_decided(forked: TwoOperators) -> None:
    await forked.edit([Set(address("api", "192.0.2.81"))], "canary")
    before = check_committed(await forked.edit([Set(address("api", "192.0.2.82"))], "main"))
    picked = await tip(forked, "canary")
    found = await cherry_pick_commit(forked, picked)
    assert isinstance(found, Conflicted)
    assert await tip(forked, "main") == before.commit
    decisions = [conflicts.decide(clash, "theirs") for clash in found.clashes]
    done = check_committed(await cherry_pick_commit(forked, picked, choices=Choices(decisions)))
    assert await addresses(forked, done.commit, "api") == ["192.0.2.81"]
    assert isinstance(
        await cherry_pick_commit(forked, picked, choices=Choices(preferred="ours")), Unchanged
    )


async def test_a_decision_about_records_changed_since_is_needed_again(
    forked: TwoOperators,
) -> None:
    await forked.edit([Set(address("api", "192.0.2.81"))], "canary")
    await forked.edit([Set(address("api", "192.0.2.82"))], "main")
    picked = await tip(forked, "canary")
    found = await cherry_pick_commit(forked, picked)
    assert isinstance(found, Conflicted)
    await forked.edit([Set(address("api", "192.0.2.83"))], "main")
    decided = Choices([conflicts.decide(clash, "theirs") for clash in found.clashes])
    again = await cherry_pick_commit(forked, picked, choices=decided)
    assert isinstance(again, Conflicted)
    assert again.clashes[0].ours == address("api", "192.0.2.83")


async def test_the_first_commit_cannot_be_picked(forked: TwoOperators) -> None:
    with pytest.raises(Invalid, match="is the first commit"):
        await cherry_pick_commit(forked, await tip(forked, "canary"))


async def test_a_merge_is_picked_as_the_change_to_the_given_parent(
    forked: TwoOperators,
) -> None:
    await branches.create(forked.repo, ZONE, "staging", await tip(forked, "main"))
    await forked.edit([Set(address("a", "192.0.2.11"))], "canary")
    await forked.edit([Set(address("b", "192.0.2.12"))], "staging")
    at = await heads.find_position(forked.repo, ZONE, "canary")
    theirs = await tip(forked, "staging")
    merged = check_committed(
        await merge.merge(forked.repo, at, theirs, Intent("m", "merge"))
    ).commit
    with pytest.raises(Invalid, match="is a merge"):
        await cherry_pick_commit(forked, merged)
    zone = await zone_at(
        forked, check_committed(await cherry_pick_commit(forked, merged, 1)).commit
    )
    assert (names.parse("b", ZONE), rrtypes.A) in zone
    assert (names.parse("a", ZONE), rrtypes.A) not in zone


async def test_picking_onto_a_branch_without_a_commit_is_refused(forked: TwoOperators) -> None:
    await forked.edit([Set(address("api", "192.0.2.81"))], "canary")
    nowhere = BranchPosition(ZONE, "empty", None)
    with pytest.raises(NotFound, match="no commit yet"):
        await cherry_pick.cherry_pick(
            forked.repo, nowhere, await tip(forked, "canary"), None, Intent("p", "x")
        )


async def test_a_revert_affects_only_its_records(forked: TwoOperators) -> None:
    bad = check_committed(await forked.edit([Add(address("api", "203.0.113.1"))], "main"))
    await forked.edit([Add(address("api", "192.0.2.82"))], "main")
    at = await heads.find_position(forked.repo, ZONE, "main")
    done = check_committed(await revert.revert(forked.repo, at, bad.commit, None, Intent("r", "x")))
    assert await addresses(forked, done.commit, "api") == ["192.0.2.80", "192.0.2.82"]


async def test_a_deletion_against_an_added_record_is_a_conflict(
    forked: TwoOperators,
) -> None:
    name = names.parse("api", ZONE)
    await forked.edit([Delete(name)], "canary")
    await forked.edit([Add(address("api", "192.0.2.82"))], "main")
    found = await cherry_pick_commit(forked, await tip(forked, "canary"))
    assert isinstance(found, Conflicted)
    assert found.clashes[0].reason == "deleted against modified"
    gone = Remove(name, rrtypes.A, (bytes((192, 0, 2, 82)),))
    await forked.edit([gone], "main")
    assert check_committed(
        await cherry_pick_commit(forked, await tip(forked, "canary"))
    ).changes == {(name, rrtypes.A): None}
