"""Compare two trees, RRset by RRset."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.zone_tree import TreeChange
from zonegit.repo import read_zone
from zonegit.repo.commit.edits import Changes
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes, spelling
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, is_same_except_serial, sort_key


class RRsetDelta(msgspec.Struct, frozen=True):
    """One RRset that differs. ``old`` is None if it is new, ``new`` is None if it was deleted."""

    owner: Name
    rdtype: int
    old: RRset | None
    new: RRset | None


class TreePair(msgspec.Struct, frozen=True):
    """Two trees of a zone, to be compared on demand.

    Attributes:
        old: the tree before; None if there was none.
        reader: has read the objects that the new tree was made from, so that few are fetched.
        new_objects: objects that the reader does not have yet.
    """

    zone: Name
    old: ObjectId | None
    new: ObjectId
    reader: Reader
    new_objects: Sequence[RawObject] = ()

    async def read_deltas(self) -> list[RRsetDelta]:
        """Return the differences, without a change of the SOA's serial only.

        Raises:
            Corrupt, NotFound, Unavailable: errors of the store.
        """
        self.reader.add(self.new_objects)
        return drop_serial_changes(await diff_trees(self.reader, self.old, self.new, self.zone))

    async def complete_deltas(self, changes: Changes) -> list[RRsetDelta]:
        """Return deltas for some changes, with the RRsets of the old tree.

        Raises:
            Corrupt, NotFound, Unavailable: errors of the store.
        """
        owners = {owner for owner, _ in changes}
        was = await read_zone.read_rrsets_at(self.reader, self.old, owners, self.zone)
        return [
            RRsetDelta(owner, rdtype, was[owner].get(rdtype), new and spelling.remove_twins(new))
            for (owner, rdtype), new in changes.items()
        ]


async def diff_trees(
    reader: Reader, old: ObjectId | None, new: ObjectId | None, apex: Name
) -> list[RRsetDelta]:
    """Return the differences between two trees of a zone, in canonical order (RFC 4034 section
    6.1).

    Equal subtrees are not read. Each record has one spelling, and a difference in duplicate
    spellings only (``zone.spelling``) is left out.

    Args:
        reader: reads the objects.
        old: the tree before; None is a tree without records.
        new: the tree after; None is a tree without records.
        apex: the zone's name.

    Raises:
        Corrupt, NotFound, Unavailable: errors of the store.
    """
    return await read_deltas(reader, await reader.answer(zone_tree.list_changes(old, new)), apex)


async def diff_names(
    reader: Reader,
    old: ObjectId | None,
    new: ObjectId | None,
    owners: Collection[Name],
    apex: Name,
) -> list[RRsetDelta]:
    """Return the differences of some names between two trees, as :func:`diff_trees` does.

    Only the paths to these names are read.

    Raises:
        Invalid: a name is outside the zone.
        Corrupt, NotFound, Unavailable: errors of the store.
    """
    was, now = [await read_zone.read_rrsets_at(reader, each, owners, apex) for each in (old, new)]
    deltas = [
        RRsetDelta(owner, rdtype, was[owner].get(rdtype), now[owner].get(rdtype))
        for owner in owners
        for rdtype in was[owner].keys() | now[owner].keys()
    ]
    found = [delta for delta in deltas if delta.old != delta.new]
    return sorted(found, key=lambda delta: sort_key(delta.owner, delta.rdtype))


async def diff_stored_trees(
    reader: Reader, old: ObjectId | None, new: ObjectId | None, apex: Name
) -> list[RRsetDelta]:
    """Return the differences between two trees exactly, including those of spelling.

    Raises:
        Corrupt, NotFound, Unavailable: errors of the store.
    """
    found = await reader.answer(zone_tree.list_changes(old, new))
    return _make_deltas(found, await read_zone.read_stored_rrsets(reader, _list_blobs(found)), apex)


async def read_deltas(
    reader: Reader, found: Collection[TreeChange], apex: Name
) -> list[RRsetDelta]:
    """Read the RRsets of differences between trees, in canonical order. A difference in
    duplicate spellings only is left out.

    Args:
        reader: reads the objects.
        found: the differences.
        apex: the zone's name.
    """
    deltas = _make_deltas(found, await read_zone.read_rrsets(reader, _list_blobs(found)), apex)
    return [delta for delta in deltas if delta.old != delta.new]


def _list_blobs(found: Collection[TreeChange]) -> set[ObjectId]:
    return {blob for change in found for blob in (change.old, change.new) if blob is not None}


def _make_deltas(
    found: Collection[TreeChange], values: Mapping[ObjectId, RRset], apex: Name
) -> list[RRsetDelta]:
    deltas = [
        RRsetDelta(
            names.below(apex, change.path),
            change.rdtype,
            values[change.old] if change.old is not None else None,
            values[change.new] if change.new is not None else None,
        )
        for change in found
    ]
    return sorted(deltas, key=lambda delta: sort_key(delta.owner, delta.rdtype))


async def have_same_records(reader: Reader, one: CommitId, other: CommitId) -> bool:
    """Return whether two commits of a zone have the same records, except for the SOA's serial.

    The first other difference ends the search.

    Raises:
        Corrupt, NotFound, Unavailable: errors of the store.
    """
    serials: list[TreeChange] = []

    def take(change: TreeChange) -> None:
        if change.path or change.rdtype != rrtypes.SOA:
            raise _Differ
        serials.append(change)

    await reader.get({one, other})
    old, new = await read_zone.read_commit(reader, one), await read_zone.read_commit(reader, other)
    try:
        await reader.answer(zone_tree.diff(old.tree, new.tree, take))
    except _Differ:
        return False
    return not drop_serial_changes(await read_deltas(reader, serials, names.ROOT))


class _Differ(Exception):
    """The two trees differ."""


def drop_serial_changes(deltas: Iterable[RRsetDelta]) -> list[RRsetDelta]:
    """Return the deltas without that of the SOA if only its serial differs."""
    return [delta for delta in deltas if not _is_serial_alone(delta)]


def _is_serial_alone(delta: RRsetDelta) -> bool:
    return delta.rdtype == rrtypes.SOA and is_same_except_serial(delta.old, delta.new)


def make_changes(deltas: Iterable[RRsetDelta]) -> Changes:
    """Return the changes that lead from the old state to the new one."""
    return {(delta.owner, delta.rdtype): delta.new for delta in deltas}
