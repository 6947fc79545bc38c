"""Edits: intended changes as values, which can be applied to any tip. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.repo.commit.rrset_builder import RRsetBuilder
from zonegit.zone import names, rrtypes
from zonegit.zone.name_pattern import NamePattern
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, RRsets, format_key
from zonegit.zone.rules import check_owner, check_rrset

Ttl = Literal["stated", "configured", "minimum"]
"""The source of an RRset's TTL. ``stated``: the edit. ``configured`` and ``minimum``: the RRset
keeps its own, and a new RRset takes that of the edit or the minimum of the zone's SOA."""


class _SourcedEdit(msgspec.Struct, frozen=True, kw_only=True):
    """An edit with its source. ``where`` is the FILE:LINE that it was read from, for errors;
    None if there is none."""

    where: str | None = None


class Set(_SourcedEdit, frozen=True):
    """Replace the RRset by this one."""

    rrset: RRset
    ttl: Ttl = "stated"


class Add(_SourcedEdit, frozen=True):
    """Add these records to the RRset, which takes their TTL if one is stated."""

    rrset: RRset
    ttl: Ttl = "stated"


class Remove(_SourcedEdit, frozen=True):
    """Remove these records from the RRset. If a ``ttl`` is stated, it has to be theirs."""

    owner: Name
    rdtype: int
    rdatas: tuple[bytes, ...]
    ttl: int | None = None


class Delete(_SourcedEdit, frozen=True):
    """Delete the RRset; with ``rdtype`` None every RRset of the owner, except a zone's SOA."""

    owner: Name
    rdtype: int | None = None


class DeleteMatching(_SourcedEdit, frozen=True):
    """Delete the RRset of each name that matches; with ``rdtype`` None all RRsets of these names.
    The apex never matches."""

    pattern: NamePattern
    rdtype: int | None = None


RRsetEdit = Set | Add | Remove | Delete
"""An edit of one owner."""

Edit = RRsetEdit | DeleteMatching

RRsetKey = tuple[Name, int]
"""An RRset of a zone: its owner and type."""

Changes = dict[RRsetKey, RRset | None]
"""The new RRsets; None deletes one."""


_Working = dict[int, RRset | RRsetBuilder]
"""The RRsets of an owner while edits are applied, by type."""


def get_owner(edit: RRsetEdit) -> Name:
    """Return the owner name of an edit."""
    match edit:
        case Set(value) | Add(value):
            return value.owner
        case Remove(name) | Delete(name):
            return name


def apply(
    edits: Iterable[Edit], present: Mapping[Name, RRsets], apex: Name, *, respell: bool = False
) -> Changes:
    """Apply edits in order, and return the changes they make.

    Args:
        edits: the edits; records are compared by their keys, in any spelling.
        present: the RRsets of every owner that an edit names or matches.
        apex: the zone.
        respell: a record that is added replaces the spelling of an existing one.

    Raises:
        NotFound: a record or RRset to remove does not exist, or no name matches a pattern.
        Invalid: the result would break a rule of DNS; names the last edit of its owner.
    """
    after: dict[Name, _Working] = {name: dict(rrsets) for name, rrsets in present.items()}
    latest: dict[Name, Edit] = {}
    for edit in edits:
        if isinstance(edit, DeleteMatching):
            with _name_source(edit):
                latest.update(dict.fromkeys(_delete_matching(edit, after, apex), edit))
            continue
        name = get_owner(edit)
        latest[name] = edit
        with _name_source(edit):
            _apply_one(edit, after.setdefault(name, {}), apex, respell=respell)
    changes: Changes = {}
    for name, working in after.items():
        before = present.get(name, {})
        with _name_source(latest.get(name)):
            rrsets = {rdtype: _build(value) for rdtype, value in working.items()}
            check_owner(name, rrsets.keys(), apex, before.keys())
            for value in rrsets.values():
                check_rrset(value)
        for rdtype in before.keys() | rrsets.keys():
            if before.get(rdtype) != rrsets.get(rdtype):
                changes[name, rdtype] = rrsets.get(rdtype)
    return changes


