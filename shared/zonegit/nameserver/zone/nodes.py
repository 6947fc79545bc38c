"""Compile one node of a zone: what its RRsets mean to queries. Pure."""

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
"""Types whose RDATA names hosts, and whose answers have the addresses of these as additional
records (RFC 1034 section 3.7, RFC 2782, RFC 3403 section 4.2, RFC 9460 section 4.1)."""

_DELEGATION_TYPES: Final = frozenset(
    {rrtypes.NS, rrtypes.DNAME, rrtypes.DS, rrtypes.NSEC, rrtypes.RRSIG}
)
"""Types that make a delegation, or are part of a referral."""


def set_rrset(node: Node, path: Path, rdtype: int, rrset: RRset | None) -> Node:
    """Return the node at ``path`` with another RRset of that type; None removes it."""
    data = dict(node.data)
    if rrset is None:
        data.pop(rdtype, None)
    else:
        data[rdtype] = _make_outcome(rrset)
    if rdtype == rrtypes.RRSIG:
        data = {each: _drop_signed(old) for each, old in data.items()}
    if rrtypes.RRSIG in data:
        signatures = data[rrtypes.RRSIG].rrset
        data[rrtypes.RRSIG] = RRsetData(signatures, _covered_ttls(signatures, data))
    delegation = node.delegation
    if rdtype in _DELEGATION_TYPES:
        delegation = _find_delegation(data, path)
    return Node(data, node.children, delegation)


def _make_outcome(rrset: RRset) -> Data:
    """Return what an RRset means to a query for its owner and type."""
    if rrset.rdtype == rrtypes.CNAME:
        return Cname(rrset, names.from_wire(rrset.rdatas[0]))
    if rrset.rdtype in (rrtypes.NSEC, rrtypes.NSEC3):
        return NsecRecord(rrset)
    return RRsetData(rrset)


def _drop_signed(data: Data) -> Data:
    """Return the outcome without its fragment for clients that set DO."""
    made = _make_outcome(data.rrset)
    made.fragment = data.fragment
    return made


def drop_rendered(node: Node) -> Node:
    """Return the node without the fragments that hold additional records."""
    data = {
        each: _make_outcome(old.rrset) if each in ADDITIONAL_TYPES else old
        for each, old in node.data.items()
    }
    delegation = node.delegation
    if isinstance(delegation, Referral):
        delegation = Referral(delegation.rrset, delegation.targets)
    return Node(data, node.children, delegation)


def _covered_ttls(signatures: RRset, data: dict[int, Data]) -> tuple[int, ...]:
    """Return the TTL of each RRSIG: that of the RRset it covers (RFC 4034 section 3)."""
    covered = (data.get(int.from_bytes(rdata[:2], "big")) for rdata in signatures.rdatas)
    return tuple(one.rrset.ttl if one is not None else signatures.ttl for one in covered)


def _find_delegation(data: dict[int, Data], path: Path) -> Delegation | None:
    """Return the delegation that a node makes. NS below the apex make a zone cut; a DNAME at the
    same name belongs to the child."""
    servers = data.get(rrtypes.NS)
    if servers is not None and path:
        rrset = servers.rrset
        return Referral(rrset, tuple(names.from_wire(rdata) for rdata in rrset.rdatas))
    redirect = data.get(rrtypes.DNAME)
    if redirect is not None:
        names.from_wire(redirect.rrset.rdatas[0])
        return Dname(redirect.rrset, redirect.rrset.rdatas[0])
    return None
