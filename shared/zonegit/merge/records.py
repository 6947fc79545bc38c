"""Merge one value, and one RRset that both sides changed: its TTL and each of its records. Pure.

A record exists or does not exist, so a single record cannot clash: a record that one side added is
added, and a record that one side removed is removed. The RRset as a whole clashes if the result is
not unambiguous or breaks a rule. Records are compared by their keys (``zone.canonical_rdata``).
Records that both sides have keep the spelling of ours.
"""

from collections.abc import Set as AbstractSet
from typing import Final, Literal, TypeVar

import msgspec

from zonegit.errors import Invalid, format_list
from zonegit.zone import canonical_rdata, rrtypes, rules, sizing, spelling
from zonegit.zone.rrset import RRset, parse_soa, rdata_to_text, rrset, with_serial

T = TypeVar("T")

ConflictReason = Literal[
    "one record replaced two ways",
    "TTL changed two ways",
    "added with two TTLs",
    "deleted against modified",
    "no record left",
    "no zone may hold both",
    "no agreed base",
]
"""The reason of a clash (docs/merging.md)."""

MAX_SHOWN: Final = 3
"""Records that a detail names; the rest is counted."""


class ThreeWayConflict(msgspec.Struct, frozen=True):
    """Both sides changed a value, to different ones."""


DISAGREEMENT = ThreeWayConflict()


def merge_values(base: T, ours: T, theirs: T) -> T | ThreeWayConflict:
    """Merge one value. The result is the same if the sides are exchanged.

    Args:
        base: the value before.
        ours: the value on our side.
        theirs: the value on the other side.

    Returns:
        The merged value, or ``DISAGREEMENT``.
    """
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else DISAGREEMENT


class Refusal(msgspec.Struct, frozen=True):
    """An RRset cannot be merged. ``detail`` names the records or the rule; None if ``reason`` is
    sufficient."""

    reason: ConflictReason
    detail: str | None = None


def merge_rrset(
    base: RRset | None, ours: RRset | None, theirs: RRset | None, *, respell: bool = False
) -> RRset | Refusal | None:
    """Return the merged RRset, or None if it is removed. The serial of an SOA stays that of ours.

    Args:
        base: the RRset in the merge base; None if it does not exist there.
        ours: the RRset on our side; None if it does not exist there.
        theirs: the RRset on the other side; None if it does not exist there.
        respell: use the spelling of ``theirs`` for records that both sides have.

    Raises:
        Invalid: an SOA is malformed.
    """
    old, mine, other = (
        None if each is None else clear_ignored_fields(each) for each in (base, ours, theirs)
    )
    merged = merge_values(old, mine, other)
    if isinstance(merged, ThreeWayConflict):
        outcome = _merge_by_keys(old, mine, other)
        if isinstance(outcome, Refusal):
            return outcome
        preferred, rest = (other, mine) if respell else (mine, other)
        merged = _restore_spelling(outcome, preferred, rest)
    return restore_ignored_fields(merged, ours, theirs)


def is_same(one: RRset | None, other: RRset | None) -> bool:
    """Return whether two RRsets are equal except for the fields that never clash.

    Raises:
        Invalid: an SOA is malformed.
    """
    values = (None if each is None else clear_ignored_fields(each) for each in (one, other))
    return spelling.is_same(*values)


def _merge_by_keys(
    base: RRset | None, ours: RRset | None, theirs: RRset | None
) -> RRset | Refusal | None:
    """Merge an RRset that both sides changed. The result has keys instead of RDATA."""
    base, ours, theirs = map(_replace_by_keys, (base, ours, theirs))
    merged = merge_values(base, ours, theirs)
    if not isinstance(merged, ThreeWayConflict):
        return merged
    if ours is None or theirs is None:
        return Refusal("deleted against modified")
    return _merge_records(base, ours, theirs)


