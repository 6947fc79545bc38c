"""Find the outcome of a name and type in a zone: RFC 1034 section 4.3.2, wildcards as in RFC 4592.

Pure. Outcomes are values that the compiler made, so a lookup allocates nothing.
"""

from collections.abc import Sequence
from typing import Final

from zonegit.nameserver.zone.nodes import WILDCARD
from zonegit.nameserver.zone.snapshot import Data, LookupOutcome, Node, Referral, ZoneSnapshot
from zonegit.zone import rrtypes

_TYPES_WITH_CNAME: Final = (rrtypes.RRSIG, rrtypes.NSEC)
"""Types that a name may have in addition to a CNAME. A question for them does not follow the CNAME
(RFC 4035 section 2.5)."""


def lookup(snapshot: ZoneSnapshot, path: Sequence[bytes], qtype: int) -> LookupOutcome:
    """Return the outcome of a name and type.

    Args:
        snapshot: the zone.
        path: the labels of the name below the apex, from the apex down, in lower case.
        qtype: the type of the question.
    """
    node = snapshot.root
    for label in path:
        if node.delegation is not None:
            return node.delegation
        child = node.children.get(label)
        if child is None:
            return _lookup_missing_name(snapshot, node, qtype)
        node = child
    # At a zone cut the parent answers only a query for DS; others get a referral (RFC 4035 section
    # 3.1.4.1).
    if type(node.delegation) is Referral and qtype != rrtypes.DS:
        return node.delegation
    return node.data.get(qtype) or _lookup_missing_type(snapshot, node, qtype)


def list_rrsets(snapshot: ZoneSnapshot, path: Sequence[bytes]) -> list[Data]:
    """Return all RRsets of a name that has some, or of the wildcard that matches it (RFC 1034
    section 4.3.2: a question for ANY matches all types)."""
    node: Node = snapshot.root
    for label in path:
        child = node.children.get(label)
        if child is None:
            node = node.children[WILDCARD]
            break
        node = child
    return [node.data[rdtype] for rdtype in sorted(node.data, key=_order_for_any)]


def _lookup_missing_name(snapshot: ZoneSnapshot, encloser: Node, qtype: int) -> LookupOutcome:
    """Return the outcome for a name that does not exist below its closest encloser (RFC 4592
    section 3.3.1).

    A wildcard makes no zone cut and no DNAME of the names it matches: NS and DNAME are found there
    like any other type (RFC 4592 sections 4.2 and 4.4). A query for the wildcard name itself finds
    a zone cut.
    """
    wildcard = encloser.children.get(WILDCARD)
    if wildcard is None:
        return snapshot.nxdomain
    return wildcard.data.get(qtype) or _lookup_missing_type(snapshot, wildcard, qtype)


def _lookup_missing_type(snapshot: ZoneSnapshot, node: Node, qtype: int) -> LookupOutcome:
    """Return the outcome for a name that exists but has no RRset of that type."""
    data = node.data
    if qtype == rrtypes.ANY and data:
        # One RRset is a sufficient answer (RFC 8482 section 4.1).
        return data[min(data, key=_order_for_any)]
    if qtype == rrtypes.IXFR and rrtypes.SOA in data:
        # In a datagram the SOA alone, which sends the client to TCP (RFC 1995 section 2).
        return data[rrtypes.SOA]
    alias = data.get(rrtypes.CNAME)
    if alias is None or qtype in _TYPES_WITH_CNAME:
        return snapshot.no_data
    return alias


def _order_for_any(rdtype: int) -> tuple[bool, int]:
    """Return the order of types in an answer to ANY: DNSSEC records last."""
    return rdtype in (rrtypes.RRSIG, rrtypes.NSEC), rdtype
