"""Rules for the RRsets at one owner name and in a zone, checked before anything is stored.

Pure, and the same for a master file and for a single edit.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zone.rrtypes import BESIDE_CNAME, CNAME, DNAME, DS, NS, SOA

SINGLE: Final = frozenset({SOA, CNAME, DNAME})
"""Types of which a name has one record (RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 6672
section 2.4)."""
PARTICULAR: Final = frozenset({SOA, CNAME, DS})
"""Types that may not stand everywhere, or not beside everything: see :func:`check_together`."""
WATCHED: Final = PARTICULAR | {DNAME}
"""Types of which one at least takes part in each clash."""
_CUT_AND_DNAME: Final = frozenset({NS, DNAME})


class TypeConflict(NamedTuple):
    """A reason why types may not stand together at an owner, or one of them not at that owner."""

    types: frozenset[int]
    message: str
    hint: str


def check_owner(
    owner: Name, types: Collection[int], apex: Name, before: Collection[int] = ()
) -> None:
    """Check the types of all RRsets of one owner; none at all is fine except at the apex.
    ``before`` are the types that it had.

    Raises:
        Invalid: the owner is outside the zone, its types may not stand together, or it is the
            apex and has no SOA.
    """
    check_inside(owner, apex)
    check_together(owner, types, apex)
    check_delegation(owner, types, apex, before)
    if owner == apex and SOA not in types:
        raise Invalid(
            f"{names.text(apex)} has no SOA record at its apex",
            hint="a zone needs exactly one: @ 3600 IN SOA ns1 admin 1 7200 3600 1209600 3600",
        )


def check_inside(owner: Name, apex: Name) -> None:
    """Check that an owner is within the zone.

    Raises:
        Invalid: it is not.
    """
    if not names.is_within(owner, apex):
        raise Invalid(
            f"{names.text(owner)} is not within the zone {names.text(apex)}",
            hint="a name without a final dot is completed with the current origin",
        )


def check_together(owner: Name, types: Collection[int], apex: Name) -> None:
    """Check an owner inside the zone, like :func:`check_owner`; more types may follow.

    Raises:
        Invalid: an SOA below the apex, a DS at it (RFC 4035 section 2.4), or a CNAME and other
            data (RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 4034 section 2.5).
    """
    for clash in find_clashes(owner, types, apex):
        if clash.types != _CUT_AND_DNAME:
            raise Invalid(clash.message, hint=clash.hint)


def find_clashes(owner: Name, types: Collection[int], apex: Name) -> list[TypeConflict]:
    """Return the reasons why an owner inside the zone may not have RRsets of all these types.

    An SOA stands at the apex alone, a DS below it (RFC 4035 section 2.4), a CNAME without other
    data (RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 4034 section 2.5), and below the apex
    no DNAME with NS (RFC 6672 section 2.3).
    """
    if WATCHED.isdisjoint(types):
        return []
    found = []
    if SOA in types and owner != apex:
        found.append(
            TypeConflict(
                frozenset({SOA}),
                f"{names.text(owner)} SOA is not at the apex {names.text(apex)}",
                "a child zone is a zone of its own; here stand only its NS records",
            )
        )
    if DS in types and owner == apex:
        found.append(
            TypeConflict(
                frozenset({DS}),
                f"{names.text(owner)} DS is at the apex of its zone",
                "a DS stands at the zone cut in the parent zone (RFC 4035 section 2.4)",
            )
        )
    if CNAME in types and (others := set(types) - BESIDE_CNAME):
        found.append(_beside_cname(owner, others))
    if owner != apex and both_cut_and_dname(types):
        error = beside_dname(owner)
        found.append(TypeConflict(_CUT_AND_DNAME, error.message, error.hint or ""))
    return found


def check_delegation(
    owner: Name, types: Collection[int], apex: Name, before: Collection[int] = ()
) -> None:
    """Check that no name below the apex becomes both a zone cut and a DNAME.

    Args:
        owner: the name; it is within the zone.
        types: the types that it will have.
        apex: the zone's name.
        before: the types that it had; what was stored already may stay.

    Raises:
        Invalid: it would have NS and DNAME records (RFC 6672 section 2.3).
    """
    if owner != apex and both_cut_and_dname(types) and not both_cut_and_dname(before):
        raise beside_dname(owner)


def both_cut_and_dname(types: Collection[int]) -> bool:
    """Return whether NS and DNAME are among the types."""
    return DNAME in types and NS in types


def beside_dname(owner: Name) -> Invalid:
    """Return the error of a name below the apex that has NS and DNAME records."""
    return Invalid(
        f"{names.text(owner)} has NS and DNAME records (RFC 6672 section 2.3)",
        hint="a DNAME for a delegated name is in the child zone, at its apex",
    )


def check_rrset(value: RRset) -> None:
    """Checks how many records an RRset may have.

    Raises:
        Invalid: more than one of a type that allows one.
    """
    if value.rdtype in SINGLE and len(value.rdatas) > 1:
        raise not_single(value.owner, value.rdtype)


def not_single(owner: Name, rdtype: int) -> Invalid:
    """The error of a second record where one may stand."""
    return Invalid(
        f"{names.text(owner)} has more than one {rrtypes.to_text(rdtype)} record",
        hint="keep one of them; the case of a name does not make another record",
    )


def _beside_cname(owner: Name, others: Collection[int]) -> TypeConflict:
    shown = ", ".join(rrtypes.to_text(rdtype) for rdtype in sorted(others))
    return TypeConflict(
        frozenset({CNAME, *others}),
        f"{names.text(owner)} has a CNAME and other data ({shown})",
        "an alias stands alone at its name; remove the CNAME or the rest",
    )
