"""Compare the content of two replies to one question."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.name import Name

UNFOLLOWED_TYPES = (dns.rdatatype.CNAME, dns.rdatatype.ANY)
"""Questions that an alias itself answers."""
ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)
Lines = frozenset[str]


class ReplyContent(NamedTuple):
    """The content of a reply, without order, case of names and compression.

    Of a truncated reply, only the flag and the RCODE count (RFC 2181 section 9).
    """

    rcode: str
    truncated: bool
    authoritative: bool = False
    answer: Lines = frozenset()
    authority: Lines = frozenset()
    glue: Lines = frozenset()
    additional: Lines = frozenset()

    @property
    def essence(self) -> "ReplyContent":
        """Return the reply without optional additional records."""
        return self._replace(additional=frozenset())

    @property
    def names_servers(self) -> bool:
        """Return whether the reply is a referral, or ends in one."""
        return any(line.split()[2] == "ns" for line in self.authority)


def read_content(reply: dns.message.Message) -> ReplyContent:
    """Return the content of a reply."""
    rcode = dns.rcode.to_text(reply.rcode())
    if reply.flags & dns.flags.TC:
        return ReplyContent(rcode, True)
    return ReplyContent(
        rcode,
        False,
        bool(reply.flags & dns.flags.AA),
        format_lines(reply.answer),
        format_lines(reply.authority),
        format_lines(_glue(reply)),
        format_lines(reply.additional),
    )


def combine_replies(replies: Sequence[ReplyContent]) -> ReplyContent:
    """Combine the replies to a client that queries a server again for the target of an alias.

    BIND and Knot leave this to the client if the target is in another of their zones. The first
    reply decides whether the whole is authoritative (RFC 1035 section 4.1.1), the last one how it
    ends.
    """
    if any(reply.truncated for reply in replies):
        return ReplyContent(replies[0].rcode, True)
    answer = frozenset[str]().union(*(reply.answer for reply in replies))
    proofs = (reply.authority for reply in replies[:-1] if not reply.names_servers)
    return replies[-1]._replace(
        authoritative=replies[0].authoritative,
        answer=answer,
        authority=replies[-1].authority.union(*proofs),
    )


def agrees_by_zone(
    ours: ReplyContent, theirs: Sequence[ReplyContent], apexes: Collection[Name]
) -> bool:
    """Return whether a CNAME chain through several zones ends as it does with others.

    The proofs of each zone must be those of one of the others.
    """
    alike = [
        each.authority
        for each in theirs
        if each.essence._replace(authority=ours.authority) == ours.essence
    ]
    return all(
        any(_of(apex, lines, apexes) == _of(apex, ours.authority, apexes) for lines in alike)
        for apex in apexes
    )


def _of(zone: Name, authority: Lines, apexes: Collection[Name]) -> set[str]:
    """Return the records with owners in this zone, without those in a zone below it."""
    found = set()
    for line in authority:
        owner = dns.name.from_text(line.split()[0])
        holding = [apex for apex in apexes if owner.is_subdomain(apex)]
        if zone == max(holding, key=len, default=None):
            found.add(line)
    return found


def find_unfollowed(
    reply: dns.message.Message, qtype: int, apexes: Collection[Name]
) -> Name | None:
    """Return the target of the last alias, if the answer ends in it.

    It also counts if the answer ends in a referral to another zone of the same server. Return None
    otherwise.
    """
    referred = {rrset.name for rrset in reply.authority if rrset.rdtype == dns.rdatatype.NS}
    if reply.rcode() or qtype in UNFOLLOWED_TYPES or not (referred <= set(apexes)):
        return None
    if any(rrset.rdtype == dns.rdatatype.SOA for rrset in reply.authority):
        return None
    owners = {rrset.name for rrset in reply.answer}
    aliases = (rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.CNAME)
    targets = [rrset[0].target for rrset in aliases if rrset[0].target not in owners]
    return targets[0] if targets else None


def format_lines(section: list[dns.rrset.RRset]) -> Lines:
    """Return each record as ``owner ttl type rdata``, in lower case."""
    return frozenset(
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}".lower()
        for rrset in section
        for rdata in rrset
    )


def _glue(reply: dns.message.Message) -> list[dns.rrset.RRset]:
    """Return the addresses of name servers at or below the zone cut (RFC 9471 section 3.1)."""
    cuts = {
        rrset.name: {rdata.target for rdata in rrset}
        for rrset in reply.authority
        if rrset.rdtype == dns.rdatatype.NS
    }
    return [
        rrset
        for rrset in reply.additional
        if rrset.rdtype in ADDRESSES
        and any(
            rrset.name in targets and rrset.name.is_subdomain(cut) for cut, targets in cuts.items()
        )
    ]
