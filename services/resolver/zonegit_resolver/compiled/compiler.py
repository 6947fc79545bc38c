"""From one snapshot to the next: only what changed, and what depends on it, is compiled. Pure.

Loading a zone is advancing from the empty snapshot. Work comes in steps, so that whoever drives it
can answer queries in between.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from immutables import Map
from msgspec.structs import replace

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import IN, MAX_MESSAGE, RRset, describe, message_size, soa
from zonegit_resolver.compiled.snapshot import (
    EMPTY,
    Alias,
    Dependents,
    Found,
    Held,
    NoData,
    Node,
    NoName,
    Redirect,
    Referral,
    Snapshot,
    Turn,
    empty,
    node_at,
)

ADDRESSES: Final = (rrtypes.A, rrtypes.AAAA)

MOST_OCTETS: Final = 2 << 30
"""Memory that one zone may take, about: one tenant must not take that of all."""
OVERHEAD: Final = 700
"""Octets of memory that an RRset takes beside its records' RDATA, about."""
OF_A_RECORD: Final = 50

Edit = Callable[[Node], Node]


class Change(NamedTuple):
    """What the RRset of an owner and type becomes; None removes it."""

    path: Path
    rdtype: int
    rrset: RRset | None


def compiled(apex: Name, rrsets: Iterable[RRset]) -> Snapshot:
    """A zone from nothing.

    Raises:
        Invalid: as :func:`advance`.
    """
    return advanced(
        empty(apex),
        (Change(names.path(rrset.owner, apex), rrset.rdtype, rrset) for rrset in rrsets),
    )


def advanced(snapshot: Snapshot, changes: Iterable[Change]) -> Snapshot:
    """The snapshot after all changes.

    Raises:
        Invalid: as :func:`advance`.
    """
    for step in advance(snapshot, changes):
        snapshot = step
    return snapshot


def advance(snapshot: Snapshot, changes: Iterable[Change]) -> Iterator[Snapshot]:
    """Yields after each small piece of work; only the last snapshot holds all changes.

    Raises:
        Invalid: an RRset is not of the owner, type or class it stands for, fits no message, or
            what it says of other names cannot be read; the zone takes too much memory.
    """
    for change in changes:
        _check(snapshot.apex, change)
        before = node_at(snapshot, change.path)
        snapshot = _with_change(snapshot, change, _size(snapshot, change, before))
        yield snapshot
        if change.path and change.rdtype == rrtypes.NS:
            after = node_at(snapshot, change.path)
            snapshot = _register(snapshot, change.path, before, after)
            yield snapshot
        if change.rdtype in ADDRESSES:
            for cut in snapshot.dependents.get(names.below(snapshot.apex, change.path), Map()):
                snapshot = replace(snapshot, root=_edited(snapshot.root, cut, _forget_glue))
                yield snapshot


def _check(apex: Name, change: Change) -> None:
    rrset = change.rrset
    if rrset is None:
        return
    owner = names.below(apex, change.path)
    if rrset.owner != owner or rrset.rdtype != change.rdtype or rrset.rdclass != IN:
        raise Invalid(
            f"{describe(rrset)} is stored in place of"
            f" {names.text(owner)} {rrtypes.to_text(change.rdtype)}"
        )
    if _octets(rrset) > MAX_MESSAGE and message_size(rrset) > MAX_MESSAGE:
        raise Invalid(f"{describe(rrset)} fits no DNS message")


def _size(snapshot: Snapshot, change: Change, before: Node | None) -> int:
    """The snapshot's size after the change."""
    old = before.held.get(change.rdtype) if before is not None else None
    more = _octets(change.rrset) - _octets(old.rrset if old is not None else None)
    size = snapshot.size + more
    if more > 0 and size > MOST_OCTETS:
        raise Invalid(
            f"{names.text(snapshot.apex)} takes more than {MOST_OCTETS >> 20} MiB of memory,"
            " which is too much for one zone",
            hint="delegate parts of it to zones of their own",
        )
    return size


def _octets(rrset: RRset | None) -> int:
    """The memory it takes; more than in any message."""
    if rrset is None:
        return 0
    return OVERHEAD + OF_A_RECORD * len(rrset.rdatas) + sum(map(len, rrset.rdatas))


