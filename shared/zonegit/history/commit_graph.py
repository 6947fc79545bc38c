"""Walks over the commit graph, which ``store.commit_reader`` runs. Pure.

Commits are ordered by their moments, the latest first, and by id if these are equal. The moment of
a commit is later than those of all its ancestors, so a commit comes after all of its descendants
(docs/adr/0011-moments.md).
"""

import heapq
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from zonegit.errors import NotFound
from zonegit.objects.ids import CommitId, short
from zonegit.objects.model import Commit
from zonegit.store.commit_reader import CommitNode, CommitWalk


class LoggedCommit(NamedTuple):
    """A commit that a walk reached."""

    id: CommitId
    commit: Commit


_Queued = tuple[int, CommitId, Commit]
"""Sorts the latest moment first."""


class LogWalk:
    """Some commits and their ancestors, each once, the latest first.

    Args:
        starts: the commits to start from.
    """

    def __init__(self, starts: Collection[CommitId]) -> None:
        self._asked = list(dict.fromkeys(starts))
        self._seen = set(self._asked)
        self._queue: list[_Queued] = []

    def take(self, count: int) -> CommitWalk[list[LoggedCommit]]:
        """Return the next ``count`` commits; fewer at the end of the history."""
        taken: list[LoggedCommit] = []
        while len(taken) < count:
            self._add_nodes((yield self._asked))
            if not self._queue:
                break
            _, at, commit = heapq.heappop(self._queue)
            taken.append(LoggedCommit(at, commit))
            self._asked = [parent for parent in commit.parents if parent not in self._seen]
            self._seen.update(self._asked)
        return taken

    def _add_nodes(self, nodes: Mapping[CommitId, CommitNode]) -> None:
        for each in self._asked:
            heapq.heappush(self._queue, _make_queued(each, nodes[each]))
        self._asked = []


def _make_queued(commit_id: CommitId, node: CommitNode) -> _Queued:
    return -node.moment, commit_id, node.commit


# The sides from which a commit was reached. _BELOW: also through a common ancestor.
_OURS: Final = 1
_THEIRS: Final = 2
_COMMON: Final = _OURS | _THEIRS
_BELOW: Final = 4


class ComparedHistories(NamedTuple):
    """The commits that only one of two histories has, the latest first, and the merge bases.

    Attributes:
        bases: the best common ancestors; none is an ancestor of another.
    """

    ours: list[LoggedCommit]
    theirs: list[LoggedCommit]
    bases: list[CommitId]


def find_merge_bases(ours: CommitId, theirs: CommitId) -> CommitWalk[list[CommitId]]:
    """Return the best common ancestors of two commits. A commit counts as its own ancestor.

    Returns:
        The ancestors, empty if there are none.
    """
    return (yield from compare_histories(ours, theirs)).bases


def find_bases_of_merge(ours: Collection[CommitId], theirs: CommitId) -> CommitWalk[list[CommitId]]:
    """Return the best common ancestors of the commit ``theirs`` and a merge of ``ours``."""
    return (yield from _compare_histories(ours, theirs)).bases


def compare_histories(ours: CommitId, theirs: CommitId) -> CommitWalk[ComparedHistories]:
    """Compare the histories of two commits.

    The cost depends on the difference, not on the shared history.
    """
    return (yield from _compare_histories([ours], theirs))


def _compare_histories(
    ours: Collection[CommitId], theirs: CommitId
) -> CommitWalk[ComparedHistories]:
    reached = dict.fromkeys(ours, _OURS)
    reached[theirs] = reached.get(theirs, 0) | _THEIRS
    nodes = yield list(reached)
    queue = [_make_queued(each, nodes[each]) for each in reached]
    heapq.heapify(queue)
    undecided = set(reached)
    found = ComparedHistories([], [], [])
    # A commit is taken after all of its descendants, so it is known then from where it is reached.
    while undecided:
        _, at, commit = heapq.heappop(queue)
        undecided.discard(at)
        if reached[at] == _OURS:
            found.ours.append(LoggedCommit(at, commit))
        elif reached[at] == _THEIRS:
            found.theirs.append(LoggedCommit(at, commit))
        elif reached[at] == _COMMON:
            found.bases.append(at)
            reached[at] |= _BELOW
        nodes = yield commit.parents
        for parent in commit.parents:
            if parent not in reached:
                heapq.heappush(queue, _make_queued(parent, nodes[parent]))
                undecided.add(parent)
            reached[parent] = reached.get(parent, 0) | reached[at]
            if reached[parent] & _BELOW:
                undecided.discard(parent)
    return found


def read_nodes(ids: Collection[CommitId]) -> CommitWalk[dict[CommitId, CommitNode]]:
    """Return these commits."""
    found = yield ids
    return {each: found[each] for each in ids}


def follow_parents(start: CommitId, parents: Iterable[int]) -> CommitWalk[CommitId]:
    """Return the commit that is reached from ``start`` through the given parents.

    Args:
        start: the commit to start from.
        parents: the numbers of the parents to go to; 1 is the first parent.

    Raises:
        NotFound: a commit on the way has no such parent; names it.
    """
    at = start
    for number in parents:
        commit = (yield [at])[at].commit
        if len(commit.parents) < number:
            raise NotFound(
                f"history ends at {short(at)}: it has no parent {number}",
                hint="zonegit log shows the history",
            )
        at = commit.parents[number - 1]
    return at


def find_as_of(start: CommitId, time: float) -> CommitWalk[LoggedCommit]:
    """Return the latest commit that is not dated after ``time``, following first parents.

    Args:
        start: the commit to start from.
        time: seconds since 1970, compared with the committer's time.

    Returns:
        The commit; the oldest one if all are dated later.
    """
    at = start
    while True:
        commit = (yield [at])[at].commit
        if commit.committer.time <= time or commit.first_parent is None:
            return LoggedCommit(at, commit)
        at = commit.first_parent
