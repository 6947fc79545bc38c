"""The changes of two sides since their base, RRset by RRset."""

from collections.abc import Collection, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from zonegit.objects import zone_tree
from zonegit.objects.ids import ObjectId
from zonegit.objects.walk import Walk, gather
from zonegit.objects.zone_tree import TreeChange
from zonegit.zone import rrtypes
from zonegit.zone.names import Path

T = TypeVar("T")

PathKey = tuple[Path, int]
"""An RRset within a zone."""

APEX_SOA: Final[PathKey] = ((), rrtypes.SOA)


class ThreeWay(NamedTuple, Generic[T]):
    """One RRset at the base and on both sides."""

    base: T
    ours: T
    theirs: T


class Sides(msgspec.Struct, frozen=True):
    """The changes of both sides. An RRset that a side did not change is not in its mapping."""

    ours: Mapping[PathKey, TreeChange]
    theirs: Mapping[PathKey, TreeChange]

    def get(self, key: PathKey) -> ThreeWay[ObjectId | None]:
        """Return the blobs of an RRset at the base and on both sides, None where it does not exist.

        For an RRset that neither side changed, all three are None.
        """
        ours, theirs = self.ours.get(key), self.theirs.get(key)
        known = ours or theirs
        base = known.old if known is not None else None
        return ThreeWay(base, ours.new if ours else base, theirs.new if theirs else base)

    def list_differing(self, paths: Collection[Path]) -> dict[Path, list[PathKey]]:
        """Return the RRsets that differ between the sides, by owner; only those of ``paths``."""
        found: dict[Path, list[PathKey]] = {path: [] for path in paths}
        for key in self.ours.keys() | self.theirs.keys():
            if key[0] in found:
                blobs = self.get(key)
                if blobs.ours != blobs.theirs:
                    found[key[0]].append(key)
        return found


def read_sides(
    base: ObjectId | None, ours: ObjectId | None, theirs: ObjectId | None
) -> Walk[Sides]:
    """Return the changes from tree ``base`` to ``ours`` and ``theirs``; None is a tree without
    records."""
    changed = yield from gather(
        [zone_tree.list_changes(base, ours), zone_tree.list_changes(base, theirs)]
    )
    return Sides(
        *({(change.path, change.rdtype): change for change in changes} for changes in changed)
    )
