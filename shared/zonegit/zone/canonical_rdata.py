"""The key of a record: its canonical RDATA, in which names are in lower case.

Theory of operation. Two records of one RRset are the same record when they differ only in the case
of the names in their RDATA, for exactly the types of RFC 4034 section 6.2 as amended by RFC 6840
section 5.1. Other servers keep one of such a pair, so a pair must never be taken for two records
here: an incremental transfer that removes one would remove the only copy that a secondary has.
RDATA keeps the case that it was written in; the key is what is compared.

A table holds, for each of those types, where the names in its RDATA are. Types that are not in the
table cost one look-up, RDATA without a capital letter one comparison. RDATA that does not
have the form of its type (it can come from another implementation) is its own key.

A second table holds the other types with names in RDATA. Records of these that differ only in case
are two records here, and some servers keep only one of them: ``key_ignoring_case`` finds such pairs
for warnings.
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
"""A layout, or what finds it where it depends on the RDATA; an empty one fits no RDATA."""


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


_FORMS: Final[dict[str, _Form]] = {
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
_FORMS_AS_WRITTEN: Final[dict[str, _Form]] = {
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
_FOLDED: Final = {NUMBERS[mnemonic]: form for mnemonic, form in _FORMS.items()}
_AS_WRITTEN: Final = {NUMBERS[mnemonic]: form for mnemonic, form in _FORMS_AS_WRITTEN.items()}

FOLDED: Final = frozenset(_FOLDED)
"""Types whose records are one record when they differ only in the case of names in RDATA."""
AS_WRITTEN: Final = frozenset(_AS_WRITTEN)
"""Types with names in RDATA whose case makes another record."""


def key(rdtype: int, rdata: bytes) -> bytes:
    """Return what records of one RRset are compared by: the RDATA with its names in lower case.

    Args:
        rdtype: the type of the record.
        rdata: its uncompressed RDATA; malformed RDATA is its own key.
    """
    form = _FOLDED.get(rdtype)
    return rdata if form is None else _lower_names(rdata, form)


def key_ignoring_case(rdtype: int, rdata: bytes) -> bytes:
    """Return what some servers compare records of a type of ``AS_WRITTEN`` by.

    Args:
        rdtype: the type of the record; for other types this is :func:`key`.
        rdata: its uncompressed RDATA; malformed RDATA is its own key.
    """
    form = _AS_WRITTEN.get(rdtype)
    return key(rdtype, rdata) if form is None else _lower_names(rdata, form)


def distinct(rdtype: int, rdatas: Iterable[bytes]) -> Collection[bytes]:
    """Return one RDATA for each record, the first one in the order given; in any order.

    Args:
        rdtype: the type of the records.
        rdatas: their RDATA, with repetitions.
    """
    if rdtype not in _FOLDED:
        return set(rdatas)
    found = dict.fromkeys(rdatas)
    if len(found) == 1 or not has_twins(rdtype, found):
        return found
    first: dict[bytes, bytes] = {}
    for rdata in found:
        first.setdefault(key(rdtype, rdata), rdata)
    return first.values()


def has_twins(rdtype: int, rdatas: Collection[bytes]) -> bool:
    """Return whether some of the RDATA are one record, though their octets differ.

    Args:
        rdtype: the type of the records.
        rdatas: RDATA without repetitions.
    """
    if len(rdatas) < 2 or rdtype not in _FOLDED:
        return False
    # Equal keys have equal octets in lower case, and those are seen more quickly.
    if len({rdata.lower() for rdata in rdatas}) == len(rdatas):
        return False
    return len({key(rdtype, rdata) for rdata in rdatas}) < len(rdatas)


def find_name_end(rdata: bytes, at: int) -> int:
    """Return where an uncompressed name ends; past the RDATA where there is none."""
    start = at
    while at < len(rdata) and (length := rdata[at]) <= MAX_LABEL:
        at += length + 1
        if length == 0:
            return at if at - start <= MAX_OCTETS else len(rdata) + 1
    return len(rdata) + 1


def _lower_names(rdata: bytes, form: _Form) -> bytes:
    """Return RDATA with its names in lower case; the same RDATA if it does not have that form."""
    lower = rdata.lower()
    if lower == rdata:
        return rdata
    found, at = bytearray(rdata), 0
    for field in form(rdata) if callable(form) else form:
        end = _end(rdata, at, field)
        if field == _NAME:
            found[at:end] = lower[at:end]
        at = end
    return bytes(found) if at == len(rdata) else rdata


def _end(rdata: bytes, at: int, field: int) -> int:
    """Return where a field ends; past the RDATA where it does not fit."""
    past = len(rdata) + 1
    if at >= past:
        return past
    if field == _NAME:
        return find_name_end(rdata, at)
    if field == _STRING:
        return at + 1 + rdata[at] if at < len(rdata) else past
    return len(rdata) if field == _REST else at + field
