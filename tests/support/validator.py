"""Validate replies: signatures with dnspython, denial of existence by the rules of the RFCs.

The validator knows only the keys of the zone.
"""

from base64 import b32hexencode
from collections.abc import Iterator

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rdatatype import CNAME, DNAME, DS, NS, NSEC, NSEC3, RRSIG, SOA

OPT_OUT = 1
WILDCARD = dns.name.from_text("*", None)


class Validator:
    """A validator of one zone, created from its master file."""

    def __init__(self, zone: str, text: str) -> None:
        self.apex = dns.name.from_text(zone)
        parsed = dns.zone.from_text(text, origin=zone, relativize=False, check_origin=False)
        self._keys = {self.apex: parsed.find_rrset(self.apex, "DNSKEY")}

    def check(self, reply: dns.message.Message) -> None:
        """Fail for a reply that a validator would treat as bogus."""
        assert not reply.flags & dns.flags.TC
        self._check_signatures(reply.answer, redirects=_owners(reply.answer, DNAME))
        self._check_signatures(reply.authority, redirects=set())
        for found in self._signed_in(reply.additional):
            self.validate(reply.additional, found)
        _Proofs(self.apex, reply.authority).check(reply)

    def _check_signatures(
        self, section: list[dns.rrset.RRset], redirects: set[dns.name.Name]
    ) -> None:
        for found in section:
            is_delegation = found.rdtype == NS and found.name != self.apex
            is_synthesised = found.rdtype == CNAME and any(
                found.name.is_subdomain(owner) for owner in redirects
            )
            if found.rdtype != RRSIG and not is_delegation and not is_synthesised:
                self.validate(section, found)

    def _signed_in(self, section: list[dns.rrset.RRset]) -> Iterator[dns.rrset.RRset]:
        covered = {(each.name, each.covers) for each in section if each.rdtype == RRSIG}
        return (each for each in section if (each.name, each.rdtype) in covered)

    def validate(self, section: list[dns.rrset.RRset], found: dns.rrset.RRset) -> None:
        """Check one RRset with the signature in its section."""
        signatures = [
            each
            for each in section
            if each.rdtype == RRSIG and each.covers == found.rdtype and each.name == found.name
        ]
        assert signatures, f"no RRSIG over {found.name} {dns.rdatatype.to_text(found.rdtype)}"
        assert signatures[0].ttl == found.ttl  # RFC 4034 section 3
        dns.dnssec.validate(found, signatures[0], self._keys)


