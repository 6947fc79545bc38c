"""Replays: decides whether a change that lost a race can be made again on the tip. All pure.

Edits that add and remove records state nothing about the other records of an RRset, so any order
of them is right. An edit that states a whole RRset, or deletes it, was typed by an operator who saw
other records there: it is not made again. What the others changed is compared by RRset:

- an RRset that is stated or deleted whole must not have changed, except to the very same;
- of an RRset that records join, the TTL must not have become another one than is stated with them.
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

    Args:
        whole: RRsets that it states or deletes as a whole.
        owners: names of which it deletes every RRset.
        ttls: RRsets that records join, with the TTL stated for them.
    """

    whole: AbstractSet[RRsetKey] = frozenset()
    owners: AbstractSet[Name] = frozenset()
    ttls: Mapping[RRsetKey, int] = msgspec.field(default_factory=dict)

    def touches(self, owner: Name, rdtype: int) -> bool:
        """Return whether it relies on that RRset."""
        key = (owner, rdtype)
        return key in self.whole or key in self.ttls or owner in self.owners


def find_footprint(edits: Iterable[RRsetEdit]) -> Footprint:
    """Return what edits rely on."""
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
                pass  # the RRset keeps its TTL, whatever that is by then
            case Delete(owner, rdtype):
                if rdtype is None:
                    owners.add(owner)
                else:
                    whole.add((owner, rdtype))
            case Remove():
                pass  # a record that is gone by then is an error of its own
    return Footprint(whole, owners, ttls)


def find_clash(
    mine: Footprint, changes: Changes, theirs: Iterable[RRsetDelta]
) -> RRsetDelta | None:
    """Return the first change of others that stands in the way of making a change again.

    Args:
        mine: what the change relies on.
        changes: what it made of RRsets before the others came first.
        theirs: what the others changed, without an SOA whose serial alone moved.
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
    """Return whether the TTL became another one than is stated with records that join."""
    if stated is None or theirs.new is None or theirs.new.ttl == stated:
        return False
    return theirs.old is None or theirs.old.ttl != theirs.new.ttl
