"""Compare records by their canonical RDATA, in which names are in lower case.

Theory of operation. Two records of one RRset are the same record if they differ only in the case of
the names in their RDATA, for exactly the types of RFC 4034 section 6.2 as amended by RFC 6840
section 5.1. Other servers keep one record of such a pair. If zonegit took the pair for two records,
an incremental transfer that removes one of them would remove the only copy of a secondary. RDATA is
stored in its original case; records are compared by their keys.

A table has, for each of those types, the positions of the names in RDATA. A type that is not in the
table costs one look-up, and RDATA without capital letters costs one comparison. Malformed RDATA,
which can come from another implementation, is its own key.

A second table has the other types with names in RDATA. Two records of these types that differ only
in case are two records, but some servers keep only one of them. ``key_ignoring_case`` finds such
pairs for warnings.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from zonegit.zone.names import MAX_LABEL, MAX_OCTETS
from zonegit.zone.rrtypes import NUMBERS

_NAME: Final = -1
_STRING: Final = -2
_REST: Final = -3

_Layout = tuple[int, ...]
"""The fields of RDATA in order: a number of octets, or one of the constants above."""
_Form = _Layout | Callable[[bytes], _Layout]
"""A layout, or a function that returns the layout of given RDATA; an empty layout fits no RDATA."""


def _a6(rdata: bytes) -> _Layout:
    """Return the layout of A6 (RFC 2874 section 3.1): without a prefix there is no name."""
    prefix = rdata[0]
    suffix = (128 - prefix + 7) // 8
    if prefix > 128:
        return ()
    return (1 + suffix, _NAME) if prefix else (1 + suffix,)


def _ipseckey(rdata: bytes) -> _Layout:
    """Return the layout of IPSECKEY (RFC 4025 section 2.1)."""
    return (3, _NAME, _REST) if rdata[1:2] == b"\3" else (_REST,)


def _amtrelay(rdata: bytes) -> _Layout:
    """Return the layout of AMTRELAY (RFC 8777 section 4.1)."""
    return (2, _NAME) if len(rdata) > 1 and rdata[1] & 0x7F == 3 else (_REST,)


def _hip(rdata: bytes) -> _Layout:
    """Return the layout of HIP (RFC 8005 section 5): tag and key, then rendezvous servers."""
    start = end = 4 + rdata[0] + int.from_bytes(rdata[2:4], "big")
    servers = 0
    while end < len(rdata):
        end = find_name_end(rdata, end)
        servers += 1
    return (start, *[_NAME] * servers)


_FORMS_CASE_INSENSITIVE: Final[dict[str, _Form]] = {
    **dict.fromkeys(("NS", "MD", "MF", "CNAME", "MB", "MG", "MR", "PTR", "DNAME"), (_NAME,)),
    **dict.fromkeys(("MX", "AFSDB", "RT", "KX"), (2, _NAME)),
    **dict.fromkeys(("MINFO", "RP"), (_NAME, _NAME)),
    **dict.fromkeys(("SIG", "RRSIG"), (18, _NAME, _REST)),
    "SOA": (_NAME, _NAME, 20),
    "PX": (2, _NAME, _NAME),
    "NXT": (_NAME, _REST),
    "NAPTR": (4, _STRING, _STRING, _STRING, _NAME),
    "SRV": (6, _NAME),
    "A6": _a6,
}
_FORMS_CASE_SENSITIVE: Final[dict[str, _Form]] = {
    **dict.fromkeys(("SVCB", "HTTPS"), (2, _NAME, _REST)),
    "NSEC": (_NAME, _REST),
    "NSAP-PTR": (_NAME,),
    "LP": (2, _NAME),
    "IPSECKEY": _ipseckey,
    "AMTRELAY": _amtrelay,
    "HIP": _hip,
    "TALINK": (_NAME, _NAME),
    "DSYNC": (5, _NAME),
}
_CASE_INSENSITIVE: Final = {
    NUMBERS[mnemonic]: form for mnemonic, form in _FORMS_CASE_INSENSITIVE.items()
}
_CASE_SENSITIVE: Final = {
    NUMBERS[mnemonic]: form for mnemonic, form in _FORMS_CASE_SENSITIVE.items()
}

CASE_INSENSITIVE_TYPES: Final = frozenset(_CASE_INSENSITIVE)
"""Types of which two records are the same if they differ only in the case of names in RDATA."""
CASE_SENSITIVE_TYPES: Final = frozenset(_CASE_SENSITIVE)
"""Types of which two records differ if the case of names in RDATA differs."""


def key(rdtype: int, rdata: bytes) -> bytes:
    """Return the key by which records of one RRset are compared: RDATA with names in lower case.

    Args:
        rdtype: the type of the record.
        rdata: its uncompressed RDATA; malformed RDATA is its own key.
    """
    form = _CASE_INSENSITIVE.get(rdtype)
    return rdata if form is None else _lower_names(rdata, form)


def key_ignoring_case(rdtype: int, rdata: bytes) -> bytes:
    """Return the key by which some servers compare records of a type of ``CASE_SENSITIVE_TYPES``.

    Args:
        rdtype: the type of the record; for other types this is :func:`key`.
        rdata: its uncompressed RDATA; malformed RDATA is its own key.
    """
    form = _CASE_SENSITIVE.get(rdtype)
    return key(rdtype, rdata) if form is None else _lower_names(rdata, form)


def deduplicate(rdtype: int, rdatas: Iterable[bytes]) -> Collection[bytes]:
    """Return one RDATA for each record: the first of those with the same key.

    Args:
        rdtype: the type of the records.
        rdatas: their RDATA, possibly with repetitions.

    Returns:
        The RDATA in any order.
    """
    if rdtype not in _CASE_INSENSITIVE:
        return set(rdatas)
    found = dict.fromkeys(rdatas)
    if len(found) == 1 or not has_twins(rdtype, found):
        return found
    first: dict[bytes, bytes] = {}
    for rdata in found:
        first.setdefault(key(rdtype, rdata), rdata)
    return first.values()


def has_twins(rdtype: int, rdatas: Collection[bytes]) -> bool:
    """Return whether two of the RDATA are the same record with different octets.

    Args:
        rdtype: the type of the records.
        rdatas: RDATA without repetitions.
    """
    if len(rdatas) < 2 or rdtype not in _CASE_INSENSITIVE:
        return False
    # Equal keys imply equal octets in lower case, which is cheaper to test.
    if len({rdata.lower() for rdata in rdatas}) == len(rdatas):
        return False
    return len({key(rdtype, rdata) for rdata in rdatas}) < len(rdatas)


def find_name_end(rdata: bytes, at: int) -> int:
    """Return the end of an uncompressed name, or an offset beyond the RDATA if it is malformed."""
    start = at
    while at < len(rdata) and (length := rdata[at]) <= MAX_LABEL:
        at += length + 1
        if length == 0:
            return at if at - start <= MAX_OCTETS else len(rdata) + 1
    return len(rdata) + 1


def _lower_names(rdata: bytes, form: _Form) -> bytes:
    """Return RDATA with its names in lower case; malformed RDATA is returned unchanged."""
    lower = rdata.lower()
    if lower == rdata:
        return rdata
    found, at = bytearray(rdata), 0
    for field in form(rdata) if callable(form) else form:
        end = _find_field_end(rdata, at, field)
        if field == _NAME:
            found[at:end] = lower[at:end]
        at = end
    return bytes(found) if at == len(rdata) else rdata


def _find_field_end(rdata: bytes, at: int, field: int) -> int:
    """Return the end of a field, or an offset beyond the RDATA if the field does not fit."""
    past = len(rdata) + 1
    if at >= past:
        return past
    if field == _NAME:
        return find_name_end(rdata, at)
    if field == _STRING:
        return at + 1 + rdata[at] if at < len(rdata) else past
    return len(rdata) if field == _REST else at + field
