"""The octets of each outcome, section by section; rendered on first use and kept with it.

DNSSEC answers will differ here: the records that prove an outcome join its part.
"""

from typing import assert_never

from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import SOA, RRset, soa
from zonegit_resolver.compiled.snapshot import (
    Alias,
    Found,
    NoData,
    NoName,
    Outcome,
    Redirect,
    Referral,
    Snapshot,
    node_at,
)
from zonegit_resolver.messages.parts import AA, NOERROR, NXDOMAIN, Part, Writer, write_rrset
from zonegit_resolver.messages.query import STREAM


def rendered(snapshot: Snapshot, outcome: Outcome) -> Part:
    """The part of a message that tells this outcome."""
    if outcome.part is None:
        outcome.part = _render(snapshot, outcome)
    return outcome.part


def _render(snapshot: Snapshot, outcome: Outcome) -> Part:
    match outcome:
        case Found(rrset, ttls):
            return _answer(rrset, ttls)
        case Alias(rrset):
            return _alias(rrset)
        case Redirect(rrset):
            return _redirect(rrset)
        case Referral():
            return _referral(snapshot, outcome)
        case NoData(apex, at_apex):
            return _negative(apex, at_apex, NOERROR)
        case NoName(apex, at_apex):
            return _negative(apex, at_apex, NXDOMAIN)
        case _:
            assert_never(outcome)


def _answer(rrset: RRset, ttls: tuple[int, ...] | None) -> Part:
    writer = Writer(rrset.owner)
    write_rrset(writer, rrset, is_owner=True, ttls=ttls)
    return Part(writer, AA, (len(rrset.rdatas), 0, 0))


def _alias(rrset: RRset) -> Part:
    """One CNAME, its target last and uncompressed: the rest of the chain points at it."""
    writer = Writer(rrset.owner)
    writer.owner()
    writer.fixed(rrset.rdtype, rrset.ttl, len(rrset.rdatas[0]))
    writer.octets += rrset.rdatas[0]
    return Part(writer, AA, (1, 0, 0))


def _redirect(rrset: RRset) -> Part:
    """The DNAME; the CNAME made from it differs with the question (RFC 6672 section 3.1)."""
    writer = Writer(rrset.owner, is_below=True)
    write_rrset(writer, rrset, is_owner=True)
    return Part(writer, AA, (len(rrset.rdatas), 0, 0))


def _negative(apex: names.Name, at_apex: RRset | None, rcode: int) -> Part:
    """An SOA whose TTL is how long the answer may be remembered (RFC 2308 section 3)."""
    writer = Writer(apex, is_below=True)
    if at_apex is None:
        return Part(writer, AA | rcode, (0, 0, 0))
    values: SOA = soa(at_apex)
    ttl = min(at_apex.ttl, values.minimum)
    write_rrset(writer, at_apex, is_owner=True, ttls=(ttl,))
    return Part(writer, AA | rcode, (0, 1, 0))


def _referral(snapshot: Snapshot, referral: Referral) -> Part:
    """Name servers, and the addresses this zone knows of them.

    Addresses of servers below the cut must not be missing (RFC 9471 section 3.1), so they come
    first; the others may be left out. More than fits any message is not even rendered: thousands
    of servers with thousands of addresses each would keep all other queries waiting.
    """
    cut = referral.rrset.owner
    writer = Writer(cut, is_below=True)
    write_rrset(writer, referral.rrset, is_owner=True)
    count = 0
    cuts = []
    ordered = sorted(referral.targets, key=lambda target: not names.is_within(target, cut))
    for target in ordered:
        if not names.is_within(target, cut):
            cuts.append((len(writer.octets), count))
        for address in _addresses(snapshot, target):
            write_rrset(writer, address, is_owner=False)
            count += len(address.rdatas)
        if len(writer.octets) > STREAM:
            break
    return Part(writer, NOERROR, (0, len(referral.rrset.rdatas), count), tuple(reversed(cuts)))


def _addresses(snapshot: Snapshot, target: names.Name) -> list[RRset]:
    if not names.is_within(target, snapshot.apex):
        return []
    node = node_at(snapshot, names.path(target, snapshot.apex))
    if node is None:
        return []
    found = (node.held.get(rdtype) for rdtype in (rrtypes.A, rrtypes.AAAA))
    return [held.rrset for held in found if held is not None]
