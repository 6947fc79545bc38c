"""Rules for RDATA of valid form with values that servers or clients do not accept."""

import struct
from collections.abc import Iterator
from typing import Final

from zonegit.errors import Invalid
from zonegit.zone import canonical_rdata, sizing, spelling
from zonegit.zone.lint import regexps
from zonegit.zone.lint.view import ZoneView
from zonegit.zone.rrset import RRset, describe

_LOC: Final = struct.Struct("!BBBBIII")
_EQUATOR: Final = 1 << 31
_DEGREE: Final = 3_600_000
"""Thousandths of a second of arc."""
MAX_LATITUDE: Final = 90
MAX_LONGITUDE: Final = 180

MIN_PSDN_DIGITS: Final = 4
"""Digits of the data network identification code, which begins a PSDN address (RFC 1183 section
3.1)."""

_IPSECKEY_HEAD: Final = 3
_GATEWAY_NAME: Final = 3
_GATEWAY_OCTETS: Final = {0: 0, 1: 4, 2: 16}
"""Octets of the gateway by its type: none, IPv4, IPv6 (RFC 4025 section 2.3)."""

_NAPTR_HEAD: Final = 4
_NAPTR_STRINGS: Final = 3


def check_twins(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find records that are stored in several spellings."""
    for finding in spelling.find_twins(rrset):
        yield finding.message


def check_variants(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find different records that some servers take for one record."""
    for finding in spelling.find_variants(rrset):
        yield finding.message


def check_size(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find RRsets that do not fit a signed message with EDNS."""
    for finding in sizing.find_too_large(rrset):
        yield finding.message


def check_naptr(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find regexp fields that are not a substitution expression."""
    for rdata in rrset.rdatas:
        strings, rest = _split_strings(rdata, _NAPTR_HEAD, _NAPTR_STRINGS)
        if len(strings) < _NAPTR_STRINGS:
            continue
        try:
            regexps.check_substitution(strings[-1])
        except Invalid as error:
            shown = ascii(strings[-1].decode("latin-1"))
            yield f"{describe(rrset)} has the regexp {shown}: {error.message}"
        else:
            if strings[-1] and rest not in (b"", b"\0"):
                yield f"{describe(rrset)} has both a regexp and a replacement"


def check_loc(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find latitudes and longitudes that are out of range."""
    for rdata in rrset.rdatas:
        if len(rdata) != _LOC.size or rdata[0]:
            continue
        *_, latitude, longitude, _ = _LOC.unpack(rdata)
        if abs(latitude - _EQUATOR) > MAX_LATITUDE * _DEGREE:
            yield f"{describe(rrset)} has a latitude of more than {MAX_LATITUDE} degrees"
        if abs(longitude - _EQUATOR) > MAX_LONGITUDE * _DEGREE:
            yield f"{describe(rrset)} has a longitude of more than {MAX_LONGITUDE} degrees"


def check_nsec(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find NSEC records that list no type, not even NSEC."""
    for rdata in rrset.rdatas:
        at = 0
        while at < len(rdata) and rdata[at]:
            at += rdata[at] + 1
        if at + 1 >= len(rdata):
            yield f"{describe(rrset)} lists no type"


def check_x25(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find malformed PSDN addresses."""
    for rdata in rrset.rdatas:
        strings, _ = _split_strings(rdata, 0, 1)
        if strings and (len(strings[0]) < MIN_PSDN_DIGITS or not strings[0].isdigit()):
            shown = ascii(strings[0].decode("latin-1"))
            yield (
                f"{describe(rrset)} has the address {shown},"
                f" which is not {MIN_PSDN_DIGITS} or more digits"
            )


def check_ipseckey(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find IPSECKEY records without a public key, which are legal but which BIND refuses."""
    for rdata in rrset.rdatas:
        if len(rdata) >= _IPSECKEY_HEAD and _find_gateway_end(rdata) == len(rdata):
            yield f"{describe(rrset)} has no public key, and some servers refuse such a zone"


def check_null(_view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find empty NULL records, which Knot refuses in a transfer."""
    if b"" in rrset.rdatas:
        yield f"{describe(rrset)} is empty, and some servers refuse such a zone"


def _find_gateway_end(rdata: bytes) -> int:
    """Return the end of the gateway of an IPSECKEY record, or -1 if its type is unknown."""
    kind = rdata[1]
    if kind != _GATEWAY_NAME:
        return _IPSECKEY_HEAD + _GATEWAY_OCTETS.get(kind, -_IPSECKEY_HEAD - 1)
    return canonical_rdata.find_name_end(rdata, _IPSECKEY_HEAD)


def _split_strings(rdata: bytes, at: int, count: int) -> tuple[list[bytes], bytes]:
    """Return up to ``count`` character-strings, and the octets after them."""
    found: list[bytes] = []
    while len(found) < count and at < len(rdata):
        end = at + 1 + rdata[at]
        found.append(rdata[at + 1 : end])
        at = end
    return found, rdata[at:]
