"""Where a branch stands: its tip, and what it and ``main`` have that the other has not."""

import msgspec

from zonegit.history import commit_graph
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit
from zonegit.repo import read_zone
from zonegit.repo.heads import Position, Repo
from zonegit.store.commit_reader import Past
from zonegit.store.reader import Reader
from zonegit.store.ref_names import DEFAULT_BRANCH


class Apart(msgspec.Struct, frozen=True):
    """How many commits a branch has that ``main`` has not, and the other way round."""

    ahead: int
    behind: int


class Standing(msgspec.Struct, frozen=True):
    """``tip`` None: the branch has no commit; ``apart`` None: it is ``main``, or there is no
    ``main``."""

    tip: Commit | None = None
    apart: Apart | None = None


async def standing(repo: Repo, at: Position) -> Standing:
    """Where a branch stands.

    Raises:
        Corrupt, NotFound, Unavailable: as the stores say.
    """
    if at.tip is None:
        return Standing()
    reader = Reader(repo.objects)
    tip = await read_zone.read_commit(reader, at.commit())
    if at.branch == DEFAULT_BRANCH:
        return Standing(tip)
    main = (await repo.refs.zone(at.zone, repo.actor)).heads.get(DEFAULT_BRANCH)
    if main is None:
        return Standing(tip)
    past = Past(repo.objects, reader)
    found = await past.answer(commit_graph.compare(at.commit(), CommitId(main.target)))
    return Standing(tip, Apart(len(found.ours), len(found.theirs)))
