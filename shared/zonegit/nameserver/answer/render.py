"""Render outcomes as octets, section by section; rendered on first use and kept with the outcome.

A client that set DO gets each RRset with its RRSIGs (RFC 4035 section 3.1.1). Proofs that depend on
the name of the question are added by ``cname_chain``.
"""

from collections.abc import Iterator
from typing import Final, assert_never

from zonegit.nameserver.answer.nsec_proofs import find_no_ds_proof
from zonegit.nameserver.message.fragment import (
    AA,
    MAX_POINTER_TARGET,
    NOERROR,
    NXDOMAIN,
    Fragment,
    Writer,
    write_record,
    write_rrset,
)
from zonegit.nameserver.message.query import STREAM
from zonegit.nameserver.zone.additional import find_targets
from zonegit.nameserver.zone.nodes import ADDITIONAL_TYPES
from zonegit.nameserver.zone.snapshot import (
    UNSIGNED,
    Cname,
    Dname,
    LookupOutcome,
    NoData,
    Node,
    NsecRecord,
    NxDomain,
    Referral,
    RRsetData,
    ZoneSnapshot,
    find_node,
)
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import SOA, RRset, parse_soa

MAX_OPTIONAL_OCTETS: Final = 4_096
"""Size of a fragment up to which optional additional records are added. Hosts may have thousands
of addresses, and fragments are kept."""

ADDRESSES: Final = (rrtypes.A, rrtypes.AAAA)

IN_DOMAIN, SIBLING, NOT_GLUE = range(3)
"""Kinds of glue (RFC 9471 section 2), and addresses that are not glue."""

_RECORD_OVERHEAD: Final = 12
"""Octets of a record in addition to its RDATA, if its owner is a pointer."""


def render(snapshot: ZoneSnapshot, outcome: LookupOutcome, *, signed: bool = False) -> Fragment:
    """Return the fragment of an outcome, for clients that set DO if ``signed``."""
    if signed and snapshot.denial is not UNSIGNED and isinstance(outcome, Referral):
        return _render_signed_referral(snapshot, outcome)
    fragment = outcome.signed_fragment if signed else outcome.fragment
    return fragment if fragment is not None else _render_and_keep(snapshot, outcome, signed=signed)


def _render_and_keep(snapshot: ZoneSnapshot, outcome: LookupOutcome, *, signed: bool) -> Fragment:
    """Render an outcome and keep it. If it is the same with and without DO, keep one fragment
    for both."""
    fragment = _render_outcome(snapshot, outcome, signed=signed)
    other = outcome.fragment if signed else outcome.signed_fragment
    if other is not None and other.octets == fragment.octets:
        fragment = other
    if signed:
        outcome.signed_fragment = fragment
    else:
        outcome.fragment = fragment
    return fragment


def _render_signed_referral(snapshot: ZoneSnapshot, referral: Referral) -> Fragment:
    if referral.proved is None or referral.proved[0] is not snapshot.denial.version:
        fragment = _render_referral(snapshot, referral, signed=True)
        referral.proved = snapshot.denial.version, fragment
    return referral.proved[1]


def render_proof(snapshot: ZoneSnapshot, nsec: NsecRecord, *, is_far: bool = False) -> Fragment:
    """Return an NSEC or NSEC3 RRset and its RRSIGs, for the authority section.

    Args:
        snapshot: the zone.
        nsec: the record.
        is_far: the fragment will begin after ``MAX_NEAR_START``.
    """
    if nsec.proof is not None and not is_far:
        return nsec.proof
    writer = _RRsetWriter(snapshot, snapshot.apex, signed=True, is_below=True, is_far=is_far)
    fragment = Fragment(writer, AA, (0, writer.add(nsec.rrset), 0))
    if not is_far:
        nsec.proof = fragment
    return fragment


