"""Reset a branch to a commit."""

import asyncio

import msgspec

from zonegit.errors import Unsafe
from zonegit.objects.ids import CommitId, short
from zonegit.repo.change import merge
from zonegit.repo.commit import change_plan, commit_loop, diff, drafts, outcomes
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader


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
        return outcomes.make_unchanged(position)
    reader = reader or Reader(repo.objects)
    tip, state = await asyncio.gather(
        drafts.read_tip(reader, position), drafts.read_state(reader, target, position.zone)
    )
    if merge.is_serial_later(position, tip, state) or (exact and intent.force):
        return await merge.fast_forward(repo, reader, position, state, intent)
    if exact:
        raise Unsafe(
            f"the serial of {short(target)} is {state.serial}, and {position.branch} has served"
            " a later one: secondaries would not follow",
            hint="omit --exact to make a commit with a later serial, or use --force",
        )

    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange:
        deltas = await diff.diff_stored_trees(reader, tip.tree, state.tree, position.zone)
        return msgspec.structs.replace(change_plan.plan_deltas(deltas), parents=(target,))

    resetting = msgspec.structs.replace(intent, on_conflict=OnConflict.FAIL)
    return await commit_loop.commit(repo, position, plan, resetting, reader)
