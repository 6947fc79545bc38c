"""Codecs of fields of DNSSEC and of keys: times, algorithms, flags, hashes and digests."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets
from zonegit.zone.rdata.scalars import (
    BASE64,
    MAX_STRING,
    MAX_U32,
    Codec,
    from_hex,
    parse_number,
    take_counted,
    to_base64,
)

_CACHED_TIMES: Final = 1 << 10
"""Times that are cached: most signatures of a zone have the same times."""
_EPOCH: Final = datetime(1970, 1, 1)
_SECOND: Final = timedelta(seconds=1)
_EARLIEST: Final = -(1 << 31)
"""The earliest time under serial number arithmetic, in seconds since 1970."""
NO_KEY: Final = 0xC000
"""The two flags of a KEY without key material (RFC 2535 section 3.1.2)."""

_ALGORITHMS: Final = {
    "RSAMD5": 1,
    "DH": 2,
    "DSA": 3,
    "ECC": 4,
    "RSASHA1": 5,
    "DSANSEC3SHA1": 6,
    "NSEC3DSA": 6,
    "RSASHA1NSEC3SHA1": 7,
    "NSEC3RSASHA1": 7,
    "RSASHA256": 8,
    "RSASHA512": 10,
    "ECCGOST": 12,
    "ECDSAP256SHA256": 13,
    "ECDSAP384SHA384": 14,
    "ED25519": 15,
    "ED448": 16,
    "SM2SM3": 17,
    "ECC-GOST12": 23,
    "INDIRECT": 252,
    "PRIVATEDNS": 253,
    "PRIVATEOID": 254,
}
"""Algorithms by mnemonic (RFC 4034 appendix A.1 and the IANA registry); written as numbers."""
_CERTIFICATES: Final = {
    "PKIX": 1,
    "SPKI": 2,
    "PGP": 3,
    "IPKIX": 4,
    "ISPKI": 5,
    "IPGP": 6,
    "ACPKIX": 7,
    "IACPKIX": 8,
    "URI": 253,
    "OID": 254,
}
"""Certificate types by mnemonic (RFC 4398 section 2.1)."""
_CERTIFICATE_NAMES: Final = {value: mnemonic for mnemonic, value in _CERTIFICATES.items()}
_PROTOCOLS: Final = {"NONE": 0, "TLS": 1, "EMAIL": 2, "DNSSEC": 3, "IPSEC": 4, "ALL": 255}
"""Protocols of a KEY by mnemonic; these and the flags are from RFC 2535 section 7.1."""
_FLAGS: Final = {
    "NOCONF": 0x4000,
    "NOAUTH": 0x8000,
    "NOKEY": NO_KEY,
    "FLAG2": 0x2000,
    "EXTEND": 0x1000,
    "FLAG4": 0x0800,
    "FLAG5": 0x0400,
    "USER": 0x0000,
    "ZONE": 0x0100,
    "HOST": 0x0200,
    "NTYP3": 0x0300,
    "FLAG8": 0x0080,
    "FLAG9": 0x0040,
    "FLAG10": 0x0020,
    "FLAG11": 0x0010,
    **{f"SIG{value}": value for value in range(16)},
}
_SCHEMES: Final = {"NOTIFY": 1}
"""Schemes of a DSYNC by mnemonic (RFC 9859 section 2)."""

_DIGEST_OCTETS: Final = {1: 20, 2: 32, 3: 32, 4: 48}
"""Octets of the digest by the digest type of a DS (RFC 3658, 4509, 5933 and 6605)."""
_CDS_OCTETS: Final = {**_DIGEST_OCTETS, 0: 1}
"""The same for a CDS; one octet of zeros requests the deletion of the DS (RFC 8078 section 4)."""
_FINGERPRINT_OCTETS: Final = {1: 20, 2: 32}
"""Octets of the fingerprint by the fingerprint type of an SSHFP (RFC 4255 and 6594)."""
_ASSOCIATION_OCTETS: Final = {1: 32, 2: 64}
"""Octets of the data by the matching type of a TLSA or SMIMEA (RFC 6698 section 2.1.3)."""
_ZONEMD_OCTETS: Final = {1: 48, 2: 64}
"""Octets of the digest by the hash algorithm of a ZONEMD (RFC 8976 section 2.2.3)."""
_MIN_ZONEMD_OCTETS: Final = 12
"""The least number of octets of a digest in a ZONEMD (RFC 8976 section 2.2.4)."""


def _mnemonic_codec(size: int, names: Mapping[str, int]) -> Codec:
    """Return the codec of a number that is read by name or as a number, and written as a number."""
    highest = (1 << 8 * size) - 1

    def read(fields: Fields) -> bytes:
        text = fields.take_text()
        value = names.get(text.upper())
        return (parse_number(text, highest) if value is None else value).to_bytes(size, "big")

    return Codec(read, lambda octets: str(octets.take_number(size)))


def _write_certificate_type(octets: Octets) -> str:
    value = octets.take_number(2)
    return _CERTIFICATE_NAMES.get(value, str(value))


def _write_scheme(octets: Octets) -> str:
    value = octets.take_number(1)
    return "NOTIFY" if value == _SCHEMES["NOTIFY"] else str(value)


def _read_flags(fields: Fields) -> bytes:
    text = fields.take_text().upper()
    if text.isdecimal():
        return parse_number(text, 0xFFFF).to_bytes(2, "big")
    flags = 0
    for each in text.split("|"):
        if each not in _FLAGS:
            raise MalformedRdata(f"{each[:40]!r} is not a flag of a key")
        flags |= _FLAGS[each]
    return flags.to_bytes(2, "big")


def _read_time(fields: Fields) -> bytes:
    """Read a time (RFC 4034 section 3.2): ``YYYYMMDDHHmmSS`` in UTC, or seconds since 1970.

    The value is a number modulo 2^32 (RFC 4034 section 3.1.5), so other servers print a time after
    2094 as a time before 1970.
    """
    text = fields.take_text()
    if len(text) != 14 or not (text.isascii() and text.isdecimal()):
        return parse_number(text, MAX_U32).to_bytes(4, "big")
    return _parse_date(text).to_bytes(4, "big")


@lru_cache(_CACHED_TIMES)
def _parse_date(text: str) -> int:
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    try:
        seconds = (datetime(int(text[:4]), month, day, hour, minute, second) - _EPOCH) // _SECOND
    except ValueError:  # for example the 30th of February
        seconds = _EARLIEST - 1
    if not _EARLIEST <= seconds <= MAX_U32:
        raise MalformedRdata(f"{text} is not a time from 1901 to 2106, as YYYYMMDDHHmmSS")
    return seconds & MAX_U32


@lru_cache(_CACHED_TIMES)
def _format_date(seconds: int) -> str:
    return f"{_EPOCH + timedelta(seconds=seconds):%Y%m%d%H%M%S}"


def _read_salt(fields: Fields) -> bytes:
    text = fields.take_text()
    salt = b"" if text == "-" else from_hex(text)
    if len(salt) > MAX_STRING or not text:
        raise MalformedRdata("a salt has 1 to 255 octets, or is written -")
    return b"%c%b" % (len(salt), salt)


def _write_salt(octets: Octets) -> str:
    return take_counted(octets).hex() or "-"


def _read_hash(fields: Fields) -> bytes:
    """Read a hash in base32hex without padding, in any case (RFC 5155 section 3.3)."""
    text = fields.take_text().upper()
    try:
        octets = base64.b32hexdecode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        octets = b""
    if not 0 < len(octets) <= MAX_STRING or _to_base32hex(octets) != text:
        raise MalformedRdata(f"{text[:40]!r} is not a hash in base32hex")
    return b"%c%b" % (len(octets), octets)


def _write_hash(octets: Octets) -> str:
    found = take_counted(octets)
    if not found:
        raise MalformedRdata("the next hashed owner name is empty")
    return _to_base32hex(found).lower()


def _to_base32hex(octets: bytes) -> str:
    return base64.b32hexencode(octets).decode().rstrip("=")


def _read_key(fields: Fields) -> bytes:
    return BASE64.read(fields) if fields.has_more() else b""


def _check_size(rdata: bytes, at: int, expected: Mapping[int, int]) -> None:
    """Check the length of the digest that follows its type, the octet at ``at``."""
    size = len(rdata) - at - 1
    if size != expected.get(rdata[at], size):
        raise MalformedRdata(
            f"{size} octets of digest are not the {expected[rdata[at]]} of its type"
        )


def check_ds(rdata: bytes) -> None:
    """Check a DS, CDS, DLV or TA (RFC 4034 section 5.1).

    Raises:
        MalformedRdata: the digest does not have the length of its type, or its type is reserved.
    """
    if not rdata[3]:
        raise MalformedRdata("digest type 0 is reserved")
    _check_size(rdata, 3, _DIGEST_OCTETS)


def check_cds(rdata: bytes) -> None:
    """Check a CDS, which may request the deletion of the DS (RFC 8078 section 4).

    Raises:
        MalformedRdata: the digest does not have the length of its type.
    """
    _check_size(rdata, 3, _CDS_OCTETS)


def check_sshfp(rdata: bytes) -> None:
    """Check an SSHFP (RFC 4255 section 3.1).

    Raises:
        MalformedRdata: the fingerprint does not have the length of its type.
    """
    _check_size(rdata, 1, _FINGERPRINT_OCTETS)


def check_tlsa(rdata: bytes) -> None:
    """Check a TLSA or SMIMEA (RFC 6698 section 2.1).

    Raises:
        MalformedRdata: the data does not have the length of its matching type.
    """
    _check_size(rdata, 2, _ASSOCIATION_OCTETS)


def check_zonemd(rdata: bytes) -> None:
    """Check a ZONEMD (RFC 8976 section 2.2).

    Raises:
        MalformedRdata: the digest does not have the length of its algorithm, or the scheme or the
            algorithm is 0.
    """
    if not rdata[4] or not rdata[5]:
        raise MalformedRdata("scheme 0 and hash algorithm 0 are reserved")
    if len(rdata) - 6 < _MIN_ZONEMD_OCTETS:
        raise MalformedRdata(f"a digest has at least {_MIN_ZONEMD_OCTETS} octets")
    _check_size(rdata, 5, _ZONEMD_OCTETS)


def check_key(rdata: bytes) -> None:
    """Check a KEY (RFC 2535 section 3.1.2).

    Raises:
        MalformedRdata: the key is missing, and the flags are not those of a KEY without one.
    """
    if len(rdata) == 4 and int.from_bytes(rdata[:2], "big") & NO_KEY != NO_KEY:
        raise MalformedRdata("the key is missing, and the flags are not those of a KEY without one")


ALGORITHM: Final = _mnemonic_codec(1, _ALGORITHMS)
PROTOCOL: Final = _mnemonic_codec(1, _PROTOCOLS)
SCHEME: Final = Codec(_mnemonic_codec(1, _SCHEMES).read, _write_scheme)
CERTIFICATE_TYPE: Final = Codec(_mnemonic_codec(2, _CERTIFICATES).read, _write_certificate_type)
FLAGS: Final = Codec(_read_flags, lambda octets: str(octets.take_number(2)))
TIME: Final = Codec(_read_time, lambda octets: _format_date(octets.take_number(4)))
SALT: Final = Codec(_read_salt, _write_salt)
HASH: Final = Codec(_read_hash, _write_hash)
OPTIONAL_KEY: Final = Codec(_read_key, lambda octets: to_base64(octets.take_rest()))
"""A key in base64 up to the end of the RDATA, or nothing."""
