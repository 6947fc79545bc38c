"""Revert the changes of a commit."""

import msgspec

from zonegit.errors import Invalid
from zonegit.objects.ids import CommitId, short
from zonegit.repo import read_zone
from zonegit.repo.change import cherry_pick, revert_history
from zonegit.repo.commit import conflicts, drafts
from zonegit.repo.commit.commit_loop import Intent, Outcome
from zonegit.repo.commit.conflicts import Choices
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
