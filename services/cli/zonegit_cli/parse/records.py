"""Parse records from arguments: names, TTLs and RDATA."""

from collections.abc import Sequence

from zonegit.repo.commit.edits import Add, Delete, DeleteMatching, Remove, Set, Ttl
from zonegit.zone import name_pattern, names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rrset
from zonegit.zonefile import typed_records
from zonegit.zonefile.typed_records import TypedRRset


def parse_set(zone: Name, name: str, typed: TypedRRset, ttl: int | None = None) -> Set:
    """Return the edit of ``set NAME TYPE [TTL] RDATA...``.

    Args:
        zone: the origin of relative names.
        name: the owner.
        typed: the type, the TTL and the RDATA.
        ttl: the TTL of a new RRset without one; None for the MINIMUM field of the SOA.

    Raises:
        Invalid: an argument is malformed; names it.
    """
    value, source = _parse_rrset(zone, name, typed, ttl)
    return Set(value, source)


def parse_add(zone: Name, name: str, typed: TypedRRset, ttl: int | None = None) -> Add:
    """Return the edit of ``add NAME TYPE [TTL] RDATA...``; see :func:`parse_set` for the arguments.

    Raises:
        Invalid: an argument is malformed; names it.
    """
    value, source = _parse_rrset(zone, name, typed, ttl)
    return Add(value, source)


def parse_remove(zone: Name, name: str, rdtype: str, words: Sequence[str]) -> Remove:
    """Return the edit of ``remove NAME TYPE RDATA...``.

    Raises:
        Invalid: an argument is malformed; names it.
    """
    number = rrtypes.from_text(rdtype)
    rdatas = typed_records.parse_rdatas(number, words, zone)
    return Remove(names.parse(name, zone), number, tuple(rdatas))


def parse_delete(zone: Name, name: str, rdtype: str | None = None) -> Delete | DeleteMatching:
    """Return the edit of ``delete NAME [TYPE]``, in which NAME may be a pattern.

    Raises:
        Invalid: an argument is malformed; names it.
    """
    number = rrtypes.from_text(rdtype) if rdtype is not None else None
    pattern = name_pattern.parse(name, zone)
    if pattern is not None:
        return DeleteMatching(pattern, number)
    return Delete(names.parse(name, zone), number)


def _parse_rrset(
    zone: Name, name: str, typed: TypedRRset, configured: int | None
) -> tuple[RRset, Ttl]:
    rdatas = typed_records.parse_typed(typed, zone)
    owner = names.parse(name, zone)
    if typed.ttl is not None:
        return rrset(owner, typed.rdtype, typed.ttl, rdatas), "stated"
    if configured is not None:
        return rrset(owner, typed.rdtype, configured, rdatas), "configured"
    return rrset(owner, typed.rdtype, 0, rdatas), "minimum"
