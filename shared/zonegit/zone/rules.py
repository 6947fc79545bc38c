"""Rules for the RRsets of one owner and of a zone, checked before anything is stored.

Master files and single edits are checked by the same rules.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zone.rrtypes import CNAME, DNAME, DS, NS, SOA, TYPES_WITH_CNAME

SINGLE: Final = frozenset({SOA, CNAME, DNAME})
"""Types of which a name has at most one record (RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC
6672 section 2.4)."""
RESTRICTED_TYPES: Final = frozenset({SOA, CNAME, DS})
"""Types that are not allowed at every owner or next to every type (:func:`check_coexistence`)."""
CONFLICT_TYPES: Final = RESTRICTED_TYPES | {DNAME}
"""Types of which at least one is involved in every :class:`TypeConflict`."""
_CUT_AND_DNAME: Final = frozenset({NS, DNAME})


class TypeConflict(NamedTuple):
    """A reason why types are not allowed together at an owner, or a type not at that owner."""

    types: frozenset[int]
    message: str
    hint: str


def check_owner(
    owner: Name, types: Collection[int], apex: Name, before: Collection[int] = ()
) -> None:
    """Check the types of all RRsets of one owner.

    Args:
        owner: the owner name.
        types: its types; only the apex must have some.
        apex: the name of the zone.
        before: the types that it had before the change.

    Raises:
        Invalid: the owner is outside the zone, its types are not allowed together, or it is the
            apex and has no SOA.
    """
    check_within(owner, apex)
    check_coexistence(owner, types, apex)
    check_delegation(owner, types, apex, before)
    if owner == apex and SOA not in types:
        raise Invalid(
            f"{names.text(apex)} has no SOA record at its apex",
            hint="a zone needs exactly one: @ 3600 IN SOA ns1 admin 1 7200 3600 1209600 3600",
        )


def check_within(owner: Name, apex: Name) -> None:
    """Check that an owner is within the zone.

    Raises:
        Invalid: the owner is outside the zone.
    """
    if not names.is_within(owner, apex):
        raise Invalid(
            f"{names.text(owner)} is not within the zone {names.text(apex)}",
            hint="a name without a final dot is completed with the current origin",
        )


def check_coexistence(owner: Name, types: Collection[int], apex: Name) -> None:
    """Check that the types of an owner within the zone are allowed; other types may be added later.

    Raises:
        Invalid: there is an SOA below the apex, a DS at the apex (RFC 4035 section 2.4), or a CNAME
            with other data (RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 4035 section 2.5).
    """
    for clash in find_type_conflicts(owner, types, apex):
        if clash.types != _CUT_AND_DNAME:
            raise Invalid(clash.message, hint=clash.hint)


def find_type_conflicts(owner: Name, types: Collection[int], apex: Name) -> list[TypeConflict]:
    """Return the reasons why an owner within the zone may not have RRsets of all these types.

    An SOA is allowed only at the apex, a DS only below it (RFC 4035 section 2.4), a CNAME only
    without other data (RFC 1034 section 3.6.2, RFC 2181 section 10.1, RFC 4035 section 2.5), and a
    DNAME below the apex only without NS (RFC 6672 section 2.3).
    """
    if CONFLICT_TYPES.isdisjoint(types):
        return []
    found = []
    if SOA in types and owner != apex:
        found.append(
            TypeConflict(
                frozenset({SOA}),
                f"{names.text(owner)} SOA is not at the apex {names.text(apex)}",
                "a child zone is a separate zone; its parent has only NS, DS and glue of it",
            )
        )
    if DS in types and owner == apex:
        found.append(
            TypeConflict(
                frozenset({DS}),
                f"{names.text(owner)} DS is at the apex of its zone",
                "a DS belongs to the parent zone, at the zone cut (RFC 4035 section 2.4)",
            )
        )
    if CNAME in types and (others := set(types) - TYPES_WITH_CNAME):
        found.append(_cname_conflict(owner, others))
    if owner != apex and has_ns_and_dname(types):
        error = ns_and_dname_error(owner)
        found.append(TypeConflict(_CUT_AND_DNAME, error.message, error.hint or ""))
    return found


def check_delegation(
    owner: Name, types: Collection[int], apex: Name, before: Collection[int] = ()
) -> None:
    """Check that a change does not give a name below the apex both NS and DNAME records.

    Args:
        owner: the name, within the zone.
        types: the types that it will have.
        apex: the name of the zone.
        before: the types that it had; a name that had both may keep them.

    Raises:
        Invalid: the name would have NS and DNAME records (RFC 6672 section 2.3).
    """
    if owner != apex and has_ns_and_dname(types) and not has_ns_and_dname(before):
        raise ns_and_dname_error(owner)


def has_ns_and_dname(types: Collection[int]) -> bool:
    """Return whether NS and DNAME are among the types."""
    return DNAME in types and NS in types


def ns_and_dname_error(owner: Name) -> Invalid:
    """Return the error for a name below the apex with NS and DNAME records."""
    return Invalid(
        f"{names.text(owner)} has NS and DNAME records (RFC 6672 section 2.3)",
        hint="a DNAME for a delegated name is in the child zone, at its apex",
    )


def check_rrset(value: RRset) -> None:
    """Check the number of records of an RRset.

    Raises:
        Invalid: the RRset has more than one record of a type in ``SINGLE``.
    """
    if value.rdtype in SINGLE and len(value.rdatas) > 1:
        raise single_record_error(value.owner, value.rdtype)


def single_record_error(owner: Name, rdtype: int) -> Invalid:
    """Return the error for more than one record of a type in ``SINGLE``."""
    return Invalid(
        f"{names.text(owner)} has more than one {rrtypes.to_text(rdtype)} record",
        hint="keep one of them; records that differ only in the case of names are the same",
    )


def _cname_conflict(owner: Name, others: Collection[int]) -> TypeConflict:
    shown = ", ".join(rrtypes.to_text(rdtype) for rdtype in sorted(others))
    return TypeConflict(
        frozenset({CNAME, *others}),
        f"{names.text(owner)} has a CNAME and other data ({shown})",
        "a name with a CNAME has no other data; remove the CNAME or the other records",
    )
