"""One node of a zone: what its RRsets mean to queries, decided anew as they change. Pure."""

from typing import Final

from zonegit.nameserver.zone.snapshot import (
    Cname,
    Data,
    Delegation,
    Dname,
    Node,
    NsecRecord,
    Referral,
    RRsetData,
)
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Path
from zonegit.zone.rrset import RRset

WILDCARD: Final = b"*"

ADDITIONAL_TYPES: Final = frozenset(
    {rrtypes.NS, rrtypes.MX, rrtypes.SRV, rrtypes.NAPTR, rrtypes.SVCB, rrtypes.HTTPS}
)
"""Types whose RDATA names hosts, and that bring the addresses of these along (RFC 1034 section
3.7, RFC 2782, RFC 3403 section 4.2, RFC 9460 section 4.1)."""

_TURNING: Final = frozenset({rrtypes.NS, rrtypes.DNAME, rrtypes.DS, rrtypes.NSEC, rrtypes.RRSIG})
"""Types that decide where a name leads, or are told along."""


def with_rrset(node: Node, path: Path, rdtype: int, rrset: RRset | None) -> Node:
    """The node at ``path`` when its RRset of that type is another one; None removes it."""
    held = dict(node.held)
    if rrset is None:
        held.pop(rdtype, None)
    else:
        held[rdtype] = _outcome(rrset)
    if rdtype == rrtypes.RRSIG:
        held = {each: _unsigned_yet(old) for each, old in held.items()}
    if rrtypes.RRSIG in held:
        signatures = held[rrtypes.RRSIG].rrset
        held[rrtypes.RRSIG] = RRsetData(signatures, _covered_ttls(signatures, held))
    turn = node.turn
    if rdtype in _TURNING:
        turn = _turn(held, path)
    return Node(held, node.children, turn)


def _outcome(rrset: RRset) -> Data:
    """What an RRset means to a query for its owner and type."""
    if rrset.rdtype == rrtypes.CNAME:
        return Cname(rrset, names.from_wire(rrset.rdatas[0]))
    if rrset.rdtype in (rrtypes.NSEC, rrtypes.NSEC3):
        return NsecRecord(rrset)
    return RRsetData(rrset)


def _unsigned_yet(held: Data) -> Data:
    """The same, to be rendered anew for clients that set DO."""
    made = _outcome(held.rrset)
    made.part = held.part
    return made


def forgetting(node: Node) -> Node:
    """The same node, to be rendered anew where it brings addresses along."""
    held = {
        each: _outcome(old.rrset) if each in ADDITIONAL_TYPES else old
        for each, old in node.held.items()
    }
    turn = node.turn
    if isinstance(turn, Referral):
        turn = Referral(turn.rrset, turn.targets)
    return Node(held, node.children, turn)


def _covered_ttls(signatures: RRset, held: dict[int, Data]) -> tuple[int, ...]:
    """Each RRSIG has the TTL of the RRset it covers (RFC 4034 section 3)."""
    covered = (held.get(int.from_bytes(rdata[:2], "big")) for rdata in signatures.rdatas)
    return tuple(one.rrset.ttl if one is not None else signatures.ttl for one in covered)


def _turn(held: dict[int, Data], path: Path) -> Delegation | None:
    """NS below the apex make a zone cut; a DNAME beside them counts in the child only."""
    servers = held.get(rrtypes.NS)
    if servers is not None and path:
        rrset = servers.rrset
        return Referral(rrset, tuple(names.from_wire(rdata) for rdata in rrset.rdatas))
    redirect = held.get(rrtypes.DNAME)
    if redirect is not None:
        names.from_wire(redirect.rrset.rdatas[0])
        return Dname(redirect.rrset, redirect.rrset.rdatas[0])
    return None
