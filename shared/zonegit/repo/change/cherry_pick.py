"""Apply the change of one commit to a branch that does not have it."""

import msgspec

from zonegit.errors import Invalid
from zonegit.merge.zone_merge import MergeBase
from zonegit.objects.ids import CommitId, short
from zonegit.repo import read_zone
from zonegit.repo.commit import commit_loop, conflicts, drafts
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone.names import Name


class CommitChange(msgspec.Struct, frozen=True):
    """The change of a commit: the states of the zone at its parent and at the commit."""

    parent: CommitId
    before: CommitBase
    after: CommitBase


async def cherry_pick(
    repo: Repo,
    position: BranchPosition,
    commit: CommitId,
    mainline: int | None,
    intent: Intent,
    choices: Choices = conflicts.NO_CHOICES,
) -> Outcome:
    """Apply the change of ``commit`` to a branch, as a new commit by its author.

    Args:
        repo: the stores.
        position: the branch.
        commit: the commit to apply.
        mainline: the parent (1 or 2) that a merge is compared with; None for other commits.
        intent: the purpose of the new commit.
        choices: decisions about clashes.

    Raises:
        Invalid: the commit is a first commit, a commit of another zone, or a merge without
            ``mainline``.
        NotFound: the branch has no commit.
        Unsafe: the zone is signed; without force.
    """
    position.commit()
    reader = Reader(repo.objects)
    advice = "-m 1 applies the changes of the merged branch"
    change = await read_change(reader, position.zone, commit, mainline, advice)
    if change is None:
        raise Invalid(
            f"{short(commit)} is the first commit: it is a whole zone, not a change",
            hint=f"zonegit merge {short(commit)} --force merges the union of both",
        )
    author = (await read_zone.read_commit(reader, commit)).author
    authored = msgspec.structs.replace(intent, author=author)
    return await commit_difference(repo, position, change.before, change.after, authored, choices)


async def read_change(
    reader: Reader, apex: Name, commit: CommitId, mainline: int | None, advice: str
) -> CommitChange | None:
    """Read the change of a commit, to apply or to revert it.

    Args:
        reader: reads the objects.
        apex: the zone's name.
        commit: the commit.
        mainline: the number of the parent that a merge is compared with; None for other commits.
        advice: the hint for a merge without ``mainline``.

    Returns:
        None for a first commit, which has no parent.

    Raises:
        Invalid: the commit belongs to another zone, or is a merge and there is no ``mainline``, or
            has no such parent.
    """
    after = await drafts.read_state(reader, commit, apex)
    parents = (await read_zone.read_commit(reader, commit)).parents
    if not parents:
        return None
    if len(parents) > 1 and mainline is None:
        raise Invalid(f"{short(commit)} is a merge: choose one of its parents", hint=advice)
    if mainline is not None and mainline > len(parents):
        raise Invalid(f"{short(commit)} has no parent {mainline}", hint="-m is for merges only")
    parent = parents[(mainline or 1) - 1]
    return CommitChange(parent, await drafts.read_state(reader, parent, apex), after)


async def commit_difference(
    repo: Repo,
    position: BranchPosition,
    old: CommitBase,
    new: CommitBase,
    intent: Intent,
    choices: Choices,
) -> Outcome:
    """Commit the difference between two states, merged with the tip of the branch.

    Args:
        repo: the stores.
        position: the branch.
        old: the state to compare with.
        new: the state that has the changes.
        intent: the purpose of the commit.
        choices: decisions about clashes.
    """

    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange | None:
        if tip.tree is None or new.tree is None:
            return None
        base = MergeBase(old.tree)
        return await conflicts.merge_trees(reader, base, tip.tree, new.tree, position.zone, choices)

    carrying = msgspec.structs.replace(intent, on_conflict=OnConflict.REBASE)
    return await commit_loop.commit(repo, position, plan, carrying)
