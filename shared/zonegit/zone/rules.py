"""What may stand at one owner name, and what a zone must hold: checked before anything is stored.

Pure, and the same for a master file and for a single edit.
"""

from collections.abc import Collection
from typing import Final

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, describe
from zonegit.zone.rrtypes import BESIDE_CNAME, CNAME, DNAME, SOA

SINGLE: Final = frozenset({SOA, CNAME, DNAME})
"""Types of which a name has one record (RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 6672
section 2.4)."""


def check_owner(owner: Name, types: Collection[int], apex: Name) -> None:
    """Checks the types of all RRsets of one owner; none at all is fine except at the apex.

    Raises:
        Invalid: the owner is outside the zone, or its types may not stand together.
    """
    if not names.is_within(owner, apex):
        raise outside(owner, apex)
    if (SOA in types) != (owner == apex):
        raise _misplaced_soa(owner, apex)
    if CNAME in types:
        _check_beside_cname(owner, types)


def check_rrset(value: RRset) -> None:
    """Checks how many records an RRset may have.

    Raises:
        Invalid: more than one of a type that allows one.
    """
    if value.rdtype in SINGLE and len(value.rdatas) > 1:
        raise Invalid(
            f"{describe(value)} has {len(value.rdatas)} records, and only one may stand there",
            hint="remove all but one; two records that look alike may differ in capitals",
        )


def outside(owner: Name, apex: Name) -> Invalid:
    """The error of an owner that is not in the zone."""
    return Invalid(
        f"{names.text(owner)} is not within the zone {names.text(apex)}",
        hint="relative names are completed with the current origin: is a final dot missing or"
        " one too many?",
    )


def _misplaced_soa(owner: Name, apex: Name) -> Invalid:
    if owner == apex:
        return Invalid(
            f"{names.text(apex)} has no SOA record at its apex",
            hint="a zone needs exactly one: @ 3600 IN SOA ns1 admin 1 7200 3600 1209600 3600",
        )
    return Invalid(
        f"{names.text(owner)} SOA is not at the apex {names.text(apex)}",
        hint="a child zone is a zone of its own; here stand only its NS records",
    )


def _check_beside_cname(owner: Name, types: Collection[int]) -> None:
    """RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 4034 section 2.5."""
    others = sorted(set(types) - BESIDE_CNAME)
    if others:
        shown = ", ".join(rrtypes.to_text(rdtype) for rdtype in others)
        raise Invalid(
            f"{names.text(owner)} has a CNAME and other data ({shown})",
            hint="an alias stands alone at its name; remove the CNAME or the rest",
        )
