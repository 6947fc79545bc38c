"""Decide whether a change can be made on a new tip after it lost a race. Pure.

Edits that add and remove records do not depend on the other records of an RRset, so their order
does not matter. An edit that states a whole RRset, or deletes it, depends on the records that the
operator saw, so it fails if these changed. The changes of others are compared by RRset:

- an RRset that is stated or deleted as a whole must not have changed, except to the same records;
- the TTL of an RRset to which records are added must not have changed to another one than the TTL
  stated with them.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.edits import Add, Changes, Delete, Remove, RRsetEdit, RRsetKey, Set
from zonegit.zone import rrtypes, spelling
from zonegit.zone.names import Name


class Footprint(msgspec.Struct, frozen=True):
    """The RRsets and names that a change relies on.

    Attributes:
        whole: RRsets that it states or deletes as a whole.
        owners: names of which it deletes every RRset.
        ttls: RRsets to which it adds records, with the TTL stated for them.
    """

    whole: AbstractSet[RRsetKey] = frozenset()
    owners: AbstractSet[Name] = frozenset()
    ttls: Mapping[RRsetKey, int] = msgspec.field(default_factory=dict)

    def touches(self, owner: Name, rdtype: int) -> bool:
        """Return whether the change relies on that RRset."""
        key = (owner, rdtype)
        return key in self.whole or key in self.ttls or owner in self.owners


def find_footprint(edits: Iterable[RRsetEdit]) -> Footprint:
    """Return the footprint of edits."""
    whole: set[RRsetKey] = set()
    owners: set[Name] = set()
    ttls: dict[RRsetKey, int] = {}
    for edit in edits:
        match edit:
            case Set(value):
                whole.add((value.owner, value.rdtype))
            case Add(value, "stated"):
                ttls[value.owner, value.rdtype] = value.ttl
            case Add():
                pass  # the RRset keeps its TTL
            case Delete(owner, rdtype):
                if rdtype is None:
                    owners.add(owner)
                else:
                    whole.add((owner, rdtype))
            case Remove():
                pass  # a record that was removed meanwhile is an error when the edit is applied
    return Footprint(whole, owners, ttls)


def find_clash(
    mine: Footprint, changes: Changes, theirs: Iterable[RRsetDelta]
) -> RRsetDelta | None:
    """Return the first change of others that conflicts with a change, None if none does.

    Args:
        mine: the footprint of the change.
        changes: its changes, computed on the old tip.
        theirs: the changes of others, without those of a serial only.
    """
    for delta in theirs:
        key = (delta.owner, delta.rdtype)
        if key in changes and spelling.is_same(changes[key], delta.new):
            continue
        emptied = delta.owner in mine.owners and delta.rdtype != rrtypes.SOA
        if key in mine.whole or emptied or _changes_ttl(delta, mine.ttls.get(key)):
            return delta
    return None


def _changes_ttl(theirs: RRsetDelta, stated: int | None) -> bool:
    """Return whether the TTL changed to another one than is stated with added records."""
    if stated is None or theirs.new is None or theirs.new.ttl == stated:
        return False
    return theirs.old is None or theirs.old.ttl != theirs.new.ttl
