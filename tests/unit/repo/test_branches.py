"""Renames of branches keep every commit, and the reflog keeps every move."""

import msgspec
import pytest

from tests.support.kill_switch import KillSwitch, ProcessKilled
from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed, tip
from zonegit.errors import Conflict, Invalid, NotFound, Unsafe
from zonegit.objects.ids import CommitId
from zonegit.repo import heads
from zonegit.repo.change import branches
from zonegit.repo.commit.edits import Set
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_log import LogEntry


async def canary(operators: TwoOperators) -> CommitId:
    """Create a branch canary with a commit of its own."""
    await branches.create(operators.repo, ZONE, "canary", await tip(operators, "main"))
    return check_committed(
        await operators.edit([Set(address("api", "192.0.2.9"))], "canary")
    ).commit


async def tips(repo: Repo) -> dict[str, bytes]:
    refs = await repo.refs.zone(ZONE, repo.actor)
    return {name: head.target for name, head in refs.heads.items()}


async def log(repo: Repo) -> list[LogEntry]:
    epoch = (await repo.refs.since("", 0)).epoch
    return (await repo.refs.since(epoch, 0)).entries


async def test_a_renamed_branch_keeps_its_commit_in_one_operation(foo: TwoOperators) -> None:
    commit = await canary(foo)
    before = len(await log(foo.repo))
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    assert await tips(foo.repo) == {"main": await tip(foo, "main"), "trial": commit}
    written = (await log(foo.repo))[before:]
    assert [(entry.ref.short, entry.old, entry.new) for entry in written] == [
        ("trial", None, commit),
        ("canary", commit, None),
    ]
    assert len({entry.operation for entry in written}) == 1


async def test_the_heads_of_a_renamed_branch_follow_it(foo: TwoOperators) -> None:
    await canary(foo)
    await branches.checkout(foo.repo, ZONE, "canary")
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    assert (await heads.find_position(foo.repo)).branch == "trial"
    assert (await heads.find_position(foo.repo, ZONE)).branch == "trial"
    assert (await heads.find_position(foo.other)).branch == "main"


@pytest.mark.parametrize("after", [False, True])
async def test_a_rename_killed_at_any_write_is_completed_by_the_same_command(
    foo: TwoOperators, after: bool
) -> None:
    commit = await canary(foo)
    await branches.checkout(foo.repo, ZONE, "canary")
    writes = 4
    for last in range(1, writes + 1):
        life = KillSwitch(last, after=after)
        dying = msgspec.structs.replace(
            foo.repo, refs=life.wrap(foo.repo.refs), objects=life.wrap(foo.repo.objects)
        )
        with pytest.raises(ProcessKilled):
            await branches.rename(dying, ZONE, "canary", "trial")
        assert commit in (await tips(foo.repo)).values()
        await branches.rename(foo.repo, ZONE, "canary", "trial")
        assert set(await tips(foo.repo)) == {"main", "trial"}
        assert await tip(foo, "trial") == commit
        assert (await heads.find_position(foo.repo)).branch == "trial"
        created, deleted = [
            entry for entry in (await log(foo.repo))[-4:] if entry.ref.space == "heads"
        ]
        assert (created.ref.short, deleted.ref.short) == ("trial", "canary")
        assert created.operation == deleted.operation
        await branches.rename(foo.repo, ZONE, "trial", "canary")


async def test_a_commit_between_a_kill_and_the_next_try_is_renamed_too(
    foo: TwoOperators,
) -> None:
    await canary(foo)
    created = 1
    dying = msgspec.structs.replace(
        foo.repo, refs=KillSwitch(created, after=True).wrap(foo.repo.refs)
    )
    with pytest.raises(ProcessKilled):
        await branches.rename(dying, ZONE, "canary", "trial")
    later = await foo.edit([Set(address("api", "192.0.2.10"))], "canary")
    assert later is not None
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    assert (await tips(foo.repo))["trial"] == later.commit
    assert "canary" not in await tips(foo.repo)


async def test_a_name_deleted_between_a_kill_and_the_next_try_is_created_again(
    foo: TwoOperators,
) -> None:
    commit = await canary(foo)
    for _ in ("for the first time", "after it was there and deleted"):
        created = 1
        dying = msgspec.structs.replace(
            foo.repo, refs=KillSwitch(created, after=True).wrap(foo.repo.refs)
        )
        with pytest.raises(ProcessKilled):
            await branches.rename(dying, ZONE, "canary", "trial")
        await branches.delete(foo.repo, ZONE, "trial")
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    assert await tips(foo.repo) == {"main": await tip(foo), "trial": commit}


async def test_a_new_branch_is_not_taken_for_the_renamed_one(
    foo: TwoOperators,
) -> None:
    commit = await canary(foo)
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    await branches.create(foo.repo, ZONE, "canary", commit)
    with pytest.raises(Conflict, match="'trial' already"):
        await branches.rename(foo.repo, ZONE, "canary", "trial")
    assert await tip(foo, "trial") == commit
    assert "canary" in await tips(foo.repo)


async def test_a_branch_of_the_new_name_is_a_conflict_and_nothing_moves(foo: TwoOperators) -> None:
    await canary(foo)
    await branches.create(foo.repo, ZONE, "trial", await tip(foo, "canary"))
    before = await log(foo.repo)
    with pytest.raises(Conflict, match="'trial' already"):
        await branches.rename(foo.repo, ZONE, "canary", "trial", force=True)
    assert await log(foo.repo) == before


async def test_renaming_the_served_branch_needs_force(foo: TwoOperators) -> None:
    commit = await tip(foo, "main")
    with pytest.raises(Unsafe, match="served from main"):
        await branches.rename(foo.repo, ZONE, "main", "live")
    await branches.rename(foo.repo, ZONE, "main", "live", force=True)
    assert await tips(foo.repo) == {"live": commit}


@pytest.mark.parametrize(
    ("old", "new", "failure"),
    [
        ("nope", "trial", NotFound),
        ("canary", "canary", Invalid),
        ("canary", "a..b", Invalid),
        ("canary", "HEAD", Invalid),
    ],
)
async def test_an_impossible_rename_moves_nothing(
    foo: TwoOperators, old: str, new: str, failure: type[Exception]
) -> None:
    await canary(foo)
    before = await log(foo.repo)
    with pytest.raises(failure):
        await branches.rename(foo.repo, ZONE, old, new)
    assert await log(foo.repo) == before


async def test_a_reflog_has_each_move_with_its_subject_even_for_a_deleted_branch(
    foo: TwoOperators,
) -> None:
    commit = await canary(foo)
    await branches.delete(foo.repo, ZONE, "canary")
    passed = await branches.read_reflog(foo.repo, ZONE, "canary", 10)
    assert [(each.move.command, each.move.old, each.subject) for each in passed] == [
        ("branch", commit, None),
        ("set", await tip(foo, "main"), "edit"),
        ("branch", None, "import"),
    ]
    assert {each.move.ref for each in passed} == {ref_names.branch(ZONE, "canary")}
    assert len(await branches.read_reflog(foo.repo, ZONE, "canary", 2)) == 2


async def test_the_reflog_of_an_unknown_branch_is_not_found(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="nope"):
        await branches.read_reflog(foo.repo, ZONE, "nope", 10)
