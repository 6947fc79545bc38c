"""The spelling of records: the case of the names in their RDATA.

Records that differ only in spelling are the same record. Earlier releases could store an RRset with
two spellings of one record, which are called twins. The first in octet order is the record.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from zonegit.zone import canonical_rdata, rrtypes
from zonegit.zone.canonical_rdata import CASE_SENSITIVE_TYPES
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset, describe, rdata_to_text, with_serial

TWINS: Final = "case-twins"
VARIANTS: Final = "case-variants"
RESPELLED: Final = "spelling-only"
"""Rules of the findings."""

SOURCE: Final = "RFC 6840 section 5.1"

_SOA_TAIL: Final = 20
"""Octets of the numbers at the end of an SOA, of which the serial is the first."""


def remove_twins(value: RRset) -> RRset:
    """Return an RRset with one spelling of each record; the same object if it has no twins."""
    if len(value.rdatas) < 2 or not canonical_rdata.has_twins(value.rdtype, value.rdatas):
        return value
    rdatas = tuple(sorted(canonical_rdata.deduplicate(value.rdtype, value.rdatas)))
    return RRset(value.owner, value.rdtype, value.ttl, rdatas, value.rdclass)


def compute_keys(value: RRset) -> frozenset[bytes]:
    """Return the keys of the records."""
    return frozenset(canonical_rdata.key(value.rdtype, rdata) for rdata in value.rdatas)


def is_same(one: RRset | None, other: RRset | None) -> bool:
    """Return whether two RRsets have the same TTL and records, regardless of spelling."""
    if one is None or other is None or one == other:
        return one == other
    if (one.owner, one.rdtype, one.ttl) != (other.owner, other.rdtype, other.ttl):
        return False
    return one.rdclass == other.rdclass and compute_keys(one) == compute_keys(other)


def keep_spelling(value: RRset, known: RRset) -> RRset:
    """Return ``value`` with the spelling of ``known`` for the records that both have.

    Args:
        value: the new RRset.
        known: the RRset before; of its twins the first is used. It is returned if it has the same
            TTL and records as ``value``.
    """
    if is_same(value, known):
        return known
    if value.rdtype not in canonical_rdata.CASE_INSENSITIVE_TYPES:
        return value
    value = remove_twins(value)
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
    """Return an SOA with the spelling of ``known``, if they differ at most in the serial."""
    new, old = value.rdatas[0], known.rdatas[0]
    if min(len(new), len(old)) < _SOA_TAIL or _strip_serial(new) != _strip_serial(old):
        return value
    rdata = old[:-_SOA_TAIL] + new[-_SOA_TAIL:]
    return RRset(value.owner, value.rdtype, value.ttl, (rdata,), value.rdclass)


def _strip_serial(rdata: bytes) -> tuple[bytes, bytes]:
    found = canonical_rdata.key(rrtypes.SOA, rdata)
    return found[:-_SOA_TAIL], found[-_SOA_TAIL + 4 :]


def find_twins(value: RRset) -> list[Finding]:
    """Return a warning for each record of which a stored RRset has several spellings (rule
    ``case-twins``)."""
    if not canonical_rdata.has_twins(value.rdtype, value.rdatas):
        return []
    return [_make_twins_finding(value, group) for group in _group_variants(value)]


def find_variants(value: RRset) -> list[Finding]:
    """Return a warning for each group of different records that some servers take for one record.

    They differ only in the case of names, and their type is in ``CASE_SENSITIVE_TYPES`` (rule
    ``case-variants``).
    """
    if len(value.rdatas) < 2 or value.rdtype not in CASE_SENSITIVE_TYPES:
        return []
    return [_make_variants_finding(value, group) for group in _group_variants(value)]


def _group_variants(value: RRset) -> Iterable[list[bytes]]:
    """Yield each group of records that differ only in the case of names."""

    def place(rdata: bytes) -> bytes:
        return canonical_rdata.key_ignoring_case(value.rdtype, rdata)

    for _, group in groupby(sorted(value.rdatas, key=place), key=place):
        if len(found := list(group)) > 1:
            yield found


def _make_twins_finding(value: RRset, group: list[bytes]) -> Finding:
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


def _make_variants_finding(value: RRset, group: list[bytes]) -> Finding:
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
    """Return whether two RRsets differ only in spelling; the serials of SOAs may differ."""
    if value.rdtype == rrtypes.SOA:
        value, known = with_serial(value, 0), with_serial(known, 0)
    return is_same(value, known) and value != remove_twins(known)


def note_respelled(value: RRset) -> Finding:
    """Return a note that a change of the spelling alone is not stored."""
    return Finding(
        RESPELLED,
        "note",
        f"{describe(value)} differs from what is stored only in the case of names in its records,"
        " and keeps the spelling it has; --respell stores the new one",
        value.owner,
        value.rdtype,
        SOURCE,
    )