def _with_change(snapshot: Snapshot, change: Change, size: int) -> Snapshot:
    def edit(node: Node) -> Node:
        return _with_rrset(node, change.rdtype, change.rrset, is_apex=not change.path)

    root = _edited(snapshot.root, change.path, edit)
    if change.path or change.rdtype != rrtypes.SOA:
        return replace(snapshot, root=root, size=size)
    apex, at_apex = snapshot.apex, change.rrset
    return replace(
        snapshot,
        root=root,
        size=size,
        no_data=NoData(apex, at_apex),
        no_name=NoName(apex, at_apex),
        serial=soa(at_apex).serial if at_apex is not None else None,
    )


def _edited(node: Node, path: Path, edit: Edit) -> Node:
    """The tree with another node at ``path``; nodes without content disappear."""
    trail = []
    for label in path:
        trail.append((node, label))
        node = node.children.get(label, EMPTY)
    node = edit(node)
    for parent, label in reversed(trail):
        if node.held or node.children:
            children = parent.children.set(label, node)
        elif label in parent.children:
            children = parent.children.delete(label)
        else:
            children = parent.children
        node = Node(parent.held, children, parent.turn)
    return node


def _with_rrset(node: Node, rdtype: int, rrset: RRset | None, *, is_apex: bool) -> Node:
    held = dict(node.held)
    if rrset is None:
        held.pop(rdtype, None)
    else:
        held[rdtype] = _held(rrset)
    if rrtypes.RRSIG in held:
        signatures = held[rrtypes.RRSIG].rrset
        held[rrtypes.RRSIG] = Found(signatures, _covered_ttls(signatures, held))
    turn = node.turn
    if rdtype in (rrtypes.NS, rrtypes.DNAME):
        turn = _turn(held, is_apex=is_apex)
    return Node(held, node.children, turn)


def _held(rrset: RRset) -> Held:
    if rrset.rdtype == rrtypes.CNAME:
        return Alias(rrset, names.from_wire(rrset.rdatas[0]))
    return Found(rrset)


def _turn(held: dict[int, Held], *, is_apex: bool) -> Turn | None:
    servers = held.get(rrtypes.NS)
    if servers is not None and not is_apex:
        rrset = servers.rrset
        return Referral(rrset, tuple(names.from_wire(rdata) for rdata in rrset.rdatas))
    redirect = held.get(rrtypes.DNAME)
    if redirect is not None:
        names.from_wire(redirect.rrset.rdatas[0])
        return Redirect(redirect.rrset, redirect.rrset.rdatas[0])
    return None


def _covered_ttls(signatures: RRset, held: dict[int, Held]) -> tuple[int, ...]:
    """Each RRSIG has the TTL of the RRset it covers (RFC 4034 section 3)."""
    covered = (held.get(int.from_bytes(rdata[:2], "big")) for rdata in signatures.rdatas)
    return tuple(one.rrset.ttl if one is not None else signatures.ttl for one in covered)


def _forget_glue(node: Node) -> Node:
    """The same zone cut, its referral to be rendered anew."""
    turn = node.turn
    if isinstance(turn, Referral):
        turn = Referral(turn.rrset, turn.targets)
    return Node(node.held, node.children, turn)


def _register(snapshot: Snapshot, path: Path, before: Node | None, after: Node | None) -> Snapshot:
    """Notes which names of the zone a cut's referral takes addresses from."""
    old, new = _targets(snapshot.apex, before), _targets(snapshot.apex, after)
    dependents = snapshot.dependents
    for target in old - new:
        dependents = _without(dependents, target, path)
    for target in new - old:
        dependents = dependents.set(target, dependents.get(target, Map()).set(path, None))
    return replace(snapshot, dependents=dependents)


def _targets(apex: Name, node: Node | None) -> set[Name]:
    if node is None or not isinstance(node.turn, Referral):
        return set()
    return {target for target in node.turn.targets if names.is_within(target, apex)}


def _without(dependents: Dependents, target: Name, path: Path) -> Dependents:
    left = dependents[target].delete(path)
    return dependents.set(target, left) if left else dependents.delete(target)
