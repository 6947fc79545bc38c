"""Edits: intended changes as values, so that they can be replayed on another tip. All pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from zonegit.errors import NotFound
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, describe, rdata_to_text, rrset
from zonegit.zone.rules import check_owner, check_rrset


class Set(msgspec.Struct, frozen=True):
    """The RRset becomes this one."""

    rrset: RRset


class Add(msgspec.Struct, frozen=True):
    """These records join the RRset, which takes their TTL."""

    rrset: RRset


class Remove(msgspec.Struct, frozen=True):
    """These records leave the RRset."""

    owner: Name
    rdtype: int
    rdatas: tuple[bytes, ...]


class Delete(msgspec.Struct, frozen=True):
    """The RRset goes; ``rdtype`` None: every RRset of the owner, but never a zone's SOA."""

    owner: Name
    rdtype: int | None = None


Edit = Set | Add | Remove | Delete

RRsets = Mapping[int, RRset]
"""What stands at one owner, by type."""

Changes = dict[tuple[Name, int], RRset | None]
"""What RRsets become, by owner and type; None: they go."""


def owner(edit: Edit) -> Name:
    """The owner name an edit touches."""
    match edit:
        case Set(value) | Add(value):
            return value.owner
        case Remove(name) | Delete(name):
            return name


def apply(edits: Iterable[Edit], present: Mapping[Name, RRsets], apex: Name) -> Changes:
    """What ``edits``, in order, make of what is present at their owners.

    Raises:
        NotFound: what is to be removed is not there.
        Invalid: the result would break a rule of DNS.
    """
    after = {name: dict(rrsets) for name, rrsets in present.items()}
    for edit in edits:
        _apply_one(edit, after.setdefault(owner(edit), {}), apex)
    changes: Changes = {}
    for name, rrsets in after.items():
        before = present.get(name, {})
        for rdtype in before.keys() | rrsets.keys():
            if before.get(rdtype) != rrsets.get(rdtype):
                changes[name, rdtype] = rrsets.get(rdtype)
        check_owner(name, rrsets.keys(), apex)
        for value in rrsets.values():
            check_rrset(value)
    return changes


def _apply_one(edit: Edit, at: dict[int, RRset], apex: Name) -> None:
    match edit:
        case Set(value):
            at[value.rdtype] = value
        case Add(value):
            old = at[value.rdtype].rdatas if value.rdtype in at else ()
            at[value.rdtype] = rrset(value.owner, value.rdtype, value.ttl, (*old, *value.rdatas))
        case Remove(name, rdtype, rdatas):
            _remove(at, name, rdtype, rdatas)
        case Delete(name, rdtype):
            for gone in _deleted(at, name, rdtype, apex):
                del at[gone]


def _deleted(at: RRsets, name: Name, rdtype: int | None, apex: Name) -> list[int]:
    if rdtype is not None:
        if rdtype not in at:
            raise _absent(name, rdtype)
        return [rdtype]
    gone = [each for each in at if (name, each) != (apex, rrtypes.SOA)]
    if not gone:
        raise NotFound(f"there is nothing to delete at {names.text(name)}")
    return gone


def _remove(at: dict[int, RRset], name: Name, rdtype: int, rdatas: Sequence[bytes]) -> None:
    if rdtype not in at:
        raise _absent(name, rdtype)
    value = at[rdtype]
    for rdata in rdatas:
        if rdata not in value.rdatas:
            known = ", ".join(rdata_to_text(rdtype, each) for each in value.rdatas[:4])
            raise NotFound(
                f"{describe(value)} has no record {rdata_to_text(rdtype, rdata)}",
                hint=f"it has {known}",
            )
    left = [rdata for rdata in value.rdatas if rdata not in rdatas]
    if left:
        at[rdtype] = rrset(name, rdtype, value.ttl, left)
    else:
        del at[rdtype]


def _absent(name: Name, rdtype: int) -> NotFound:
    return NotFound(f"there is no {names.text(name)} {rrtypes.to_text(rdtype)}")