def _build(value: RRset | RRsetBuilder) -> RRset:
    return value.build() if isinstance(value, RRsetBuilder) else value


@contextmanager
def _name_source(edit: Edit | None) -> Iterator[None]:
    """Add the line that the edit was read from to errors raised inside."""
    try:
        yield
    except (NotFound, Invalid) as error:
        if edit is None or edit.where is None:
            raise
        raise type(error)(f"{edit.where}: {error.message}", hint=error.hint) from None


def _apply_one(edit: RRsetEdit, at: _Working, apex: Name, *, respell: bool) -> None:
    match edit:
        case Set(value):
            at[value.rdtype] = msgspec.structs.replace(value, ttl=_choose_ttl(edit, at))
        case Add(value):
            ttl = _choose_ttl(edit, at)
            builder = _open_builder(at, value.rdtype, value)
            builder.ttl = ttl
            builder.add(value.rdatas, respell=respell)
        case Remove(name, rdtype, rdatas, ttl):
            if rdtype not in at:
                raise _absent_error(name, rdtype)
            builder = _open_builder(at, rdtype)
            builder.remove(rdatas, ttl)
            if not builder:
                del at[rdtype]
        case Delete(name, rdtype):
            for each in _list_deleted(at, name, rdtype, apex):
                del at[each]


def _delete_matching(
    edit: DeleteMatching, after: Mapping[Name, _Working], apex: Name
) -> list[Name]:
    """Delete what matches, in the state that the edits before have made; return the owners."""
    matched = []
    for name, at in after.items():
        deleted = [each for each in at if edit.rdtype in (None, each)]
        if deleted and edit.pattern.matches(names.path(name, apex)):
            matched.append(name)
            for rdtype in deleted:
                del at[rdtype]
    if not matched:
        kind = f" with {rrtypes.to_text(edit.rdtype)} records" if edit.rdtype is not None else ""
        raise NotFound(
            f"no name in {names.text(apex)} matches {edit.pattern.text!r}{kind}",
            hint="* matches within one label of a name; zonegit export prints the zone",
        )
    return matched


def _open_builder(at: _Working, rdtype: int, new: RRset | None = None) -> RRsetBuilder:
    """Return the builder for the RRset of a type. It starts from ``new`` if there is no RRset."""
    value = at.get(rdtype, new)
    assert value is not None
    if not isinstance(value, RRsetBuilder):
        value = at[rdtype] = RRsetBuilder(value)
    return value


def _choose_ttl(edit: Set | Add, at: _Working) -> int:
    present = at.get(edit.rrset.rdtype)
    return edit.rrset.ttl if edit.ttl == "stated" or present is None else present.ttl


def needs_minimum(edit: Edit) -> bool:
    """Return whether a new RRset of this edit takes the minimum of the zone's SOA as its TTL."""
    return isinstance(edit, (Set, Add)) and edit.ttl == "minimum"


def set_minimum(edit: Edit, minimum: int) -> Edit:
    """Return the edit with the TTL for a new RRset."""
    if not isinstance(edit, (Set, Add)) or not needs_minimum(edit):
        return edit
    return msgspec.structs.replace(edit, rrset=msgspec.structs.replace(edit.rrset, ttl=minimum))


def _list_deleted(at: _Working, name: Name, rdtype: int | None, apex: Name) -> list[int]:
    if rdtype is not None:
        if rdtype not in at:
            raise _absent_error(name, rdtype)
        return [rdtype]
    deleted = [each for each in at if (name, each) != (apex, rrtypes.SOA)]
    if not deleted:
        raise NotFound(f"{names.text(name)} has no RRset to delete")
    return deleted


def _absent_error(name: Name, rdtype: int) -> NotFound:
    return NotFound(f"there is no {format_key(name, rdtype)}")
