"""Propose a branch, and review it."""

import msgspec

from zonegit.errors import Conflict
from zonegit.history import commit_graph
from zonegit.history.commit_graph import LoggedCommit
from zonegit.objects.ids import CommitId
from zonegit.repo import read_zone
from zonegit.repo.change import branches, merge
from zonegit.repo.commit import diff, outcomes
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved
from zonegit.zone.names import Name


class Review(msgspec.Struct, frozen=True):
    """The content of a proposal.

    Attributes:
        commits: its commits, the latest first.
        deltas: its changes since its merge base with the target branch, without those of a serial
            only.
        outcome: the result of merging it now.
        refused: the error if the target branch has merged and reverted it; else None.
    """

    commits: list[LoggedCommit]
    deltas: list[RRsetDelta]
    outcome: Outcome
    refused: Conflict | None = None


async def propose(repo: Repo, zone: Name, name: str, start: CommitId) -> Moved:
    """Create the branch of a proposal and check it out.

    Args:
        repo: the stores.
        zone: the zone.
        name: the name of the branch.
        start: the commit that it starts from.

    Raises:
        Conflict: a branch of that name exists.
    """
    origin = repo.origin("propose")
    moved = await branches.create(repo, zone, name, start, origin)
    await branches.checkout(repo, zone, name, origin)
    return moved


async def review(repo: Repo, into: BranchPosition, proposed: CommitId) -> Review:
    """Return the content of a proposal, and the result of approving it.

    Args:
        repo: the stores.
        into: the target branch.
        proposed: the tip of the proposal.

    Raises:
        Invalid: it is a commit of another zone.
        NotFound: the target branch has no commit.
    """
    reader = Reader(repo.objects)
    compared = await CommitReader(repo.objects, reader).answer(
        commit_graph.compare_histories(into.commit(), proposed)
    )
    base = await read_zone.read_tree(reader, compared.bases[0]) if compared.bases else None
    tree = await read_zone.read_tree(reader, proposed)
    deltas = await diff.diff_trees(reader, base, tree, into.zone)
    refused = None
    try:
        outcome = await merge.merge(repo, into, proposed, Intent("", "review", dry_run=True))
    except Conflict as error:
        if "reverts" not in error.details:
            raise
        outcome, refused = outcomes.make_unchanged(into), error
    return Review(compared.theirs, diff.drop_serial_changes(deltas), outcome, refused)
