"""Compile snapshots incrementally: only what changed, and what depends on it, is compiled. Pure.

Loading a zone is advancing from the empty snapshot. The work is done in steps, so that the caller
can answer queries in between.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from zonegit.errors import Corrupt, Invalid
from zonegit.nameserver.zone import nsec as nsec
from zonegit.nameserver.zone.additional import iter_dependents, register_targets
from zonegit.nameserver.zone.nodes import ADDITIONAL_TYPES, drop_rendered, set_rrset
from zonegit.nameserver.zone.snapshot import (
    EMPTY,
    NoData,
    Node,
    NxDomain,
    ZoneSnapshot,
    empty_snapshot,
    find_node,
)
from zonegit.objects.codec import decode
from zonegit.objects.ids import RawObject, short
from zonegit.objects.model import Blob
from zonegit.zone import names, rrtypes, spelling, validity
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import IN, MAX_MESSAGE, RRset, describe, message_size, parse_soa

MAX_ZONE_MEMORY: Final = 2 << 30
"""Approximate memory in octets that one zone may take, so that one tenant cannot take that of
all."""
RRSET_OVERHEAD: Final = 600
"""Approximate memory in octets that an RRset takes in addition to its RDATA, before it is
rendered. Measured where it is the only one at its name; a second one takes less than half."""
RECORD_OVERHEAD: Final = 50

NodeEdit = Callable[[Node], Node]


class RRsetChange(NamedTuple):
    """The new RRset of an owner and type; None removes it."""

    path: Path
    rdtype: int
    rrset: RRset | None


def decode_change(path: Path, rdtype: int, blob: RawObject | None) -> RRsetChange:
    """Return the change that a stored RRset makes to a snapshot.

    Raises:
        Corrupt: the object is not an RRset.
    """
    if blob is None:
        return RRsetChange(path, rdtype, None)
    value = decode(blob)
    if not isinstance(value, Blob):
        raise Corrupt(f"object {short(blob.id)} is used as an RRset but is not one")
    return RRsetChange(path, rdtype, value.rrset)


def compile_zone(apex: Name, rrsets: Iterable[RRset]) -> ZoneSnapshot:
    """Compile a whole zone.

    Raises:
        Invalid: for the reasons of :func:`advance`.
    """
    return apply_changes(
        empty_snapshot(apex),
        (RRsetChange(names.path(rrset.owner, apex), rrset.rdtype, rrset) for rrset in rrsets),
    )


def apply_changes(snapshot: ZoneSnapshot, changes: Iterable[RRsetChange]) -> ZoneSnapshot:
    """Return the snapshot after all changes.

    Raises:
        Invalid: for the reasons of :func:`advance`.
    """
    for step in advance(snapshot, changes):
        snapshot = step
    return snapshot


def advance(snapshot: ZoneSnapshot, changes: Iterable[RRsetChange]) -> Iterator[ZoneSnapshot]:
    """Apply changes step by step.

    Yields:
        A snapshot after each small piece of work. Only the last one holds all changes.

    Raises:
        Invalid: an RRset has another owner, type or class than its place, exceeds a message, or has
            RDATA whose names cannot be read; or the zone takes too much memory.
    """
    for each in changes:
        owner = names.below(snapshot.apex, each.path)
        _check_rrset(owner, each)
        before = find_node(snapshot, each.path)
        change = _share_owner(_drop_duplicate_spellings(each), before)
        snapshot = _apply_change(snapshot, change, _compute_size(snapshot, change, before))
        yield snapshot
        if change.rdtype in ADDITIONAL_TYPES:
            snapshot = register_targets(snapshot, change.path, before)
            yield snapshot
        for path in iter_dependents(snapshot, owner, change.path, change.rdtype):
            if path is not None:
                snapshot = replace(snapshot, root=_edit_node(snapshot.root, path, drop_rendered))
            yield snapshot


def _drop_duplicate_spellings(change: RRsetChange) -> RRsetChange:
    """Return an RRset with one spelling of each record: that of answers and transfers."""
    rrset = change.rrset
    if rrset is None or len(rrset.rdatas) < 2:
        return change
    kept = spelling.remove_twins(rrset)
    return change if kept is rrset else RRsetChange(change.path, change.rdtype, kept)


def _check_rrset(owner: Name, change: RRsetChange) -> None:
    rrset = change.rrset
    if rrset is None:
        return
    misplaced = validity.find_misplaced(owner, change.rdtype, rrset.owner, rrset.rdtype)
    if misplaced is not None:
        raise Invalid(misplaced)
    if rrset.rdclass != IN:
        raise Invalid(f"{describe(rrset)} is of class {rrset.rdclass}, not IN")
    if _estimate_memory(rrset) > MAX_MESSAGE and message_size(rrset) > MAX_MESSAGE:
        raise Invalid(f"{describe(rrset)} is too large for a DNS message")


def _share_owner(change: RRsetChange, before: Node | None) -> RRsetChange:
    """Return the change with the owner octets of the other RRsets at the name, to save memory.
    Each RRset was decoded with octets of its own."""
    rrset = change.rrset
    if rrset is None or before is None or not before.data:
        return change
    owner = next(iter(before.data.values())).rrset.owner
    return RRsetChange(
        change.path, change.rdtype, RRset(owner, rrset.rdtype, rrset.ttl, rrset.rdatas)
    )


def _compute_size(snapshot: ZoneSnapshot, change: RRsetChange, before: Node | None) -> int:
    """Return the snapshot's size after the change."""
    old = nsec.find_hashed(snapshot.denial, snapshot.apex, change.path, change.rdtype)
    if old is None and before is not None:
        old = before.data.get(change.rdtype)
    more = _estimate_memory(change.rrset) - _estimate_memory(old.rrset if old is not None else None)
    size = snapshot.size + more
    if more > 0 and size > MAX_ZONE_MEMORY:
        raise Invalid(
            f"{names.text(snapshot.apex)} takes more than {MAX_ZONE_MEMORY >> 20} MiB of memory,"
            " the limit for one zone",
            hint="delegate parts of it to separate zones",
        )
    return size


