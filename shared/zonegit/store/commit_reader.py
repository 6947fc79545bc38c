"""Read commits in batches for algorithms that walk the history.

A walk over commits yields ids like the walks of ``objects.walk``, and may ask for one commit after
the other. The reader fetches each commit with many of its ancestors, twice as many each time. So a
walk costs a few round trips, not one per commit (docs/adr/0011-moments.md).
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Final, TypeVar

import msgspec

from zonegit.errors import Corrupt
from zonegit.objects.ids import CommitId, short
from zonegit.objects.model import Commit
from zonegit.objects.walk import KeyedWalk, drive
from zonegit.store.objects import MAX_HISTORY, Dated, ObjectStore
from zonegit.store.reader import Reader

T = TypeVar("T")

FIRST_BATCH: Final = 64
"""Commits in the first batch; many walks need no more."""


class CommitNode(msgspec.Struct, frozen=True):
    """A commit and its moment, which is later than the moments of its ancestors."""

    commit: Commit
    moment: int


CommitWalk = KeyedWalk[CommitId, CommitNode, T]
"""A walk over commits."""


def compute_moment(commit: Commit, parents: Iterable[int]) -> int:
    """Return the moment of a commit.

    It is the time of its committer, or one second after the latest moment of its parents if that
    is later.
    """
    return max(commit.committer.time, max(parents, default=-1) + 1)


class CommitReader:
    """The commits that one task has fetched from a store.

    Args:
        store: the store.
        reader: a reader of the same task; it gets every commit that is fetched.
    """

    def __init__(self, store: ObjectStore, reader: Reader) -> None:
        self._store = store
        self._reader = reader
        self._nodes: dict[CommitId, CommitNode] = {}
        # Unknown parents of known commits, and the moment that their moments must precede.
        self._unknown_parents: dict[CommitId, int] = {}
        self._batch = FIRST_BATCH

    @property
    def known(self) -> Mapping[CommitId, CommitNode]:
        """Return the commits fetched so far."""
        return self._nodes

    async def answer(self, walk: CommitWalk[T]) -> T:
        """Run a walk over commits.

        Raises:
            NotFound, Corrupt, Unavailable: errors of the store.
        """
        return await drive(walk, self._get)

    async def _get(self, wanted: Collection[CommitId]) -> Mapping[CommitId, CommitNode]:
        missing = [each for each in wanted if each not in self._nodes]
        if missing:
            await self._fetch(missing)
        return self._nodes

    async def _fetch(self, wanted: Collection[CommitId]) -> None:
        # All unknown parents are tips, so that no part of the history is fetched twice.
        room = self._batch // 2
        tips = list(dict.fromkeys([*wanted, *islice(self._unknown_parents, room)]))
        found = await self._store.history(tips, self._batch)
        self._batch = min(2 * self._batch, MAX_HISTORY)
        await self._learn(found)

    async def _learn(self, found: Collection[Dated]) -> None:
        self._reader.add(dated.raw for dated in found)
        decoded = await self._reader.get([dated.raw.id for dated in found])
        for dated in found:
            commit = decoded[dated.raw.id]
            if not isinstance(commit, Commit):
                raise Corrupt(f"object {short(dated.raw.id)} is not a commit")
            self._add_node(CommitId(dated.raw.id), CommitNode(commit, dated.moment))

    def _add_node(self, commit_id: CommitId, node: CommitNode) -> None:
        """Add a commit to the graph.

        Raises:
            Corrupt: the moment of the commit is not between those of its parents and its children,
                so results that depend on the order would be wrong.
        """
        ordered = node.moment < self._unknown_parents.pop(commit_id, node.moment + 1)
        for parent in node.commit.parents:
            if parent in self._nodes:
                ordered = ordered and self._nodes[parent].moment < node.moment
            else:
                self._unknown_parents[parent] = min(
                    node.moment, self._unknown_parents.get(parent, node.moment)
                )
        if not ordered:
            raise Corrupt(f"the moment of commit {short(commit_id)} is out of order")
        self._nodes[commit_id] = node
