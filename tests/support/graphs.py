"""Build graphs of commits, fixed and random, and compute their properties by definition."""

from collections.abc import Collection, Generator, Mapping, Sequence
from typing import TypeVar

from hypothesis import strategies as st
from tests.support import commits

from zonegit.objects import walk, zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Blob, Commit, Identity
from zonegit.zone import names
from zonegit.zone.rrset import RRset

APEX = names.parse("foo.com.")
BASE = commits.commit(APEX, 1)
"""Its tree is that of every commit of which nothing else is said."""

T = TypeVar("T")
V = TypeVar("V")

Parents = Sequence[int]
"""The numbers of the earlier commits on which a commit is built."""


class Graph:
    """Commits in the order of their creation, the first with number 0."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.raws: list[RawObject] = []
        self.content: list[RawObject] = [*BASE.objects]
        self.ids: list[CommitId] = []
        self.parents: list[Parents] = []

    def add(
        self,
        parents: Parents,
        time: int,
        message: str | None = None,
        records: Collection[RRset] = (),
    ) -> CommitId:
        """Add a commit on earlier ones; ``records`` are all records of its zone."""
        who = Identity("Ada", "ada@example.com", time)
        above = tuple(self.ids[number] for number in parents)
        text = f"number {len(self.ids)}" if message is None else message
        tree = self._tree(records) if records else BASE.tree
        commit = Commit(tree, above, who, who, text)
        raw = encode(commit)
        self.commits.append(commit)
        self.raws.append(raw)
        self.ids.append(CommitId(raw.id))
        self.parents.append(parents)
        return self.ids[-1]

    def _tree(self, records: Collection[RRset]) -> ObjectId:
        objects = [encode(Blob(each)) for each in records]
        edits = {
            (names.path(each.owner, APEX), each.rdtype): raw.id
            for each, raw in zip(records, objects, strict=True)
        }
        tree = walk.run(zone_tree.update(None, edits, objects), {})
        assert tree is not None
        self.content += objects
        return tree

    def objects(self) -> list[RawObject]:
        """Return all objects, children before parents."""
        return [*self.content, *self.raws]

    def ancestors(self, start: int) -> set[int]:
        """Return a commit and all its ancestors."""
        found: set[int] = set()
        left = [start]
        while left:
            at = left.pop()
            if at not in found:
                found.add(at)
                left.extend(self.parents[at])
        return found

    def moments(self) -> list[int]:
        """Return the moment of each commit, by definition."""
        found: list[int] = []
        for commit, parents in zip(self.commits, self.parents, strict=True):
            found.append(max([commit.committer.time, *(found[at] + 1 for at in parents)]))
        return found


def chain(length: int, time: int = 1_000) -> Graph:
    """Build a chain of commits, a second apart."""
    graph = Graph()
    for number in range(length):
        graph.add([number - 1] if number else [], time + number)
    return graph


@st.composite
def graphs(draw: st.DrawFn, size: int = 24) -> Graph:
    """Draw commits with up to two parents each; their clocks are arbitrary and sometimes equal."""
    graph = Graph()
    clock = draw(st.sampled_from([1, 5, 1_000, 10**18 - 1]))
    for number in range(draw(st.integers(1, size))):
        earlier = st.integers(0, number - 1) if number else st.nothing()
        most = min(2, number)
        parents = draw(st.lists(earlier, max_size=most, unique=True))
        graph.add(parents, draw(st.integers(0, clock)))
    return graph


def run_strictly(
    known: Mapping[CommitId, V], asking: Generator[Collection[CommitId], Mapping[CommitId, V], T]
) -> T:
    """Run a walk over commits. It gets exactly the commits it requests, and cannot depend on
    others."""
    try:
        wanted = next(asking)
        while True:
            wanted = asking.send({each: known[each] for each in wanted})
    except StopIteration as done:
        value: T = done.value
        return value
