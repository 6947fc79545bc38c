"""A merge of commits that the branch merged and reverted names the revert and the remedy."""

import pytest

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed, tip, zone_at
from zonegit.errors import Conflict, Invalid
from zonegit.objects.ids import CommitId, short
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, merge, proposals, revert
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Outcome, Unchanged
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes


@pytest.fixture
async def forked(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. with a branch mail at the commit of main."""
    await branches.create(foo.repo, ZONE, "mail", await tip(foo, "main"))
    return foo


async def edited(operators: TwoOperators, owner: str, branch: str = "mail") -> CommitId:
    edit = Set(address(owner, "192.0.2.7"))
    return check_committed(await operators.edit([edit], branch)).commit


async def merge_branch(
    operators: TwoOperators, other: str = "mail", *, strict: bool = False
) -> Outcome:
    position = await heads.find_position(operators.repo, ZONE, "main")
    intent = Intent("merge", "merge", strict=strict)
    return await merge.merge(operators.repo, position, await tip(operators, other), intent)


async def revert_commit(
    operators: TwoOperators, commit: CommitId, mainline: int | None = None
) -> CommitId:
    position = await heads.find_position(operators.repo, ZONE, "main")
    intent = Intent("as an operator puts it", "revert")
    outcome = await revert.revert(operators.repo, position, commit, mainline, intent)
    return check_committed(_made(outcome)).commit


def _made(outcome: Outcome) -> Committed:
    assert isinstance(outcome, Committed)
    return outcome


async def is_there(operators: TwoOperators, owner: str) -> bool:
    return (names.parse(owner, ZONE), rrtypes.A) in await zone_at(
        operators, await tip(operators, "main")
    )


async def test_after_the_revert_of_a_fast_forwarded_commit_a_merge_names_the_revert(
    forked: TwoOperators,
) -> None:
    merged = await edited(forked, "mx")
    await merge_branch(forked)
    revert_of_it = await revert_commit(forked, merged)
    with pytest.raises(Conflict) as refused:
        await merge_branch(forked)
    assert short(merged) in refused.value.message
    assert short(revert_of_it) in refused.value.message
    assert f"zonegit revert {short(revert_of_it)}" in str(refused.value.hint)
    await revert_commit(forked, revert_of_it)
    assert await is_there(forked, "mx")
    outcome = await merge_branch(forked)
    assert isinstance(outcome, Unchanged)
    assert outcome.findings == ()


async def test_after_the_revert_of_a_merge_commit_a_merge_names_the_revert(
    forked: TwoOperators,
) -> None:
    await edited(forked, "mx")
    await edited(forked, "other", "main")
    merged = _made(await merge_branch(forked)).commit
    revert_of_it = await revert_commit(forked, merged, 1)
    with pytest.raises(Conflict, match=short(revert_of_it)):
        await merge_branch(forked)
    await revert_commit(forked, revert_of_it)
    assert await is_there(forked, "mx")
    assert isinstance(await merge_branch(forked), Unchanged)


async def test_a_merge_reverted_to_the_merged_side_keeps_that_side(forked: TwoOperators) -> None:
    await edited(forked, "mx")
    await edited(forked, "other", "main")
    merged = _made(await merge_branch(forked)).commit
    await revert_commit(forked, merged, 2)
    outcome = await merge_branch(forked)
    assert isinstance(outcome, Unchanged)
    assert outcome.findings == ()


async def test_the_revert_of_one_of_several_commits_is_a_warning_which_strict_refuses(
    forked: TwoOperators,
) -> None:
    first = await edited(forked, "one")
    await edited(forked, "two")
    await merge_branch(forked)
    revert_of_it = await revert_commit(forked, first)
    outcome = await merge_branch(forked)
    assert isinstance(outcome, Unchanged)
    (found,) = outcome.findings
    assert (found.rule, found.severity) == ("merged-and-reverted", "warning")
    assert short(revert_of_it) in found.message
    with pytest.raises(Invalid, match="merged-and-reverted"):
        await merge_branch(forked, strict=True)


async def test_a_merge_of_later_commits_notes_reverted_changes(forked: TwoOperators) -> None:
    await edited(forked, "mx")
    await edited(forked, "other", "main")
    merged = _made(await merge_branch(forked)).commit
    revert_of_it = await revert_commit(forked, merged, 1)
    await edited(forked, "later")
    outcome = _made(await merge_branch(forked, strict=True))
    assert await is_there(forked, "later")
    assert not await is_there(forked, "mx")
    (found,) = outcome.findings
    assert (found.rule, found.severity) == ("stays-reverted", "note")
    assert f"zonegit revert {short(revert_of_it)} does" in found.message
    await revert_commit(forked, revert_of_it)
    await edited(forked, "last")
    assert _made(await merge_branch(forked)).findings == ()


async def test_changes_restored_by_a_merge_are_not_noted(forked: TwoOperators) -> None:
    merged = await edited(forked, "mx")
    await merge_branch(forked)
    await revert_commit(forked, merged)
    await forked.edit([Set(address("mx", "192.0.2.8"))], "mail")
    position = await heads.find_position(forked.repo, ZONE, "main")
    theirs = await tip(forked, "mail")
    outcome = await merge.merge(
        forked.repo, position, theirs, Intent("merge", "merge"), Choices(preferred="theirs")
    )
    assert await is_there(forked, "mx")
    assert _made(outcome).findings == ()


async def test_several_reverts_are_named_latest_first(forked: TwoOperators) -> None:
    merged = [await edited(forked, owner) for owner in ("one", "two")]
    await merge_branch(forked)
    made = [await revert_commit(forked, each) for each in merged]
    with pytest.raises(Conflict) as refused:
        await merge_branch(forked)
    assert refused.value.details["reverts"].split() == [each.hex() for each in reversed(made)]


async def test_a_merge_that_was_merged_again_is_reverted_with_its_changes(
    forked: TwoOperators,
) -> None:
    await branches.create(forked.repo, ZONE, "staging", await tip(forked, "main"))
    await edited(forked, "mx")
    await edited(forked, "other", "staging")
    staging = await heads.find_position(forked.repo, ZONE, "staging")
    await merge.merge(forked.repo, staging, await tip(forked, "mail"), Intent("m", "merge"))
    await edited(forked, "third", "main")
    merged = _made(await merge_branch(forked, "staging")).commit
    revert_of_it = await revert_commit(forked, merged, 1)
    with pytest.raises(Conflict, match=short(revert_of_it)):
        await merge_branch(forked, "mail")


async def test_records_restored_in_another_way_are_not_noted(forked: TwoOperators) -> None:
    merged = await edited(forked, "mx")
    await merge_branch(forked)
    await revert_commit(forked, merged)
    await edited(forked, "mx", "main")
    outcome = await merge_branch(forked)
    assert isinstance(outcome, Unchanged)
    assert outcome.findings == ()


async def test_a_commit_named_in_a_message_counts_only_if_it_was_merged(
    forked: TwoOperators,
) -> None:
    elsewhere = await edited(forked, "mx")
    await branches.create(forked.repo, ZONE, "old", await tip(forked, "main"))
    for named in (elsewhere, CommitId(bytes(32))):
        position = await heads.find_position(forked.repo, ZONE, "main")
        plan = change_plan.plan_edits([Set(address(f"x{named[0]}", "192.0.2.8"))], ZONE)
        intent = Intent(revert.add_trailer("no revert", named, None), "set")
        await commit_loop.commit(forked.repo, position, plan, intent)
    outcome = await merge_branch(forked, "old")
    assert isinstance(outcome, Unchanged)
    assert outcome.findings == ()


async def test_a_review_reports_a_revert(forked: TwoOperators) -> None:
    merged = await edited(forked, "mx")
    await merge_branch(forked)
    revert_of_it = await revert_commit(forked, merged)
    into = await heads.find_position(forked.repo, ZONE, "main")
    review = await proposals.review(forked.repo, into, merged)
    assert review.refused is not None
    assert review.refused.details["reverts"] == revert_of_it.hex()


async def test_a_revert_names_its_commit_in_any_message(
    forked: TwoOperators,
) -> None:
    merged = await edited(forked, "mx")
    await merge_branch(forked)
    made = await read_zone.read_commit(
        Reader(forked.repo.objects), await revert_commit(forked, merged)
    )
    assert made.message == f"as an operator puts it\n\nThis takes back {merged.hex()}."
    assert revert.add_trailer(made.message, merged, None) == made.message
