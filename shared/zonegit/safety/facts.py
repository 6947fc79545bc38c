"""The facts of a move: the changes to a zone, found in the trees before and after.

Costs follow the change: what is equal on both sides is never asked for, names that are new
altogether are left alone, and the size of the zone is counted no further than the verdict depends
on it. Pure: the caller brings the objects (``objects.walk``).
"""

from dataclasses import dataclass, field
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects import zone_tree
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Blob, Object
from zonegit.objects.walk import T, Walk
from zonegit.objects.zone_tree import TreeChange
from zonegit.safety.policy import MAX_NAMED, Facts, RRsetKey
from zonegit.store.basis import MoveLimits
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset, with_serial

MADE: Final = frozenset({rrtypes.RRSIG, rrtypes.NSEC, rrtypes.NSEC3, rrtypes.ZONEMD})
"""Types that signers generate each time; they are not an operator's, so they do not count."""

MAX_NODES: Final = 400_000
"""Tree nodes that are looked at for one move: a zone of 100,000 names, signed again, takes half."""

STEP: Final = 1_024
"""Nodes that are compared between two asks: a change of many is looked at in few round trips."""


@dataclass(slots=True)
class _Seen:
    """The differences so far."""

    apex: Name
    touched: int = 0
    some: list[RRsetKey] = field(default_factory=list)
    soa: TreeChange | None = None
    without_ns: bool = False
    ds: list[Path] = field(default_factory=list)
    new_ds: list[Path] = field(default_factory=list)
    new_ns: set[Path] = field(default_factory=set)

    def take(self, change: TreeChange) -> None:
        """Take a difference into account."""
        if change.rdtype == rrtypes.DS:
            (self.ds if change.old is not None else self.new_ds).append(change.path)
        if change.rdtype == rrtypes.NS:
            self._take_ns(change)
        if not change.path and change.rdtype == rrtypes.SOA:
            self.soa = change
        elif change.old is not None and change.rdtype not in MADE:
            self.count(change)

    def count(self, change: TreeChange) -> None:
        """Count an RRset that was there before, and was changed or deleted."""
        self.touched += 1
        if len(self.some) < MAX_NAMED:
            self.some.append((names.below(self.apex, change.path), change.rdtype))

    def _take_ns(self, change: TreeChange) -> None:
        if change.old is None:
            self.new_ns.add(change.path)
        if change.new is None and not change.path:
            self.without_ns = True

    def harmed(self) -> tuple[RRsetKey, ...]:
        """Return the DS that differ, but for those that came with their delegation: no resolver can
        have relied on these (RFC 4035 section 5.2)."""
        paths = [*self.ds, *(path for path in self.new_ds if path not in self.new_ns)]
        return tuple((names.below(self.apex, path), rrtypes.DS) for path in paths)


class _TooMuch(Exception):
    """More than may be looked at."""


@dataclass(slots=True)
class _Budget:
    """The number of nodes that may still be looked at."""

    left: int

    def spend(self, nodes: int) -> None:
        """Take nodes off the budget.

        Raises:
            _TooMuch: there are not so many left.
        """
        self.left -= nodes
        if self.left < 0:
            raise _TooMuch


def gather(
    old: ObjectId, new: ObjectId, apex: Name, limits: MoveLimits, most: int = MAX_NODES
) -> Walk[Facts]:
    """Gather the facts of a branch's move from tree ``old`` to ``new``; look at ``most`` nodes.

    Raises:
        Corrupt: an object is not a tree.
    """
    seen = _Seen(apex)
    budget = _Budget(most)
    had = 0
    try:
        yield from _within(budget, zone_tree.diff(old, new, seen.take, STEP, added=False))
        # Where one RRset more makes no difference, reading the SOA is spared.
        in_doubt = seen.soa if limits.matters(seen.touched + 1) else None
        if in_doubt is not None and not (yield from _is_serial_alone(in_doubt)):
            seen.count(in_doubt)
        if limits.matters(seen.touched):
            counting = zone_tree.count(old, limits.enough(seen.touched), MADE)
            had = yield from _within(budget, counting)
    except _TooMuch:
        return Facts(complete=False, without_ns=seen.without_ns, ds=seen.harmed())
    return Facts(seen.touched, tuple(seen.some), had, seen.without_ns, seen.harmed())


def differs_in_serial(old: ObjectId, new: ObjectId) -> Walk[bool]:
    """Return whether the SOA's serial is all that differs between two trees of a zone.

    Raises:
        Corrupt: an object is not what its place promises.
    """
    seen: list[TreeChange] = []

    def take(change: TreeChange) -> None:
        seen.append(change)
        if len(seen) > 1:
            raise _TooMuch

    try:
        yield from zone_tree.diff(old, new, take, STEP)
    except _TooMuch:
        return False
    if [(each.path, each.rdtype) for each in seen] != [((), rrtypes.SOA)]:
        return False
    return (yield from _is_serial_alone(seen[0]))


def _within(budget: _Budget, asks: Walk[T]) -> Walk[T]:
    """Gather the facts as far as the budget reaches."""
    try:
        wanted = next(asks)
        while True:
            budget.spend(len(wanted))
            wanted = asks.send((yield wanted))
    except StopIteration as done:
        value: T = done.value
        return value


def _is_serial_alone(soa: TreeChange) -> Walk[bool]:
    """Return whether nothing but the serial of the SOA differs."""
    if soa.old is None or soa.new is None:
        return False
    answers = yield [soa.old, soa.new]
    old, new = (_rrset(answers[each], each) for each in (soa.old, soa.new))
    return with_serial(old, 0) == with_serial(new, 0)


def _rrset(blob: Object, object_id: ObjectId) -> RRset:
    if not isinstance(blob, Blob):
        raise Corrupt(f"object {short(object_id)} is used as an RRset but is not one")
    return blob.rrset
