"""Compare a branch with ``main``: how many commits each has that the other does not."""

import msgspec

from zonegit.history import commit_graph
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit
from zonegit.repo import read_zone
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.store.ref_names import DEFAULT_BRANCH


class AheadBehind(msgspec.Struct, frozen=True):
    """The number of commits that only the branch has, and that only ``main`` has."""

    ahead: int
    behind: int


class BranchStatus(msgspec.Struct, frozen=True):
    """The status of a branch. ``tip`` is None if it has no commit; ``apart`` is None for
    ``main`` and if there is no ``main``."""

    tip: Commit | None = None
    apart: AheadBehind | None = None


async def read_status(repo: Repo, at: BranchPosition) -> BranchStatus:
    """Return the status of a branch.

    Raises:
        Corrupt, NotFound, Unavailable: errors of the stores.
    """
    if at.tip is None:
        return BranchStatus()
    reader = Reader(repo.objects)
    tip = await read_zone.read_commit(reader, at.commit())
    if at.branch == DEFAULT_BRANCH:
        return BranchStatus(tip)
    main = (await repo.refs.zone(at.zone, repo.actor)).heads.get(DEFAULT_BRANCH)
    if main is None:
        return BranchStatus(tip)
    past = CommitReader(repo.objects, reader)
    found = await past.answer(commit_graph.compare(at.commit(), CommitId(main.target)))
    return BranchStatus(tip, AheadBehind(len(found.ours), len(found.theirs)))
