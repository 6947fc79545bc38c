"""Find one merge base for two histories that met more than once.

Branches that were merged in both directions (a criss-cross merge) have several merge bases. These
are merged, as git's recursive strategy does, into a tree that is never stored
(docs/adr/0024-merging-records.md). For RRsets on which the bases clash there is no common base:
those that are equal on both sides are kept, all others need a decision. The bases are merged in the
order of the walk, which is the same for all readers and for both sides.
"""

from collections.abc import Sequence
from typing import Final

from zonegit.history import commit_graph
from zonegit.merge import zone_merge
from zonegit.merge.sides import PathKey
from zonegit.merge.zone_merge import MergeBase
from zonegit.objects import zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Blob
from zonegit.repo import read_zone
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

MAX_MERGES: Final = 32
"""Merges of bases within one merge. After that, all RRsets that differ between bases are disputed,
because a history can be constructed that needs an unlimited number of merges."""


class MergeBaseFinder:
    """Find the base for one merge of a zone."""

    def __init__(
        self, past: CommitReader, reader: Reader, apex: Name, max_merges: int = MAX_MERGES
    ) -> None:
        """Create a finder.

        Args:
            past: reads the history.
            reader: reads the objects, and keeps the trees that are made.
            apex: the zone's name.
            max_merges: merges of bases after which differing RRsets are disputed.
        """
        self._past = past
        self._reader = reader
        self._apex = apex
        self._known: dict[tuple[CommitId, ...], MergeBase] = {}
        self._left = max_merges

    async def find(self, commits: Sequence[CommitId]) -> MergeBase:
        """Return one base for several merge bases.

        Args:
            commits: the merge bases, in the order of the walk; none gives an empty base.

        Raises:
            Corrupt, NotFound, Unavailable: errors of the store.
        """
        key = tuple(commits)
        if key not in self._known:
            self._known[key] = await self._merge_all(commits) if commits else MergeBase(None)
        return self._known[key]

    async def _merge_all(self, commits: Sequence[CommitId]) -> MergeBase:
        found = MergeBase(await read_zone.read_tree(self._reader, commits[0]))
        for number, other in enumerate(commits[1:], 1):
            found = await self._merge_one(found, commits[:number], other)
        return found

    async def _merge_one(
        self, found: MergeBase, seen: Sequence[CommitId], other: CommitId
    ) -> MergeBase:
        """Merge one more commit into ``found``, the base of the commits ``seen``."""
        theirs = await read_zone.read_tree(self._reader, other)
        if not self._left:
            differing = await self._reader.answer(zone_tree.list_changes(found.tree, theirs))
            return await self._apply_undisputed(
                found, {}, {(each.path, each.rdtype) for each in differing}
            )
        self._left -= 1
        below = await self._past.answer(commit_graph.find_bases_of_merge(seen, other))
        base = await self.find(below)
        merged = await self._reader.answer(
            zone_merge.merge_zones(base, found.tree, theirs, self._apex)
        )
        clashing = {(names.path(clash.owner, self._apex), clash.rdtype) for clash in merged.clashes}
        return await self._apply_undisputed(found, merged.changes, clashing)

    async def _apply_undisputed(
        self,
        found: MergeBase,
        changes: dict[PathKey, ObjectId | RRset | None],
        clashing: set[PathKey],
    ) -> MergeBase:
        """Apply changes to ``found``, except to disputed RRsets, which are removed."""
        disputed = found.disputed | clashing
        objects: list[RawObject] = []
        edits: dict[PathKey, ObjectId | None] = dict.fromkeys(disputed)
        for key, value in changes.items():
            if key not in disputed:
                edits[key] = _add_blob(value, objects)
        tree = await self._reader.answer(zone_tree.update(found.tree, edits, objects))
        self._reader.add(objects)
        return MergeBase(tree, disputed)


def _add_blob(value: ObjectId | RRset | None, objects: list[RawObject]) -> ObjectId | None:
    if not isinstance(value, RRset):
        return value
    objects.append(encode(Blob(value)))
    return objects[-1].id
