"""Choose the TTL of new RRsets whose edits state none: the MINIMUM field of the zone's SOA. Pure.

In answers the field is the TTL of negative responses (RFC 2308 section 4); as a default TTL it has
its meaning of RFC 1035.
"""

from collections.abc import Collection
from collections.abc import Set as AbstractSet

from zonegit.errors import Invalid
from zonegit.repo.commit import edits
from zonegit.repo.commit.edits import Add, Edit, RRsetKey, Set
from zonegit.zone.findings import TTL_FROM_MINIMUM, Finding
from zonegit.zone.rrset import MAX_TTL, RRset, format_key, parse_soa


def fill(todo: Collection[Edit], found: RRset | None) -> Collection[Edit]:
    """Return the edits, each with a TTL in case that its RRset is new.

    Args:
        todo: the edits.
        found: the zone's SOA; None if it has none yet.

    Raises:
        Invalid: an edit has no TTL, and there is no SOA.
    """
    if not any(map(edits.needs_minimum, todo)):
        return todo
    if found is None:
        raise Invalid(
            "the zone has no SOA yet, so a TTL is required",
            hint="give it after the type, as in A 300 192.0.2.1, or set ZONEGIT_TTL",
        )
    minimum = min(parse_soa(found).minimum, MAX_TTL)
    return [edits.set_minimum(edit, minimum) for edit in todo]


def find_notes(todo: Collection[Edit], added: AbstractSet[RRsetKey]) -> list[Finding]:
    """Return a note about the new RRsets that take the SOA's minimum as their TTL.

    Args:
        todo: the edits, as :func:`fill` returns them.
        added: the RRsets that are new.
    """
    new = [
        edit.rrset
        for edit in todo
        if isinstance(edit, (Set, Add)) and edit.ttl == "minimum"
        if (edit.rrset.owner, edit.rrset.rdtype) in added
    ]
    if not new:
        return []
    first = new[0]
    more = f" and {len(new) - 1} more edits" if len(new) > 1 else ""
    message = (
        f"{format_key(first.owner, first.rdtype)}{more}: no TTL is stated, so it is {first.ttl},"
        " the minimum of the zone's SOA; ZONEGIT_TTL sets another"
    )
    return [Finding(TTL_FROM_MINIMUM, "note", message, first.owner, first.rdtype)]
