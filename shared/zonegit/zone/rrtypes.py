"""Record types: numbers and mnemonics.

Mnemonics are part of the octets of a tree, so this table must not change: with the table of a
library, an upgrade that adds a mnemonic would change the ids of stored content. It is the IANA
registry of 2026-11. A type that is registered later is always ``TYPEnnn`` (RFC 3597 section 5) in
trees.
"""

import re
from typing import Final

from zonegit.errors import Invalid

A: Final = 1
NS: Final = 2
CNAME: Final = 5
SOA: Final = 6
PTR: Final = 12
MX: Final = 15
TXT: Final = 16
KEY: Final = 25
AAAA: Final = 28
SRV: Final = 33
NAPTR: Final = 35
DNAME: Final = 39
OPT: Final = 41
DS: Final = 43
RRSIG: Final = 46
NSEC: Final = 47
DNSKEY: Final = 48
NSEC3: Final = 50
NSEC3PARAM: Final = 51
ZONEMD: Final = 63
SVCB: Final = 64
HTTPS: Final = 65
NXNAME: Final = 128
TKEY: Final = 249
TSIG: Final = 250
IXFR: Final = 251
AXFR: Final = 252
MAILB: Final = 253
MAILA: Final = 254
ANY: Final = 255

_REGISTRY: Final = """
    A=1 NS=2 MD=3 MF=4 CNAME=5 SOA=6 MB=7 MG=8 MR=9 NULL=10 WKS=11 PTR=12 HINFO=13 MINFO=14
    MX=15 TXT=16 RP=17 AFSDB=18 X25=19 ISDN=20 RT=21 NSAP=22 NSAP-PTR=23 SIG=24 KEY=25 PX=26
    GPOS=27 AAAA=28 LOC=29 NXT=30 EID=31 NIMLOC=32 SRV=33 ATMA=34 NAPTR=35 KX=36 CERT=37 A6=38
    DNAME=39 SINK=40 APL=42 DS=43 SSHFP=44 IPSECKEY=45 RRSIG=46 NSEC=47 DNSKEY=48 DHCID=49
    NSEC3=50 NSEC3PARAM=51 TLSA=52 SMIMEA=53 HIP=55 NINFO=56 RKEY=57 TALINK=58 CDS=59
    CDNSKEY=60 OPENPGPKEY=61 CSYNC=62 ZONEMD=63 SVCB=64 HTTPS=65 DSYNC=66 HHIT=67 BRID=68
    SPF=99 UINFO=100 UID=101 GID=102 UNSPEC=103 NID=104 L32=105 L64=106 LP=107 EUI48=108
    EUI64=109 URI=256 CAA=257 AVC=258 DOA=259 AMTRELAY=260 RESINFO=261 WALLET=262 CLA=263
    IPN=264 TA=32768 DLV=32769
"""
MNEMONICS: Final[dict[int, str]] = {
    int(number): mnemonic
    for mnemonic, _, number in (pair.partition("=") for pair in _REGISTRY.split())
}
NUMBERS: Final = {mnemonic: number for number, mnemonic in MNEMONICS.items()}
QUESTION_ONLY: Final = {"IXFR": 251, "AXFR": 252, "MAILB": 253, "MAILA": 254, "ANY": 255}
GENERIC: Final = re.compile(r"TYPE(\d{1,5})", re.ASCII)

_ALIAS_HINT: Final = (
    "no DNS type does this: at the apex use A and AAAA, or HTTPS and SVCB with priority 0"
    " (RFC 9460), at other names CNAME"
)
_INSTEAD: Final = {"ALIAS": _ALIAS_HINT, "ANAME": _ALIAS_HINT}
"""Hints for types that exist in other products but not in DNS."""

TYPES_WITH_CNAME: Final = frozenset({CNAME, RRSIG, NSEC, KEY})
"""Types that may be at the owner of a CNAME (RFC 4034 section 2.5, RFC 2181 section 10.1)."""


def to_text(rdtype: int) -> str:
    """Return the mnemonic of a type, or ``TYPEnnn`` if it has none."""
    return MNEMONICS.get(rdtype) or f"TYPE{rdtype}"


def from_text(mnemonic: str) -> int:
    """Parse a mnemonic in any case, or ``TYPEnnn``, of a type that can be stored.

    Raises:
        Invalid: the mnemonic is unknown, or the type is valid only in questions or messages.
    """
    upper = mnemonic.upper()
    number = find_number(upper)
    if number is None:
        hint = _INSTEAD.get(upper, "types without a mnemonic are written TYPE65400")
        raise Invalid(f"{mnemonic[:40]!r} is not a record type", hint=hint)
    if not can_be_stored(number):
        raise Invalid(f"type {upper} is valid in questions only, not in a zone")
    return number


def find_number(mnemonic: str) -> int | None:
    """Return the number of a mnemonic in upper case or of ``TYPEnnn``, or None if it is neither."""
    number = NUMBERS.get(mnemonic)
    if number is None and (generic := GENERIC.fullmatch(mnemonic)):
        return int(generic[1])
    return number


def parse_question_type(mnemonic: str) -> int:
    """Parse a type, including those that only questions may have (``ANY``, ``AXFR``)."""
    return QUESTION_ONLY.get(mnemonic.upper()) or from_text(mnemonic)


def can_be_stored(rdtype: int) -> bool:
    """Return whether a type can be in a zone: not 0, OPT, a meta or a question type (RFC 6895
    section 3.1)."""
    return 0 < rdtype < 65536 and rdtype != OPT and not 128 <= rdtype <= 255
