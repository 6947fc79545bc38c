"""Find who approved the commits of a branch."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from zonegit.history import arrivals
from zonegit.history.commit_graph import LoggedCommit, LogWalk
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit
from zonegit.repo.inspect.log import Label
from zonegit.repo.refish import Resolved
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.commit_reader import FIRST_BATCH, CommitReader
from zonegit.store.objects import MAX_HISTORY
from zonegit.store.ref_names import DEFAULT_BRANCH, RefName

MAX_MOVES: Final = 1_000
"""Moves of a branch that are searched for approvals."""

MAX_WALKED: Final = 10_000
"""Commits of a branch that are searched for approved ones."""

APPROVE: Final = "approve"
"""The command of a move that approves a proposal."""


class Approval(msgspec.Struct, frozen=True):
    """The approval of a proposal: the operator, the time in seconds since 1970 and the
    operation."""

    actor: str
    time: float
    operation: str


def choose_branch(
    at: Resolved, branch: str | None, labels: Mapping[CommitId, Sequence[Label]]
) -> RefName:
    """Return the branch whose approvals are meant for a commit: the one that names it, else the
    given one, else the one that is checked out, else ``main``.

    Args:
        at: the commit.
        branch: the branch that the command works on; None for that of HEAD.
        labels: the branches and tags of the zone.
    """
    shown = (each for some in labels.values() for each in some)
    current = next((each.name for each in shown if each.current), DEFAULT_BRANCH)
    return ref_names.branch(at.zone, at.branch or branch or current)


async def find_approvals(
    repo: Repo,
    past: CommitReader,
    branch: RefName,
    wanted: Mapping[CommitId, Commit],
    max_moves: int = MAX_MOVES,
) -> dict[CommitId, Approval]:
    """Return the approvals with which commits came to a branch; both the commits of a proposal and
    the merge commit have one.

    The moves of the branch are read with one request. Commits are read only if one of the moves is
    an approval, in batches, and those that ``past`` has read are not read again.

    Args:
        repo: the stores.
        past: reads commits.
        branch: the branch; it may have been deleted, or never have existed.
        wanted: the commits, by id. Those that are not in the history of the branch have none.
        max_moves: the number of latest moves to search, at most ``MAX_MOVES``.

    Raises:
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    if not wanted:
        return {}
    moves = await repo.refs.reflog(branch, min(max_moves, MAX_MOVES))
    positions = arrivals.list_positions(reversed(moves))
    if not any(each.move is not None and each.move.command == APPROVE for each in positions):
        return {}
    walked = await _walk(past, CommitId(positions[-1].tip), wanted)
    moved = arrivals.find_arrivals(positions, walked)
    return {
        each: Approval(move.actor, move.time, move.operation)
        for each in wanted
        if (move := moved.get(each)) is not None and move.command == APPROVE
    }


async def _walk(
    past: CommitReader, tip: CommitId, wanted: Mapping[CommitId, Commit]
) -> list[LoggedCommit]:
    """Return a commit and its ancestors, the latest first, at least until all that are wanted were
    found or can no longer follow."""
    order = LogWalk([tip])
    walked: list[LoggedCommit] = []
    remaining = dict(wanted)
    batch = FIRST_BATCH // 2
    while remaining and len(walked) < MAX_WALKED:
        found = await past.answer(order.take(batch))
        if not found:
            break
        walked += found
        for each in found:
            remaining.pop(each.id, None)
        # A moment is not earlier than the time of its commit, and the walk is ordered by moments.
        moment = past.known[found[-1].id].moment
        remaining = {
            each: commit for each, commit in remaining.items() if commit.committer.time <= moment
        }
        batch = min(2 * batch, MAX_HISTORY)
    return walked
