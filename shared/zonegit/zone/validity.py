"""Validity of an RRset: wherever it stands, and in the place where a tree has it.

``rules`` says which RRsets may stand together. All who ask whether a zone is valid ask these two:
the object store when it takes an RRset, the ref store before a branch moves, an import, the
compiler of a resolver and ``fsck``.
"""

from typing import Final

from zonegit.zone import canonical_rdata, rdata, rules
from zonegit.zone.names import Name
from zonegit.zone.rdata import shapes
from zonegit.zone.rrset import IN, MAX_MESSAGE, MAX_TTL, RRset, describe, message_size, title

_SHOWN_OCTETS: Final = 16
"""Octets of RDATA that a message shows."""


def find_malformed(value: RRset) -> str | None:
    """Return what is wrong with an RRset wherever it stands, or None.

    It is of class IN, has a TTL of 31 bits (RFC 2181 section 8), fits a DNS message, has one record
    where its type allows one, and each RDATA has the form of its type.
    """
    if value.rdclass != IN:
        return f"{describe(value)} is of class {value.rdclass}, not IN"
    if value.ttl > MAX_TTL:
        return f"{describe(value)}: TTL {value.ttl} is not within 0 to {MAX_TTL} seconds"
    if message_size(value) > MAX_MESSAGE:  # first, since it bounds the work that follows
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
    if len(canonical_rdata.distinct(value.rdtype, value.rdatas)) == 1:
        return None  # one record in several spellings, as earlier releases stored it
    return rules.not_single(value.owner, value.rdtype).message


def find_misplaced(owner: Name, rdtype: int, held: Name, held_rdtype: int) -> str | None:
    """Return what is wrong with an RRset of ``held`` and ``held_rdtype`` that a tree has in the
    place of ``owner`` and ``rdtype``, or None."""
    if (held, held_rdtype) == (owner, rdtype):
        return None
    return f"{title(held, held_rdtype)} is stored in place of {title(owner, rdtype)}"
