"""Find the commits that gave the records of one name their present values. Pure.

Records are compared by their keys (``zone.canonical_rdata``), so another spelling is the same
value. A commit introduced a value if none of its parents has it. Otherwise the search continues at
the first parent that has it, through merges too.
"""

from collections.abc import Collection, Generator, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from zonegit.objects.ids import CommitId
from zonegit.zone import canonical_rdata, spelling
from zonegit.zone.rrset import RRset

T = TypeVar("T")


class RecordsAt(NamedTuple):
    """The RRsets at the name in one commit, by type, and the commit's parents."""

    rrsets: Mapping[int, RRset]
    parents: tuple[CommitId, ...]


BlameWalk = Generator[Collection[CommitId], Mapping[CommitId, RecordsAt], T]
"""Yields commit ids, is sent the records of at least these commits, and returns a T."""


class BlamedRRset(msgspec.Struct, frozen=True):
    """An RRset and the commits that introduced it.

    Attributes:
        commit: the commit that gave the RRset as a whole, with its TTL, its present value.
        records: the commit that introduced each record, in the order of the RRset.
    """

    rrset: RRset
    commit: CommitId
    records: tuple[CommitId, ...]


_Value = bytes | None
"""A value that is traced: the key of a record, or None for the RRset as a whole."""

_OpenValues = Mapping[int, set[_Value]]
"""The values that are still traced at one commit, by type."""


def blame(start: CommitId, rdtype: int | None = None) -> BlameWalk[list[BlamedRRset]]:
    """Return the RRsets at the name in a commit, with the commits that introduced them.

    Args:
        start: the commit.
        rdtype: only RRsets of this type; None for all.
    """
    place = (yield [start])[start]
    asked = {each: place.rrsets[each] for each in sorted(place.rrsets) if rdtype in (None, each)}
    found = yield from _trace(start, place, asked)
    return [
        BlamedRRset(rrset, found[each, None], tuple(found[each, key] for key in _list_keys(rrset)))
        for each, rrset in asked.items()
    ]


def _trace(
    start: CommitId, place: RecordsAt, asked: Mapping[int, RRset]
) -> BlameWalk[dict[tuple[int, _Value], CommitId]]:
    """Return the commit that introduced each value. All values are traced together, one generation
    of commits per step."""
    found: dict[tuple[int, _Value], CommitId] = {}
    places: Mapping[CommitId, RecordsAt] = {start: place}
    below: dict[CommitId, _OpenValues] = {
        start: {each: _list_values(asked[each]) for each in asked}
    }
    while below:
        above = yield {parent for at in below for parent in places[at].parents}
        passed: dict[CommitId, dict[int, set[_Value]]] = {}
        for at, open_here in below.items():
            for rdtype, left in open_here.items():
                for parent in places[at].parents:
                    there = above[parent].rrsets.get(rdtype)
                    if known := left & _list_values(there, asked[rdtype]):
                        passed.setdefault(parent, {}).setdefault(rdtype, set()).update(known)
                        left = left - known
                found.update({(rdtype, value): at for value in left})
        places = {at: above[at] for at in passed}
        below = dict(passed)
    return found


def _list_values(there: RRset | None, asked: RRset | None = None) -> set[_Value]:
    """Return the values of an RRset that can be traced: its records, and the RRset as a whole if it
    is the same as ``asked``."""
    if there is None:
        return set()
    whole = asked is None or spelling.is_same(there, asked)
    return {*_list_keys(there), None} if whole else {*_list_keys(there)}


def _list_keys(value: RRset) -> list[bytes]:
    return [canonical_rdata.key(value.rdtype, rdata) for rdata in value.rdatas]