def _replace_by_keys(value: RRset | None) -> RRset | None:
    """Return an RRset with the keys of its records instead of their RDATA."""
    if value is None or value.rdtype not in canonical_rdata.CASE_INSENSITIVE_TYPES:
        return value
    keys = tuple(sorted(spelling.compute_keys(value)))
    return RRset(value.owner, value.rdtype, value.ttl, keys, value.rdclass)


def _restore_spelling(
    merged: RRset | None, first: RRset | None, second: RRset | None
) -> RRset | None:
    """Return an RRset with RDATA instead of keys.

    Args:
        merged: the RRset with keys.
        first: the RRset whose spelling is preferred.
        second: the RRset with the spelling of the other records.
    """
    if merged is None or merged.rdtype not in canonical_rdata.CASE_INSENSITIVE_TYPES:
        return merged
    if second is not None:
        merged = spelling.keep_spelling(merged, second)
    return merged if first is None else spelling.keep_spelling(merged, first)


def clear_ignored_fields(value: RRset) -> RRset:
    """Return an RRset without the fields that never clash.

    These are the serial of an SOA, which has its own rules, and the TTL of RRSIGs, which is that of
    the RRsets they cover (RFC 4034 section 3).

    Raises:
        Invalid: an SOA is malformed.
    """
    if value.rdtype == rrtypes.SOA:
        parse_soa(value)
        return with_serial(value, 0)
    return _set_ttl(value, 0) if value.rdtype == rrtypes.RRSIG else value


def restore_ignored_fields(
    value: RRset | None, ours: RRset | None, theirs: RRset | None
) -> RRset | None:
    """Return a merged RRset with the fields that never clash: the serial of our SOA, or the smaller
    TTL of the RRSIGs.

    Args:
        value: the merged RRset; None if it is removed.
        ours: the RRset on our side.
        theirs: the RRset on the other side.
    """
    sides = [each for each in (ours, theirs) if each is not None]
    if value is None or not sides:
        return value
    if value.rdtype == rrtypes.SOA:
        return with_serial(value, parse_soa(sides[0]).serial)
    if value.rdtype == rrtypes.RRSIG:
        return _set_ttl(value, min(each.ttl for each in sides))
    return value


def _set_ttl(value: RRset, ttl: int) -> RRset:
    return RRset(value.owner, value.rdtype, ttl, value.rdatas, value.rdclass)


def _merge_records(base: RRset | None, ours: RRset, theirs: RRset) -> RRset | Refusal:
    """Merge the TTL and the records of an RRset that both sides have."""
    old = frozenset(base.rdatas) if base is not None else frozenset[bytes]()
    mine, other = frozenset(ours.rdatas), frozenset(theirs.rdatas)
    removed = old - mine - other
    if removed and mine - other - old and other - mine - old:
        return Refusal("one record replaced two ways", _describe_replaced(ours.rdtype, removed))
    ttl = merge_values(base.ttl if base is not None else None, ours.ttl, theirs.ttl)
    if ttl is None or isinstance(ttl, ThreeWayConflict):
        return Refusal("TTL changed two ways" if base is not None else "added with two TTLs")
    rdatas = [
        each
        for each in old | mine | other
        if merge_values(each in old, each in mine, each in other) is True
    ]
    if not rdatas:
        return Refusal("no record left", "each side removed what the other one kept")
    try:
        merged = rrset(ours.owner, ours.rdtype, ttl, rdatas, ours.rdclass)
        rules.check_rrset(merged)
        if sizing.is_too_large(merged):
            raise sizing.too_large_error(merged)
    except Invalid as error:
        return Refusal("no zone may hold both", error.message)
    return merged


def _describe_replaced(rdtype: int, removed: AbstractSet[bytes]) -> str:
    """Return the detail for records that both sides removed."""
    if rdtype == rrtypes.SOA:
        return "its fields are merged as one value, without the serial"
    records = [rdata_to_text(rdtype, each) for each in sorted(removed)]
    return f"both removed {format_list(records, MAX_SHOWN)}"
