"""Fast checks of the RDATA of frequent types.

:func:`zonegit.zone.rdata.check` writes the text of RDATA to check it. That takes 5 to 40
microseconds, too long for each record of a large import. A check of this module takes about one
microsecond. RDATA that it accepts is well-formed; other RDATA needs the full check.
"""

from collections.abc import Callable
from typing import Final

from zonegit.zone.canonical_rdata import find_name_end
from zonegit.zone.rrtypes import NUMBERS

_RRSIG_FIXED: Final = 18
_DNSKEY_FIXED: Final = 4
_SOA_NUMBERS: Final = 20
_DIGEST_OCTETS: Final = {1: 20, 2: 32, 4: 48}
_MAX_BITMAP: Final = 32


def is_well_formed(rdtype: int, octets: bytes) -> bool:
    """Return True if RDATA is of a frequent type and well-formed; False means unknown."""
    accepts = _SHAPES.get(rdtype)
    return accepts is not None and accepts(octets)


def _is_name(octets: bytes) -> bool:
    return find_name_end(octets, 0) == len(octets)


def _is_preferred_name(octets: bytes) -> bool:
    return find_name_end(octets, 2) == len(octets)


def _is_srv(octets: bytes) -> bool:
    return find_name_end(octets, 6) == len(octets)


def _is_soa(octets: bytes) -> bool:
    end = find_name_end(octets, find_name_end(octets, 0))
    return end + _SOA_NUMBERS == len(octets)


def _is_strings(octets: bytes) -> bool:
    at, size = 0, len(octets)
    while at < size:
        at += octets[at] + 1
    return at == size > 0


def _is_rrsig(octets: bytes) -> bool:
    return find_name_end(octets, _RRSIG_FIXED) <= len(octets)


def _is_ds(octets: bytes) -> bool:
    return len(octets) > 4 and _DIGEST_OCTETS.get(octets[3]) == len(octets) - 4


def _is_nsec(octets: bytes) -> bool:
    return _is_bitmap(octets, find_name_end(octets, 0))


def _is_nsec3(octets: bytes) -> bool:
    if len(octets) < 6:
        return False
    at = 5 + octets[4]
    return at < len(octets) and octets[at] > 0 and _is_bitmap(octets, at + 1 + octets[at])


def _is_bitmap(octets: bytes, at: int) -> bool:
    """Return whether the RDATA from ``at`` to its end is a list of types (RFC 4034 section
    4.1.2)."""
    last = -1
    while at + 2 < len(octets):
        window, size = octets[at], octets[at + 1]
        end = at + 2 + size
        if window <= last or not 0 < size <= _MAX_BITMAP or end > len(octets):
            return False
        if not octets[end - 1]:
            return False
        last, at = window, end
    return at == len(octets)


_BY_MNEMONIC: Final[dict[str, Callable[[bytes], bool]]] = {
    "A": lambda octets: len(octets) == 4,
    "AAAA": lambda octets: len(octets) == 16,
    **dict.fromkeys(("NS", "CNAME", "PTR", "DNAME"), _is_name),
    "MX": _is_preferred_name,
    "SRV": _is_srv,
    "SOA": _is_soa,
    "TXT": _is_strings,
    "RRSIG": _is_rrsig,
    "DS": _is_ds,
    "DNSKEY": lambda octets: len(octets) >= _DNSKEY_FIXED,
    "NSEC": _is_nsec,
    "NSEC3": _is_nsec3,
}
_SHAPES: Final = {NUMBERS[mnemonic]: accepts for mnemonic, accepts in _BY_MNEMONIC.items()}