def _estimate_memory(rrset: RRset | None) -> int:
    """Return the approximate memory of an RRset; more than it takes in any message."""
    if rrset is None:
        return 0
    return RRSET_OVERHEAD + RECORD_OVERHEAD * len(rrset.rdatas) + sum(map(len, rrset.rdatas))


def _apply_change(snapshot: ZoneSnapshot, change: RRsetChange, size: int) -> ZoneSnapshot:
    """Return the snapshot after the change of its names, or of the NSEC3 records apart from
    these."""
    apex, rrset, denial = snapshot.apex, change.rrset, snapshot.denial
    if nsec.affects_hashed(denial, change.rdtype, rrset):
        denial = nsec.set_hashed(denial, apex, change.path, change.rdtype, rrset)
        rrset = nsec.drop_hashed(change.rdtype, rrset)
    elif change.rdtype == rrtypes.NSEC:
        denial = nsec.set_nsec_owner(denial, change.path, holds_nsec=rrset is not None)
    elif change.rdtype == rrtypes.NSEC3PARAM and not change.path:
        denial = nsec.set_nsec3param(denial, rrset)

    def edit(node: Node) -> Node:
        return set_rrset(node, change.path, change.rdtype, rrset)

    root = _edit_node(snapshot.root, change.path, edit)
    if change.path or change.rdtype not in (rrtypes.SOA, rrtypes.RRSIG):
        return replace(snapshot, root=root, size=size, denial=denial)
    data = root.data.get(rrtypes.SOA)
    at_apex = data.rrset if data is not None else None
    return replace(
        snapshot,
        root=root,
        size=size,
        denial=denial,
        no_data=NoData(apex, at_apex),
        nxdomain=NxDomain(apex, at_apex),
        serial=parse_soa(at_apex).serial if at_apex is not None else None,
    )


def _edit_node(node: Node, path: Path, edit: NodeEdit) -> Node:
    """Return the tree with another node at ``path``; nodes without content are removed."""
    trail = []
    for label in path:
        trail.append((node, label))
        node = node.children.get(label, EMPTY)
    node = edit(node)
    for parent, label in reversed(trail):
        if node.data or node.children:
            children = parent.children.set(label, node)
        elif label in parent.children:
            children = parent.children.delete(label)
        else:
            children = parent.children
        node = Node(parent.data, children, parent.delegation)
    return node