class _RRsetWriter(Writer):
    """Writes RRsets, with their RRSIGs if ``signed``."""

    def __init__(
        self,
        snapshot: ZoneSnapshot,
        about: Name,
        *,
        signed: bool,
        is_below: bool = False,
        is_far: bool = False,
    ) -> None:
        super().__init__(about, is_below=is_below, furthest=0 if is_far else MAX_POINTER_TARGET)
        self._snapshot = snapshot
        self._is_signed = signed
        self._about = about

    def add(self, rrset: RRset, ttls: tuple[int, ...] | None = None) -> int:
        """Write an RRset, and return the number of records. An RRSIG has the TTL of the RRset it
        covers."""
        is_owner = rrset.owner == self._about
        write_rrset(self, rrset, is_owner=is_owner, ttls=ttls)
        signatures = self._find_signatures(rrset) if self._is_signed else ()
        ttl = rrset.ttl if ttls is None else ttls[0]
        for rdata in signatures:
            if is_owner:
                self.write_owner()
            else:
                self.write_name(rrset.owner)
            write_record(self, rrtypes.RRSIG, ttl, rdata)
        return len(rrset.rdatas) + len(signatures)

    def _find_signatures(self, rrset: RRset) -> tuple[bytes, ...]:
        """Return the RRSIGs over an RRset of the zone."""
        node: Node | None
        if rrset.rdtype == rrtypes.NSEC3:
            node = self._snapshot.denial.hashed.get(rrset.owner)
        else:
            node = find_node(self._snapshot, names.path(rrset.owner, self._snapshot.apex))
        data = node.data.get(rrtypes.RRSIG) if node is not None else None
        if data is None:
            return ()
        covered = rrset.rdtype.to_bytes(2, "big")
        return tuple(rdata for rdata in data.rrset.rdatas if rdata.startswith(covered))


def _render_outcome(snapshot: ZoneSnapshot, outcome: LookupOutcome, *, signed: bool) -> Fragment:
    match outcome:
        case RRsetData():
            return _render_answer(snapshot, outcome, signed=signed)
        case Cname(rrset):
            writer = _RRsetWriter(snapshot, rrset.owner, signed=signed)
            return Fragment(writer, AA, (writer.add(rrset), 0, 0))
        case Dname(rrset):
            writer = _RRsetWriter(snapshot, rrset.owner, signed=signed, is_below=True)
            return Fragment(writer, AA, (writer.add(rrset), 0, 0))
        case Referral():
            return _render_referral(snapshot, outcome, signed=signed)
        case NoData(_, at_apex):
            return _render_negative(snapshot, at_apex, NOERROR, signed=signed)
        case NxDomain(_, at_apex):
            return _render_negative(snapshot, at_apex, NXDOMAIN, signed=signed)
        case _:
            assert_never(outcome)


def _render_negative(
    snapshot: ZoneSnapshot, at_apex: RRset | None, rcode: int, *, signed: bool
) -> Fragment:
    """Render the SOA, whose TTL is the negative caching time (RFC 2308 section 3)."""
    writer = _RRsetWriter(snapshot, snapshot.apex, signed=signed, is_below=True)
    if at_apex is None:
        return Fragment(writer, AA | rcode, (0, 0, 0))
    values: SOA = parse_soa(at_apex)
    ttl = min(at_apex.ttl, values.minimum)
    return Fragment(writer, AA | rcode, (0, writer.add(at_apex, (ttl,)), 0))


def _render_answer(snapshot: ZoneSnapshot, found: RRsetData, *, signed: bool) -> Fragment:
    """Render an RRset, with the addresses of the hosts it names up to ``MAX_OPTIONAL_OCTETS``."""
    rrset = found.rrset
    writer = _RRsetWriter(snapshot, rrset.owner, signed=signed)
    answers, count = writer.add(rrset, found.ttls), 0
    cuts = []
    for each in _iter_additional(snapshot, rrset):
        if len(writer.octets) >= MAX_OPTIONAL_OCTETS:
            break
        if len(writer.octets) + _estimate_size(each) <= MAX_OPTIONAL_OCTETS:
            cuts.append((len(writer.octets), count))
            count += writer.add(each)
    needed = cuts[0] if cuts else None
    return Fragment(writer, AA, (answers, 0, count), tuple(reversed(cuts)), needed)


def _iter_additional(snapshot: ZoneSnapshot, rrset: RRset) -> Iterator[RRset]:
    """Yield the optional additional RRsets of an answer.

    These are addresses, and the targets of SVCB and HTTPS in alias mode (RFC 9460 section 4.1).
    Addresses of name servers may be glue (RFC 1034 section 3.7).
    """
    if rrset.rdtype not in ADDITIONAL_TYPES:
        return
    has_services = rrset.rdtype in (rrtypes.SVCB, rrtypes.HTTPS)
    for target in find_targets(rrset):
        types: tuple[int, ...] = ADDRESSES
        if has_services and target != rrset.owner:
            types = (rrset.rdtype, *ADDRESSES)
        yield from _find_host_rrsets(
            snapshot, target, types, may_be_glue=rrset.rdtype == rrtypes.NS
        )


