"""The spelling of records: the case of names in their RDATA, which makes no other record.

A *twin* is a record that a stored RRset holds in two spellings, as earlier releases could write it.
Of twins the first in octet order is the record. All pure.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from zonegit.zone import canonical_rdata, rrtypes
from zonegit.zone.canonical_rdata import AS_WRITTEN
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset, describe, rdata_to_text, with_serial

TWINS: Final = "case-twins"
VARIANTS: Final = "case-variants"
RESPELLED: Final = "spelling-only"
"""Rules of findings."""

SOURCE: Final = "RFC 6840 section 5.1"

_SOA_TAIL: Final = 20
"""Octets of the numbers that an SOA ends in, which begin with its serial."""


def without_twins(value: RRset) -> RRset:
    """Return the RRset with one spelling of each record, itself where it has no twins."""
    if len(value.rdatas) < 2 or not canonical_rdata.has_twins(value.rdtype, value.rdatas):
        return value
    rdatas = tuple(sorted(canonical_rdata.distinct(value.rdtype, value.rdatas)))
    return RRset(value.owner, value.rdtype, value.ttl, rdatas, value.rdclass)


def keys(value: RRset) -> frozenset[bytes]:
    """Return the keys of the records."""
    return frozenset(canonical_rdata.key(value.rdtype, rdata) for rdata in value.rdatas)


def is_same(one: RRset | None, other: RRset | None) -> bool:
    """Return whether two RRsets have the same TTL and records, in any spelling."""
    if one is None or other is None or one == other:
        return one == other
    if (one.owner, one.rdtype, one.ttl) != (other.owner, other.rdtype, other.ttl):
        return False
    return one.rdclass == other.rdclass and keys(one) == keys(other)


def keep(value: RRset, known: RRset) -> RRset:
    """Return an RRset with the records that ``known`` has spelled as they are there.

    Args:
        value: the records and the TTL that are wanted.
        known: the same RRset before; of its twins the first is the record. It is returned where
            it has the same TTL and records as ``value``.
    """
    if is_same(value, known):
        return known
    if value.rdtype not in canonical_rdata.FOLDED:
        return value
    value = without_twins(value)
    if value.rdtype == rrtypes.SOA:
        return _keep_soa(value, known)
    spelled: dict[bytes, bytes] = {}
    for rdata in known.rdatas:
        spelled.setdefault(canonical_rdata.key(known.rdtype, rdata), rdata)
    rdatas = {
        spelled.get(canonical_rdata.key(value.rdtype, rdata), rdata) for rdata in value.rdatas
    }
    return RRset(value.owner, value.rdtype, value.ttl, tuple(sorted(rdatas)), value.rdclass)


def _keep_soa(value: RRset, known: RRset) -> RRset:
    """Return an SOA with the names as they are in ``known``, if all but the serial is the same."""
    new, old = value.rdatas[0], known.rdatas[0]
    if min(len(new), len(old)) < _SOA_TAIL or _but_serial(new) != _but_serial(old):
        return value
    rdata = old[:-_SOA_TAIL] + new[-_SOA_TAIL:]
    return RRset(value.owner, value.rdtype, value.ttl, (rdata,), value.rdclass)


def _but_serial(rdata: bytes) -> tuple[bytes, bytes]:
    found = canonical_rdata.key(rrtypes.SOA, rdata)
    return found[:-_SOA_TAIL], found[-_SOA_TAIL + 4 :]


def find_twins(value: RRset) -> list[Finding]:
    """Return a warning for each record that a stored RRset has in several spellings (rule
    ``case-twins``)."""
    if not canonical_rdata.has_twins(value.rdtype, value.rdatas):
        return []
    return [_twins(value, group) for group in _groups(value)]


def find_variants(value: RRset) -> list[Finding]:
    """Return a warning for each group of records of a type whose case counts that differ only in
    the case of names (rule ``case-variants``): they stay, and some servers take them for one."""
    if len(value.rdatas) < 2 or value.rdtype not in AS_WRITTEN:
        return []
    return [_variants(value, group) for group in _groups(value)]


def _groups(value: RRset) -> Iterable[list[bytes]]:
    """Return each group of records that differ only in the case of names."""

    def place(rdata: bytes) -> bytes:
        return canonical_rdata.key_ignoring_case(value.rdtype, rdata)

    for _, group in groupby(sorted(value.rdatas, key=place), key=place):
        if len(found := list(group)) > 1:
            yield found


def _twins(value: RRset, group: list[bytes]) -> Finding:
    first, *others = (rdata_to_text(value.rdtype, rdata) for rdata in group)
    return Finding(
        TWINS,
        "warning",
        f"{describe(value)} is stored with {', '.join(others)} next to {first}: they differ only in"
        " the case of names, so they are one record, and the first is used",
        value.owner,
        value.rdtype,
        SOURCE,
    )


def _variants(value: RRset, group: list[bytes]) -> Finding:
    shown = " and ".join(rdata_to_text(value.rdtype, rdata) for rdata in group)
    return Finding(
        VARIANTS,
        "warning",
        f"{describe(value)} has {shown}: they differ only in the case of names, which makes"
        f" {len(group)} records of this type, and some servers keep only one of them",
        value.owner,
        value.rdtype,
        SOURCE,
    )


def is_respelled(value: RRset, known: RRset) -> bool:
    """Return whether the case of names in RDATA is all that differs; an SOA's serial may, too."""
    if value.rdtype == rrtypes.SOA:
        value, known = with_serial(value, 0), with_serial(known, 0)
    return is_same(value, known) and value != without_twins(known)


def note_respelled(value: RRset) -> Finding:
    """Return the note that a change of spelling alone is not stored."""
    return Finding(
        RESPELLED,
        "note",
        f"{describe(value)} differs from what is stored only in the case of names in its records,"
        " and keeps the spelling it has; --respell stores the new one",
        value.owner,
        value.rdtype,
        SOURCE,
    )