class _Proofs:
    """Return the NSEC and NSEC3 records of an authority section."""

    def __init__(self, apex: dns.name.Name, authority: list[dns.rrset.RRset]) -> None:
        self.apex = apex
        self.nsec = {each.name: each[0] for each in authority if each.rdtype == NSEC}
        self.nsec3 = {
            each.name.labels[0].lower(): each[0] for each in authority if each.rdtype == NSEC3
        }

    def check(self, reply: dns.message.Message) -> None:
        question = reply.question[0]
        name = _end(reply, question.name)
        for found in reply.answer:
            if found.rdtype == RRSIG and _is_expanded(found.name, found[0].labels):
                assert self._covers_next(found.name, found[0].labels + 1), "expansion"
        referred = [each.name for each in reply.authority if each.rdtype == NS]
        if reply.rcode() == dns.rcode.NXDOMAIN:
            encloser = self._encloser(name)
            assert self._covers_next(name, len(encloser.labels)), "name"
            assert self._covers(WILDCARD.concatenate(encloser)), "wildcard"
        elif any(each.rdtype == SOA for each in reply.authority):
            self._check_no_data(name, question.rdtype)
        elif referred and not _owners(reply.authority, DS):
            self._check_no_data(referred[0], DS)

    def _check_no_data(self, name: dns.name.Name, rdtype: int) -> None:
        if self._is_without(name, rdtype) or self._is_empty(name):
            return
        encloser = self._encloser(name)
        assert self._covers_next(name, len(encloser.labels)), "next closer"
        wildcard = WILDCARD.concatenate(encloser)
        assert (
            self._is_without(wildcard, rdtype)
            or self._is_empty(wildcard)
            or self._has_opted_out(_ancestor(name, len(encloser.labels)))
        ), "no data"

    def _is_without(self, name: dns.name.Name, rdtype: int) -> bool:
        record = self.nsec.get(name) or self.nsec3.get(self._hash(name))
        return record is not None and not _has(record, rdtype) and not _has(record, CNAME)

    def _is_empty(self, name: dns.name.Name) -> bool:
        """Return whether a name is an empty non-terminal: the next name is below it (RFC 4035
        section 5.4)."""
        return any(
            owner < name and record.next.is_subdomain(name) for owner, record in self.nsec.items()
        )

    def _has_opted_out(self, name: dns.name.Name) -> bool:
        """Return whether the NSEC3 record sets opt-out (RFC 5155 section 8.6)."""
        record = self._covering3(name)
        return record is not None and bool(record.flags & OPT_OUT)

    def _encloser(self, name: dns.name.Name) -> dns.name.Name:
        """Return the closest encloser that these records prove (RFC 5155 section 8.3)."""
        known = set()
        for owner, record in self.nsec.items():
            for shown in (owner, record.next):
                known.add(_common(name, shown))
        above = name.parent()
        while self.nsec3 and self._hash(above) not in self.nsec3:
            above = above.parent()
        return above if self.nsec3 else max(known, key=lambda each: len(each.labels))

    def _covers_next(self, name: dns.name.Name, labels: int) -> bool:
        """Return whether the next closer name is covered.

        ``labels`` is the number of labels of the closest encloser, including the root's.
        """
        return self._covers(_ancestor(name, labels) if self.nsec3 else name)

    def _covers(self, name: dns.name.Name) -> bool:
        for owner, record in self.nsec.items():
            if owner < name and (name < record.next or record.next == self.apex):
                return True
        return self._covering3(name) is not None

    def _covering3(self, name: dns.name.Name):
        label = self._hash(name)
        for owner, record in self.nsec3.items():
            following = b32hexencode(record.next).lower()
            if owner < label < following or (
                following <= owner and (owner < label or label < following)
            ):
                return record
        return None

    def _hash(self, name: dns.name.Name) -> bytes:
        if not self.nsec3:
            return b""
        record = next(iter(self.nsec3.values()))
        found = dns.dnssec.nsec3_hash(name, record.salt, record.iterations, record.algorithm)
        return found.lower().encode()


def _end(reply: dns.message.Message, name: dns.name.Name) -> dns.name.Name:
    """Return the last target of the aliases in a reply."""
    aliases = {each.name: each[0].target for each in reply.answer if each.rdtype == CNAME}
    if reply.question[0].rdtype != CNAME:
        while name in aliases:
            name = aliases[name]
    return name


def _is_expanded(name: dns.name.Name, labels: int) -> bool:
    """Return whether a wildcard was expanded, by the label count of an RRSIG (RFC 4034 section
    3.1.3)."""
    return labels < len(name.labels) - 1 - name.is_wild()


def _owners(section: list[dns.rrset.RRset], rdtype: int) -> set[dns.name.Name]:
    return {each.name for each in section if each.rdtype == rdtype}


def _ancestor(name: dns.name.Name, labels: int) -> dns.name.Name:
    """Return the ancestor with one label more than so many, including the root's."""
    return dns.name.Name(name.labels[-(labels + 1) :])


def _common(name: dns.name.Name, other: dns.name.Name) -> dns.name.Name:
    _, _, count = name.fullcompare(other)
    return dns.name.Name(name.labels[len(name.labels) - count :])


def _has(record, rdtype: int) -> bool:
    for window, bitmap in record.windows:
        at, bit = divmod(rdtype & 0xFF, 8)
        if window == rdtype >> 8 and at < len(bitmap) and bitmap[at] & (0x80 >> bit):
            return True
    return False
