"""Find the additional records of an RRset, and the RRsets that depend on them. Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from immutables import Map
from msgspec.structs import replace

from zonegit.errors import Invalid
from zonegit.nameserver.zone.nodes import ADDITIONAL_TYPES
from zonegit.nameserver.zone.snapshot import Dependents, Node, ZoneSnapshot, find_node
from zonegit.zone import names, rrtypes
from zonegit.zone.names import ROOT, Name, Path
from zonegit.zone.rrset import RRset

_ADDED_TYPES: Final = frozenset(
    {rrtypes.A, rrtypes.AAAA, rrtypes.SVCB, rrtypes.HTTPS, rrtypes.RRSIG}
)
"""Types of additional records."""

_PAUSE: Final = (None,)

_PREFERENCE: Final = 2
_SRV_HEAD: Final = 6
_NAPTR_HEAD: Final = 4


def find_targets(rrset: RRset) -> list[Name]:
    """Return the hosts that the RDATA names, each once, in its order. Malformed RDATA is
    skipped."""
    name_at = _TARGET_OFFSETS.get(rrset.rdtype)
    if name_at is None:
        return []
    found: dict[Name, None] = {}
    for rdata in rrset.rdatas:
        try:
            target = names.from_wire(rdata[name_at(rdata) : _find_name_end(rdata, name_at(rdata))])
        except (Invalid, IndexError):
            continue
        if target == ROOT and rrset.rdtype in (rrtypes.SVCB, rrtypes.HTTPS):
            target = rrset.owner  # RFC 9460 section 2.5
        found[target] = None
    return list(found)


def _find_name_end(rdata: bytes, at: int) -> int:
    while rdata[at]:
        at += rdata[at] + 1
    return at + 1


def _find_naptr_target(rdata: bytes) -> int:
    """Return the offset after order, preference, flags, services and regexp (RFC 3403 section
    4.1)."""
    at = _NAPTR_HEAD
    for _ in range(3):
        at += rdata[at] + 1
    return at


_TARGET_OFFSETS: Final[dict[int, Callable[[bytes], int]]] = {
    rrtypes.NS: lambda _: 0,
    rrtypes.MX: lambda _: _PREFERENCE,
    rrtypes.SRV: lambda _: _SRV_HEAD,
    rrtypes.NAPTR: _find_naptr_target,
    rrtypes.SVCB: lambda _: _PREFERENCE,
    rrtypes.HTTPS: lambda _: _PREFERENCE,
}


def register_targets(snapshot: ZoneSnapshot, path: Path, before: Node | None) -> ZoneSnapshot:
    """Record which names of the zone the node at ``path`` takes addresses from.

    Args:
        snapshot: the zone after the change.
        path: the name of the node.
        before: the node before the change.
    """
    old, new = (
        _find_targets_here(snapshot, before),
        _find_targets_here(snapshot, find_node(snapshot, path)),
    )
    if old == new:
        return snapshot
    dependents = snapshot.dependents
    for target in old - new:
        dependents = _drop_dependent(dependents, target, path)
    for target in new - old:
        dependents = dependents.set(target, dependents.get(target, Map()).set(path, None))
    return replace(snapshot, dependents=dependents)


def _find_targets_here(snapshot: ZoneSnapshot, node: Node | None) -> set[Name]:
    if node is None:
        return set()
    rrsets = (data.rrset for rdtype, data in node.data.items() if rdtype in ADDITIONAL_TYPES)
    found = {target for rrset in rrsets for target in find_targets(rrset)}
    return {target for target in found if names.is_within(target, snapshot.apex)}


def _drop_dependent(dependents: Dependents, target: Name, path: Path) -> Dependents:
    left = dependents[target].delete(path)
    return dependents.set(target, left) if left else dependents.delete(target)


def iter_dependents(
    snapshot: ZoneSnapshot, owner: Name, path: Path, rdtype: int
) -> Iterator[Path | None]:
    """Yield the nodes whose additional records change when an RRset of ``owner`` changes.

    A change of NS or DNAME may make a zone cut, so the names below are affected too.

    Args:
        snapshot: the zone after the change.
        owner: the name of the RRset.
        path: the labels of ``owner``.
        rdtype: the type of the RRset that changes.

    Yields:
        Paths of nodes. None is a pause: the walk may visit most of the zone and find none.
    """
    dependents = snapshot.dependents
    if not dependents:
        return
    if rdtype in _ADDED_TYPES or rdtype == rrtypes.NS:
        yield from dependents.get(owner, ())
    if path and rdtype in (rrtypes.NS, rrtypes.DNAME):
        node = find_node(snapshot, path)
        for each in _iter_owners_below(node) if node is not None else ():
            yield from dependents.get(each, _PAUSE)


def _iter_owners_below(node: Node) -> Iterator[Name]:
    pending: list[Iterator[Node]] = [iter(node.children.values())]
    while pending:
        child = next(pending[-1], None)
        if child is None:
            pending.pop()
            continue
        pending.append(iter(child.children.values()))
        for data in child.data.values():
            yield data.rrset.owner
            break
