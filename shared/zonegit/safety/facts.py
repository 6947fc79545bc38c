"""Find the facts of a move: the changes to a zone, from the trees before and after. Pure.

The cost depends on the change. Subtrees that are equal on both sides and subtrees that are new are
not read, and the RRsets of the zone are counted only as far as the verdict depends on their number.
The caller provides the objects (``objects.walk``).
"""

from dataclasses import dataclass, field
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects import zone_tree
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Blob, Object
from zonegit.objects.node_diff import NodeDiffs
from zonegit.objects.walk import T, Walk
from zonegit.objects.zone_tree import TreeChange
from zonegit.safety.policy import MAX_NAMED, Facts, RRsetKey
from zonegit.store.basis import MoveLimits
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset, is_same_except_serial

SIGNER_TYPES: Final = frozenset({rrtypes.RRSIG, rrtypes.NSEC, rrtypes.NSEC3, rrtypes.ZONEMD})
"""Types that signers generate. They are not counted as changes of an operator."""

MAX_NODES: Final = 400_000
"""Tree nodes that are read for one move. A zone of 100,000 names that is signed again needs half of
them."""

NODE_BATCH: Final = 1_024
"""Nodes that are compared per round trip."""


@dataclass(slots=True)
class _Differences:
    """The differences so far."""

    apex: Name
    touched: int = 0
    first: list[RRsetKey] = field(default_factory=list)
    soa: TreeChange | None = None
    loses_ns: bool = False
    ds: list[Path] = field(default_factory=list)
    new_ds: list[Path] = field(default_factory=list)
    new_ns: set[Path] = field(default_factory=set)

    def add(self, change: TreeChange) -> None:
        """Record a difference."""
        if change.rdtype == rrtypes.DS:
            (self.ds if change.old is not None else self.new_ds).append(change.path)
        if change.rdtype == rrtypes.NS:
            self._add_ns(change)
        if not change.path and change.rdtype == rrtypes.SOA:
            self.soa = change
        elif change.old is not None and change.rdtype not in SIGNER_TYPES:
            self.count(change)

    def count(self, change: TreeChange) -> None:
        """Count an RRset that was changed or deleted."""
        self.touched += 1
        if len(self.first) < MAX_NAMED:
            self.first.append((names.below(self.apex, change.path), change.rdtype))

    def _add_ns(self, change: TreeChange) -> None:
        if change.old is None:
            self.new_ns.add(change.path)
        if change.new is None and not change.path:
            self.loses_ns = True

    def list_ds(self) -> tuple[RRsetKey, ...]:
        """Return the DS RRsets that differ, except for those that are new together with their
        delegation: no resolver can have relied on these (RFC 4035 section 5.2)."""
        paths = [*self.ds, *(path for path in self.new_ds if path not in self.new_ns)]
        return tuple((names.below(self.apex, path), rrtypes.DS) for path in paths)


class _BudgetExceeded(Exception):
    """The budget is exceeded."""


@dataclass(slots=True)
class _Budget:
    """The number of nodes that may still be read."""

    left: int

    def spend(self, nodes: int) -> None:
        """Subtract nodes from the budget.

        Raises:
            _TooMuch: fewer are left.
        """
        self.left -= nodes
        if self.left < 0:
            raise _BudgetExceeded


def gather_facts(
    old: ObjectId,
    new: ObjectId,
    apex: Name,
    limits: MoveLimits,
    max_nodes: int = MAX_NODES,
    diffs: NodeDiffs | None = None,
) -> Walk[Facts]:
    """Gather the facts of a branch's move.

    Args:
        old: the tree before.
        new: the tree after.
        apex: the zone's name.
        limits: the limits of the safety checks.
        max_nodes: the maximum number of nodes to read.
        diffs: compares nodes; it may be shared with other walks.

    Returns:
        The facts; incomplete ones if there are more nodes.

    Raises:
        Corrupt: an object is not a tree.
    """
    found = _Differences(apex)
    budget = _Budget(max_nodes)
    total = 0
    try:
        comparing = zone_tree.diff(old, new, found.add, NODE_BATCH, added=False, diffs=diffs)
        yield from _run_within(budget, comparing)
        # The SOA is read only if one more RRset can change the verdict.
        soa = found.soa if limits.may_exceed(found.touched + 1) else None
        if soa is not None and not (yield from _is_soa_serial_change(soa)):
            found.count(soa)
        if limits.may_exceed(found.touched):
            counting = zone_tree.count(old, limits.min_rrsets(found.touched), SIGNER_TYPES)
            total = yield from _run_within(budget, counting)
    except _BudgetExceeded:
        return Facts(is_complete=False, loses_ns=found.loses_ns, ds=found.list_ds())
    return Facts(found.touched, tuple(found.first), total, found.loses_ns, found.list_ds())


def is_serial_change(old: ObjectId, new: ObjectId) -> Walk[bool]:
    """Return whether two trees of a zone differ in the SOA's serial only.

    Raises:
        Corrupt: an object has another kind than its place in the tree requires.
    """
    changes: list[TreeChange] = []

    def add(change: TreeChange) -> None:
        changes.append(change)
        if len(changes) > 1:
            raise _BudgetExceeded

    try:
        yield from zone_tree.diff(old, new, add, NODE_BATCH)
    except _BudgetExceeded:
        return False
    if [(each.path, each.rdtype) for each in changes] != [((), rrtypes.SOA)]:
        return False
    return (yield from _is_soa_serial_change(changes[0]))


def _run_within(budget: _Budget, walk: Walk[T]) -> Walk[T]:
    """Run a walk, and subtract the objects that it asks for from the budget.

    Raises:
        _TooMuch: the budget is exceeded.
    """
    try:
        wanted = next(walk)
        while True:
            budget.spend(len(wanted))
            wanted = walk.send((yield wanted))
    except StopIteration as done:
        value: T = done.value
        return value


def _is_soa_serial_change(soa: TreeChange) -> Walk[bool]:
    """Return whether only the serial of the SOA differs."""
    if soa.old is None or soa.new is None:
        return False
    answers = yield [soa.old, soa.new]
    old, new = (_require_rrset(answers[each], each) for each in (soa.old, soa.new))
    return is_same_except_serial(old, new)


def _require_rrset(blob: Object, object_id: ObjectId) -> RRset:
    if not isinstance(blob, Blob):
        raise Corrupt(f"object {short(object_id)} is used as an RRset but is not one")
    return blob.rrset
