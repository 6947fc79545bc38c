"""Find the commits that gave the records of one name their present values. Pure.

Records are compared by their keys (``zone.canonical_rdata``), so another spelling is the same
value. A commit introduced a value if none of its parents has it. Otherwise the search continues at
the first parent that has it, through merges too.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec

from zonegit.objects.ids import CommitId
from zonegit.objects.walk import KeyedWalk
from zonegit.zone import canonical_rdata, spelling
from zonegit.zone.rrset import RRset

T = TypeVar("T")


class RecordsAt(NamedTuple):
    """The RRsets at the name in one commit, by type, and the commit's parents."""

    rrsets: Mapping[int, RRset]
    parents: tuple[CommitId, ...]


BlameWalk = KeyedWalk[CommitId, RecordsAt, T]
"""A walk over the records of commits."""


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
    records = (yield [start])[start]
    wanted = {
        each: records.rrsets[each] for each in sorted(records.rrsets) if rdtype in (None, each)
    }
    found = yield from _trace(start, records, wanted)
    return [
        BlamedRRset(rrset, found[each, None], tuple(found[each, key] for key in _list_keys(rrset)))
        for each, rrset in wanted.items()
    ]


def _trace(
    start: CommitId, records: RecordsAt, wanted: Mapping[int, RRset]
) -> BlameWalk[dict[tuple[int, _Value], CommitId]]:
    """Return the commit that introduced each value. All values are traced together, one generation
    of commits per step."""
    found: dict[tuple[int, _Value], CommitId] = {}
    records_at: Mapping[CommitId, RecordsAt] = {start: records}
    pending: dict[CommitId, _OpenValues] = {
        start: {each: _list_values(wanted[each]) for each in wanted}
    }
    while pending:
        parents = yield {parent for at in pending for parent in records_at[at].parents}
        inherited: dict[CommitId, dict[int, set[_Value]]] = {}
        for at, open_here in pending.items():
            for rdtype, values in open_here.items():
                for parent in records_at[at].parents:
                    rrset = parents[parent].rrsets.get(rdtype)
                    if known := values & _list_values(rrset, wanted[rdtype]):
                        inherited.setdefault(parent, {}).setdefault(rdtype, set()).update(known)
                        values = values - known
                found.update({(rdtype, value): at for value in values})
        records_at = {at: parents[at] for at in inherited}
        pending = dict(inherited)
    return found


def _list_values(rrset: RRset | None, wanted: RRset | None = None) -> set[_Value]:
    """Return the values of an RRset that can be traced: its records, and the RRset as a whole if it
    is the same as ``wanted``."""
    if rrset is None:
        return set()
    whole = wanted is None or spelling.is_same(rrset, wanted)
    return {*_list_keys(rrset), None} if whole else {*_list_keys(rrset)}


def _list_keys(value: RRset) -> list[bytes]:
    return [canonical_rdata.key(value.rdtype, rdata) for rdata in value.rdatas]