def _render_referral(snapshot: ZoneSnapshot, referral: Referral, *, signed: bool) -> Fragment:
    """Render a referral: NS, then DS or the proof that there is none, then addresses.

    Addresses of servers at or below the zone cut are required (RFC 9471 section 3.1) and come
    first. Addresses below sibling cuts may be left out if they do not fit (section 3.2). Addresses
    that are not glue are optional. Of the last two there are MAX_OPTIONAL_OCTETS at most, because
    thousands of children may share their servers, and each referral is kept. What exceeds a message
    is not rendered: thousands of servers with thousands of addresses each would delay all other
    queries.
    """
    cut = referral.rrset.owner
    writer = _RRsetWriter(snapshot, cut, signed=signed, is_below=True)
    write_rrset(writer, referral.rrset, is_owner=True)
    authority, count = len(referral.rrset.rdatas), 0
    for each in _find_ds_or_proof(snapshot, cut) if signed else ():
        authority += writer.add(each)
    cuts = []
    needed = None
    ranks = {target: _classify_glue(snapshot, cut, target) for target in referral.targets}
    for target in sorted(referral.targets, key=ranks.__getitem__):
        limit = STREAM if ranks[target] == IN_DOMAIN else MAX_OPTIONAL_OCTETS
        if len(writer.octets) > limit:
            break
        for address in _find_host_rrsets(snapshot, target, ADDRESSES, may_be_glue=True):
            if ranks[target] > IN_DOMAIN:
                if len(writer.octets) + _estimate_size(address) > limit:
                    continue
                cuts.append((len(writer.octets), count))
            if ranks[target] == NOT_GLUE and needed is None:
                needed = cuts[-1]
            count += writer.add(address)
    return Fragment(writer, NOERROR, (0, authority, count), tuple(reversed(cuts)), needed)


def _classify_glue(snapshot: ZoneSnapshot, cut: Name, server: Name) -> int:
    """Return the kind of glue that an address of a server is."""
    if names.is_within(server, cut):
        return IN_DOMAIN
    return SIBLING if _find_host(snapshot, server, may_be_glue=False) is None else NOT_GLUE


def _find_ds_or_proof(snapshot: ZoneSnapshot, cut: Name) -> list[RRset]:
    """Return the DS RRset of a child, else the proof that there is none (RFC 4035 section 3.1.4).

    Empty for an unsigned zone, whose proofs no client could validate.
    """
    if snapshot.denial is UNSIGNED:
        return []
    path = names.path(cut, snapshot.apex)
    node = find_node(snapshot, path)
    data = node.data.get(rrtypes.DS) if node is not None else None
    if data is not None:
        return [data.rrset]
    return [each.rrset for each in find_no_ds_proof(snapshot, path)]


def _find_host_rrsets(
    snapshot: ZoneSnapshot, host: Name, types: tuple[int, ...], *, may_be_glue: bool
) -> list[RRset]:
    """Return the RRsets of a name that answers of this zone may include; wildcards are not
    expanded."""
    node = _find_host(snapshot, host, may_be_glue=may_be_glue)
    if node is None:
        return []
    found = (node.data.get(rdtype) for rdtype in types)
    return [data.rrset for data in found if data is not None]


def _find_host(snapshot: ZoneSnapshot, name: Name, *, may_be_glue: bool) -> Node | None:
    """Return the node of a name of the zone.

    Names at or below a zone cut are glue. Names below a DNAME do not exist (RFC 6672 section 2.4).
    """
    if not names.is_within(name, snapshot.apex):
        return None
    node: Node | None = snapshot.root
    for label in names.path(name, snapshot.apex):
        if node is None or isinstance(node.delegation, Dname):
            return None
        if isinstance(node.delegation, Referral) and not may_be_glue:
            return None
        node = node.children.get(label)
    is_glue = node is not None and isinstance(node.delegation, Referral)
    return node if may_be_glue or not is_glue else None


def _estimate_size(rrset: RRset) -> int:
    """Return the approximate size of an RRset's records in octets."""
    return sum(_RECORD_OVERHEAD + len(rdata) for rdata in rrset.rdatas)
