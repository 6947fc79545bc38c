"""Check a single RRset, and its place in a tree.

``rules`` checks which RRsets are allowed together. Every check of a zone uses these two modules:
the object store when it accepts an RRset, the ref store before it moves a branch, imports, the
compiler of the resolver, and ``fsck``.
"""

from typing import Final

from zonegit.zone import canonical_rdata, rdata, rules
from zonegit.zone.names import Name
from zonegit.zone.rdata import shapes
from zonegit.zone.rrset import IN, MAX_MESSAGE, MAX_TTL, RRset, describe, format_key, message_size

_SHOWN_OCTETS: Final = 16
"""Octets of RDATA that a message shows."""


def find_malformed(value: RRset) -> str | None:
    """Return why an RRset is malformed, or None if it is valid.

    A valid RRset is of class IN, has a TTL of at most 31 bits (RFC 2181 section 8), fits a DNS
    message, has one record if its type allows one, and its RDATA has the form of its type.
    """
    if value.rdclass != IN:
        return f"{describe(value)} is of class {value.rdclass}, not IN"
    if value.ttl > MAX_TTL:
        return f"{describe(value)}: TTL {value.ttl} is not within 0 to {MAX_TTL} seconds"
    if message_size(value) > MAX_MESSAGE:  # checked first, because it bounds the work below
        return f"{describe(value)} is too large for a DNS message"
    if len(value.rdatas) > 1 and (why := _find_too_many(value)) is not None:
        return why
    rdtype = value.rdtype
    for octets in value.rdatas:
        if shapes.is_well_formed(rdtype, octets):
            continue
        try:
            rdata.check(rdtype, octets)
        except ValueError as error:
            shown = octets[:_SHOWN_OCTETS].hex()
            more = "..." if len(octets) > _SHOWN_OCTETS else ""
            return f"{describe(value)}: RDATA \\# {len(octets)} {shown}{more} is malformed: {error}"
    return None


def _find_too_many(value: RRset) -> str | None:
    if value.rdtype not in rules.SINGLE:
        return None
    if len(canonical_rdata.deduplicate(value.rdtype, value.rdatas)) == 1:
        return None  # one record in several spellings, as earlier releases stored it
    return rules.single_record_error(value.owner, value.rdtype).message


def find_misplaced(owner: Name, rdtype: int, stored_owner: Name, stored_rdtype: int) -> str | None:
    """Return an error if a tree has an RRset in the place of another one, or None.

    Args:
        owner: the owner of the place.
        rdtype: the type of the place.
        stored_owner: the owner of the RRset.
        stored_rdtype: the type of the RRset.
    """
    if (stored_owner, stored_rdtype) == (owner, rdtype):
        return None
    stored = format_key(stored_owner, stored_rdtype)
    return f"{stored} is stored in place of {format_key(owner, rdtype)}"
