"""The comparison of a branch with main."""

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address
from zonegit.repo import heads
from zonegit.repo.change import branches
from zonegit.repo.commit.edits import Set
from zonegit.repo.inspect import compare
from zonegit.repo.inspect.compare import AheadBehind, BranchStatus


async def apart(operators: TwoOperators, branch: str) -> AheadBehind | None:
    at = await heads.find_position(operators.repo, ZONE, branch)
    return (await compare.read_status(operators.repo, at)).apart


async def test_commits_are_counted_on_both_sides_of_the_merge_base(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "canary", (await heads.find_position(foo.repo)).commit())
    assert await apart(foo, "canary") == AheadBehind(0, 0)
    for name in ("a", "b"):
        await foo.edit([Set(address(name, "192.0.2.1"))], "canary")
    assert await apart(foo, "canary") == AheadBehind(2, 0)
    await foo.edit([Set(address("c", "192.0.2.1"))])
    assert await apart(foo, "canary") == AheadBehind(2, 1)


async def test_main_and_a_branch_without_main_have_no_distance(foo: TwoOperators) -> None:
    tip = (await heads.find_position(foo.repo)).commit()
    await branches.create(foo.repo, ZONE, "canary", tip)
    assert await apart(foo, "main") is None
    await branches.delete(foo.repo, ZONE, "main", force=True)
    assert await apart(foo, "canary") is None


async def test_a_branch_without_a_commit_has_no_tip(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    at = await heads.find_position(operators.repo)
    assert await compare.read_status(operators.repo, at) == BranchStatus()
