"""Operations that are named by a commit they made."""

import pytest

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed, tip
from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.repo import heads
from zonegit.repo.change import branches, merge, undo
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Preview
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.commit_operations import find_named_operation
from zonegit.repo.repo import make_operation_id


async def test_a_commit_names_the_operation_that_made_it(foo: TwoOperators) -> None:
    made = _check(await _edit(foo, "api", "192.0.2.81"))
    await foo.edit([Set(address("later", "192.0.2.7"))])
    for text in (made.commit.hex(), made.commit.hex()[:12], made.commit.hex()[:8]):
        found = await find_named_operation(foo.repo, text)
        assert found.operation == made.moved.entries[0].operation


async def test_an_operation_id_still_names_itself(foo: TwoOperators) -> None:
    made = _check(await _edit(foo, "api", "192.0.2.81"))
    operation = made.moved.entries[0].operation
    for text in (operation, operation[:12], operation[:4]):
        assert (await find_named_operation(foo.repo, text)).operation == operation


async def test_a_branch_created_at_a_commit_is_not_its_operation(foo: TwoOperators) -> None:
    made = _check(await _edit(foo, "api", "192.0.2.81"))
    await branches.create(foo.repo, ZONE, "canary", made.commit)
    found = await find_named_operation(foo.repo, made.commit.hex())
    assert found.operation == made.moved.entries[0].operation


async def test_two_branches_that_moved_to_a_commit_are_named(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    made = _check(await _edit_on(foo, "canary"))
    at = await heads.find_position(foo.repo, ZONE, "main")
    await merge.merge(foo.repo, at, made.commit, Intent("m", "merge"))
    with pytest.raises(
        Invalid, match=r"\(set of foo\.com\. canary\), .* \(merge of foo\.com\."
    ) as error:
        await find_named_operation(foo.repo, made.commit.hex())
    assert str(error.value.hint).count("zonegit undo") == 2


async def test_a_commit_of_a_deleted_branch_is_found(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    made = _check(await _edit_on(foo, "canary"))
    await branches.delete(foo.repo, ZONE, "canary", force=True)
    found = await find_named_operation(foo.repo, made.commit.hex())
    assert found.operation == made.moved.entries[0].operation


async def test_an_unknown_id_is_not_found(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="no operation or commit"):
        await find_named_operation(foo.repo, "0123456789ab")


async def test_an_ambiguous_prefix_names_the_candidates(foo: TwoOperators) -> None:
    made = _check(await _edit(foo, "api", "192.0.2.81"))
    intent = Intent("same", "set", operation=made.commit.hex()[:32])
    plan = change_plan.plan_edits([Set(address("b", "192.0.2.9"))], ZONE)
    at = await heads.find_position(foo.repo, ZONE)
    check_committed(await commit_loop.commit(foo.repo, at, plan, intent))
    with pytest.raises(Invalid, match=r"is ambiguous: operation [0-9a-f]{12}, commit [0-9a-f]{12}"):
        await find_named_operation(foo.repo, made.commit.hex()[:12])


async def test_a_commit_that_no_branch_moved_to_is_explained(foo: TwoOperators) -> None:
    at = await heads.find_position(foo.repo, ZONE)
    plan = change_plan.plan_edits([Set(address("b", "192.0.2.9"))], ZONE)
    preview = await commit_loop.commit(foo.repo, at, plan, Intent("p", "set", dry_run=True))
    assert isinstance(preview, Preview)
    await foo.repo.objects.put(preview.objects)
    commit = preview.objects[-1].id
    with pytest.raises(NotFound, match="it came with later commits") as error:
        await find_named_operation(foo.repo, commit.hex())
    assert "zonegit revert" in str(error.value.hint)


async def test_the_refusal_names_the_command_to_run_first(foo: TwoOperators) -> None:
    first = _check(await _edit(foo, "api", "192.0.2.81"))
    at = await heads.find_position(foo.other, ZONE)
    plan = change_plan.plan_edits([Set(address("b", "192.0.2.9"))], ZONE)
    later = check_committed(await commit_loop.commit(foo.other, at, plan, Intent("l", "set")))
    done = await find_named_operation(foo.repo, first.commit.hex())
    intent = Intent("u", "undo", operation=make_operation_id())
    with pytest.raises(Conflict) as error:
        await undo.undo(foo.repo, done, intent)
    operation = operations.shorten_id(later.moved.entries[0].operation)
    assert error.value.hint == (
        f"undo the latest one first, by bob: zonegit undo {operation};"
        f" to reverse one commit only: zonegit revert {first.commit.hex()[:12]}"
    )


def _check(made: Committed | None) -> Committed:
    assert made is not None
    return made


async def _edit(foo: TwoOperators, owner: str, text: str) -> Committed | None:
    return await foo.edit([Set(address(owner, text))])


async def _edit_on(foo: TwoOperators, branch: str) -> Committed | None:
    return await foo.edit([Set(address("on", "192.0.2.44"))], branch)
