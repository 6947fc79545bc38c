"""Revert the changes of a commit, or reset a branch to a commit."""

import asyncio

import msgspec

from zonegit.errors import Invalid, Unsafe
from zonegit.objects.ids import CommitId, short
from zonegit.repo import read_zone
from zonegit.repo.change import cherry_pick, fast_forward, revert_history
from zonegit.repo.commit import change_plan, commit_loop, conflicts, diff, drafts
from zonegit.repo.commit.commit_loop import Intent, OnConflict, Outcome
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.store.reader import Reader


async def revert(
    repo: Repo,
    position: BranchPosition,
    commit: CommitId,
    mainline: int | None,
    intent: Intent,
    choices: Choices = conflicts.NO_CHOICES,
) -> Outcome:
    """Revert the changes of ``commit`` with a new commit. Later changes stay.

    Args:
        repo: the stores.
        position: the branch.
        commit: the commit to revert.
        mainline: the parent (1 or 2) of a merge to return to; None for other commits.
        intent: the purpose of the new commit.
        choices: decisions about clashes.

    Raises:
        Invalid: the commit is a first commit, a commit of another zone, or a merge without
            ``mainline``.
        Unsafe: the zone is signed; without force.
    """
    reader = Reader(repo.objects)
    undone = await drafts.read_state(reader, commit, position.zone)
    if not (await read_zone.read_commit(reader, commit)).parents:
        raise Invalid(
            f"{short(commit)} is the first commit: before it there was no zone",
            hint="zonegit zone remove removes the zone",
        )
    advice = "-m 1 reverts what the merged branch brought, -m 2 what the branch had before"
    parent = await cherry_pick.choose_parent(reader, commit, mainline, advice)
    before = await drafts.read_state(reader, parent, position.zone)
    message = revert_history.add_trailer(intent.message, commit, parent if mainline else None)
    intent = msgspec.structs.replace(intent, message=message)
    return await cherry_pick.commit_difference(repo, position, undone, before, intent, choices)


async def reset(
    repo: Repo,
    position: BranchPosition,
    target: CommitId,
    intent: Intent,
    *,
    exact: bool,
    reader: Reader | None = None,
) -> Outcome:
    """Reset a branch to the records and the history of ``target``.

    If the serial would not increase, a new commit on top of the target is made.

    Args:
        repo: the stores.
        position: the branch.
        target: the commit to reset to.
        intent: the purpose of the move.
        exact: move to ``target`` itself, which may need force.
        reader: caches objects that the caller has read; None for none.

    Raises:
        Invalid: ``target`` is a commit of another zone.
        Unsafe: with ``exact`` the serial would go back, or the zone is signed; without force.
        Conflict: the branch moved meanwhile.
    """
    if position.tip is not None and position.commit() == target:
        return commit_loop.make_unchanged(position)
    reader = reader or Reader(repo.objects)
    tip, state = await asyncio.gather(
        drafts.read_tip(reader, position), drafts.read_state(reader, target, position.zone)
    )
    if fast_forward.is_serial_later(position, tip, state) or (exact and intent.force):
        return await fast_forward.fast_forward(repo, reader, position, state, intent)
    if exact:
        raise Unsafe(
            f"the serial of {short(target)} is {state.serial}, and {position.branch} has served"
            " a later one: secondaries would keep what they have",
            hint="without --exact a commit with a later serial is made; --force moves to it",
        )

    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange:
        deltas = await diff.diff_stored_trees(reader, tip.tree, state.tree, position.zone)
        return msgspec.structs.replace(change_plan.plan_deltas(deltas), parents=(target,))

    resetting = msgspec.structs.replace(intent, on_conflict=OnConflict.FAIL)
    return await commit_loop.commit(repo, position, plan, resetting, reader)
