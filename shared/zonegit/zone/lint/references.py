"""Find the domain names in RDATA, for rules that look them up in the zone."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.canonical_rdata import find_name_end
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

_NAPTR_STRINGS: Final = 3
_SRV_HEAD: Final = 6
_PREFERENCE: Final = 2
_NAPTR_HEAD: Final = 4


@lru_cache(256)
def find_names(rrset: RRset) -> tuple[Name, ...]:
    """Return the names in the RDATA of an RRset, each once, in the order of the records.

    Malformed RDATA and types that are not in ``TYPES`` have none.
    """
    reader = _READERS.get(rrset.rdtype)
    if reader is None:
        return ()
    found: dict[Name, None] = {}
    for rdata in rrset.rdatas:
        try:
            found.update(dict.fromkeys(reader(rdata)))
        except (Invalid, IndexError):
            continue
    return tuple(found)


def may_have_name(rrset: RRset, apex: Name) -> bool:
    """Return whether the RDATA of an RRset may have a name within a zone; this is a fast test."""
    return any(rdata.lower().find(apex) >= 0 for rdata in rrset.rdatas)


def _names_at(offset: int, count: int = 1) -> Callable[[bytes], Iterator[Name]]:
    """Return a reader of ``count`` consecutive names."""

    def read(rdata: bytes) -> Iterator[Name]:
        at = offset
        for _ in range(count):
            end = find_name_end(rdata, at)
            yield names.from_wire(rdata[at:end])
            at = end

    return read


def _read_naptr(rdata: bytes) -> Iterator[Name]:
    """Read the replacement, which follows flags, services and regexp (RFC 3403 section 4.1)."""
    at = _NAPTR_HEAD
    for _ in range(_NAPTR_STRINGS):
        at += rdata[at] + 1
    yield names.from_wire(rdata[at:])


_READERS: Final[dict[int, Callable[[bytes], Iterator[Name]]]] = {
    **dict.fromkeys(
        (
            rrtypes.NS,
            rrtypes.CNAME,
            rrtypes.PTR,
            rrtypes.DNAME,
            *map(rrtypes.from_text, ("MD", "MF", "MB", "MG", "MR")),
        ),
        _names_at(0),
    ),
    **dict.fromkeys((rrtypes.SOA, *map(rrtypes.from_text, ("MINFO", "RP"))), _names_at(0, 2)),
    **dict.fromkeys(
        (
            rrtypes.MX,
            rrtypes.SVCB,
            rrtypes.HTTPS,
            *map(rrtypes.from_text, ("AFSDB", "RT", "KX", "LP")),
        ),
        _names_at(_PREFERENCE),
    ),
    rrtypes.from_text("PX"): _names_at(_PREFERENCE, 2),
    rrtypes.SRV: _names_at(_SRV_HEAD),
    rrtypes.NAPTR: _read_naptr,
}

TYPES: Final = frozenset(_READERS)
"""Types whose RDATA has names that rules examine."""
