"""The octets of each outcome, section by section; rendered on first use and kept with it.

A client that set DO gets each RRset with its RRSIGs (RFC 4035 section 3.1.1). What has to be proved
besides depends on the name that was asked for, and is joined to the fragment by ``chain``.
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
from zonegit.zone.rrset import SOA, RRset, soa

MAX_OPTIONAL_OCTETS: Final = 4_096
"""Octets of a fragment beyond which nothing is brought along that a client can ask for: hosts may have
thousands of addresses, and what is rendered is kept."""

ADDRESSES: Final = (rrtypes.A, rrtypes.AAAA)

IN_DOMAIN, SIBLING, NOT_GLUE = range(3)
"""Kinds of glue (RFC 9471 section 2), and what is none."""

_RECORD_OVERHEAD: Final = 12
"""Octets of a record beside its RDATA, when its owner is a pointer."""


def render(snapshot: ZoneSnapshot, outcome: LookupOutcome, *, signed: bool = False) -> Fragment:
    """The fragment of a message that tells this outcome, to a client that set DO when ``signed``."""
    if signed and snapshot.denial is not UNSIGNED and isinstance(outcome, Referral):
        return _render_signed_referral(snapshot, outcome)
    fragment = outcome.signed_fragment if signed else outcome.fragment
    return fragment if fragment is not None else _render_and_keep(snapshot, outcome, signed=signed)


def _render_and_keep(snapshot: ZoneSnapshot, outcome: LookupOutcome, *, signed: bool) -> Fragment:
    """Renders it; where that is the same with DO and without, one fragment is kept for both."""
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


def render_proof(snapshot: ZoneSnapshot, denying: NsecRecord, *, is_far: bool = False) -> Fragment:
    """An NSEC or NSEC3 RRset and its RRSIGs, for the authority section.

    ``is_far`` says that it will begin behind ``REACH``.
    """
    if denying.proof is not None and not is_far:
        return denying.proof
    writer = _RRsetWriter(snapshot, snapshot.apex, signed=True, is_below=True, is_far=is_far)
    fragment = Fragment(writer, AA, (0, writer.add(denying.rrset), 0))
    if not is_far:
        denying.proof = fragment
    return fragment


class _RRsetWriter(Writer):
    """Records of one fragment, RRsets with their RRSIGs when it is ``signed``."""

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
        """An RRset; how many records that were. The TTL of an RRSIG is that of what it covers."""
        is_owner = rrset.owner == self._about
        write_rrset(self, rrset, is_owner=is_owner, ttls=ttls)
        signatures = self._signatures(rrset) if self._is_signed else ()
        ttl = rrset.ttl if ttls is None else ttls[0]
        for rdata in signatures:
            if is_owner:
                self.owner()
            else:
                self.name(rrset.owner)
            write_record(self, rrtypes.RRSIG, ttl, rdata)
        return len(rrset.rdatas) + len(signatures)

    def _signatures(self, rrset: RRset) -> tuple[bytes, ...]:
        """The RRSIGs over an RRset of the zone."""
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
    """An SOA whose TTL is how long the answer may be remembered (RFC 2308 section 3)."""
    writer = _RRsetWriter(snapshot, snapshot.apex, signed=signed, is_below=True)
    if at_apex is None:
        return Fragment(writer, AA | rcode, (0, 0, 0))
    values: SOA = soa(at_apex)
    ttl = min(at_apex.ttl, values.minimum)
    return Fragment(writer, AA | rcode, (0, writer.add(at_apex, (ttl,)), 0))


def _render_answer(snapshot: ZoneSnapshot, found: RRsetData, *, signed: bool) -> Fragment:
    """An RRset, and the addresses of the hosts that it names, as far as they go with it."""
    rrset = found.rrset
    writer = _RRsetWriter(snapshot, rrset.owner, signed=signed)
    answers, count = writer.add(rrset, found.ttls), 0
    cuts = []
    for each in _additional_rrsets(snapshot, rrset):
        if len(writer.octets) >= MAX_OPTIONAL_OCTETS:
            break
        if len(writer.octets) + _estimate_size(each) <= MAX_OPTIONAL_OCTETS:
            cuts.append((len(writer.octets), count))
            count += writer.add(each)
    needed = cuts[0] if cuts else None
    return Fragment(writer, AA, (answers, 0, count), tuple(reversed(cuts)), needed)


def _additional_rrsets(snapshot: ZoneSnapshot, rrset: RRset) -> Iterator[RRset]:
    """Addresses that go with an answer, and with an alias of services the services themselves (RFC
    9460 section 4.1). Those of name servers may be glue (RFC 1034 section 3.7)."""
    if rrset.rdtype not in ADDITIONAL_TYPES:
        return
    has_services = rrset.rdtype in (rrtypes.SVCB, rrtypes.HTTPS)
    for target in find_targets(rrset):
        types: tuple[int, ...] = ADDRESSES
        if has_services and target != rrset.owner:
            types = (rrset.rdtype, *ADDRESSES)
        yield from _host_rrsets(snapshot, target, types, may_be_glue=rrset.rdtype == rrtypes.NS)


def _render_referral(snapshot: ZoneSnapshot, referral: Referral, *, signed: bool) -> Fragment:
    """Name servers, what says whether the child is signed, and the addresses this zone knows.

    Addresses of servers at or below the cut must not be missing (RFC 9471 section 3.1), so they
    come first; those of servers below sibling cuts may, if they do not fit (section 3.2), and what
    is not glue is courtesy. Of these there are MOST_COURTESY octets at most, for thousands of
    children may share their servers, and each referral is kept. More than fits any message is not
    even rendered: thousands of servers with thousands of addresses each would keep all other
    queries waiting.
    """
    cut = referral.rrset.owner
    writer = _RRsetWriter(snapshot, cut, signed=signed, is_below=True)
    write_rrset(writer, referral.rrset, is_owner=True)
    authority, count = len(referral.rrset.rdatas), 0
    for each in _ds_or_proof(snapshot, cut) if signed else ():
        authority += writer.add(each)
    cuts = []
    needed = None
    ranks = {target: _glue_kind(snapshot, cut, target) for target in referral.targets}
    for target in sorted(referral.targets, key=ranks.__getitem__):
        most = STREAM if ranks[target] == IN_DOMAIN else MAX_OPTIONAL_OCTETS
        if len(writer.octets) > most:
            break
        for address in _host_rrsets(snapshot, target, ADDRESSES, may_be_glue=True):
            if ranks[target] > IN_DOMAIN:
                if len(writer.octets) + _estimate_size(address) > most:
                    continue
                cuts.append((len(writer.octets), count))
            if ranks[target] == NOT_GLUE and needed is None:
                needed = cuts[-1]
            count += writer.add(address)
    return Fragment(writer, NOERROR, (0, authority, count), tuple(reversed(cuts)), needed)


def _glue_kind(snapshot: ZoneSnapshot, cut: Name, server: Name) -> int:
    """How much a resolver needs an address of a server to get on."""
    if names.is_within(server, cut):
        return IN_DOMAIN
    return SIBLING if _find_host(snapshot, server, may_be_glue=False) is None else NOT_GLUE


def _ds_or_proof(snapshot: ZoneSnapshot, cut: Name) -> list[RRset]:
    """The DS RRset of a child, else what proves that there is none (RFC 4035 section 3.1.4); of an
    unsigned zone nothing, as no client could believe it."""
    if snapshot.denial is UNSIGNED:
        return []
    path = names.path(cut, snapshot.apex)
    node = find_node(snapshot, path)
    data = node.data.get(rrtypes.DS) if node is not None else None
    if data is not None:
        return [data.rrset]
    return [each.rrset for each in find_no_ds_proof(snapshot, path)]


def _host_rrsets(
    snapshot: ZoneSnapshot, host: Name, types: tuple[int, ...], *, may_be_glue: bool
) -> list[RRset]:
    """RRsets of a name, as far as they are this zone's to tell; no wildcard is expanded."""
    node = _find_host(snapshot, host, may_be_glue=may_be_glue)
    if node is None:
        return []
    found = (node.data.get(rdtype) for rdtype in types)
    return [data.rrset for data in found if data is not None]


def _find_host(snapshot: ZoneSnapshot, name: Name, *, may_be_glue: bool) -> Node | None:
    """The node of a name of the zone. What is at or below a cut is glue; what is below a DNAME is
    not there (RFC 6672 section 2.4)."""
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
    """Octets of its records, about."""
    return sum(_RECORD_OVERHEAD + len(rdata) for rdata in rrset.rdatas)
