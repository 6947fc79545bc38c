"""The fields of the RDATA of each type, in order.

``docs/rdata.md`` lists them with the RFC of each type.
"""

from collections.abc import Callable
from typing import Final

from zonegit.zone import rrtypes
from zonegit.zone.rdata import addresses, dnssec, location, svcb, typelists
from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets, unescape
from zonegit.zone.rdata.scalars import (
    BASE64,
    BASE64_UNBROKEN,
    HEX,
    IPV4,
    IPV6,
    MAX_STRING,
    NAME,
    SECONDS,
    STRING,
    STRINGS,
    U8,
    U16,
    U32,
    U64,
    Codec,
    from_base64,
    from_hex,
    quote,
    read_string,
    take_counted,
    to_base64,
)
from zonegit.zone.rdata.typelists import TYPE, TYPES


def layout(*codecs: Codec, check: Callable[[bytes], None] | None = None) -> Codec:
    """Return the codec of RDATA with the given fields.

    Args:
        codecs: the codecs of the fields, in order.
        check: checks the octets of the RDATA, on reading and on writing; raises
            :class:`MalformedRdata`.
    """

    def read(fields: Fields) -> bytes:
        rdata = b"".join([codec.read(fields) for codec in codecs])
        if check is not None:
            check(rdata)
        return rdata

    def write(octets: Octets) -> str:
        return " ".join([text for codec in codecs if (text := codec.write(octets))])

    def write_checked(octets: Octets) -> str:
        rdata = octets.take_rest()
        text = write(Octets(rdata))
        if check is not None:
            check(rdata)
        return text

    return Codec(read, write if check is None else write_checked)


def _read_isdn(fields: Fields) -> bytes:
    """Read ISDN (RFC 1183 section 3.2); an empty subaddress differs from a missing one."""
    address = STRING.read(fields)
    return address + (STRING.read(fields) if fields.has_more() else b"")


def _write_isdn(octets: Octets) -> str:
    address = STRING.write(octets)
    return f"{address} {STRING.write(octets)}" if octets.has_more() else address


def _read_tag(fields: Fields) -> bytes:
    """Read the tag of CAA (RFC 8659 section 4.1)."""
    tag = read_string(fields.take())
    if not tag[1:].isalnum():
        raise MalformedRdata("a tag is of ASCII letters and digits")
    return tag


def _write_tag(octets: Octets) -> str:
    tag = take_counted(octets)
    if not tag.isalnum():
        raise MalformedRdata("a tag is of ASCII letters and digits")
    return tag.decode()


def _check_uri(rdata: bytes) -> None:
    if len(rdata) == 4:
        raise MalformedRdata("the target of a URI is empty")


def _read_hip(fields: Fields) -> bytes:
    """Read HIP (RFC 8005 section 5); its wire form begins with the lengths of HIT and key."""
    algorithm = U8.read(fields)
    hit = from_hex(fields.take_text())
    key = from_base64(fields.take_text())
    if not 0 < len(hit) <= MAX_STRING or not 0 < len(key) <= 0xFFFF:
        raise MalformedRdata("a HIT has 1 to 255 octets, and a key 1 to 65535")
    servers = []
    while fields.has_more():
        servers.append(NAME.read(fields))
    lengths = bytes((len(hit),)) + algorithm + len(key).to_bytes(2, "big")
    return lengths + hit + key + b"".join(servers)


def _write_hip(octets: Octets) -> str:
    hit_size = octets.take_number(1)
    algorithm = octets.take_number(1)
    key_size = octets.take_number(2)
    hit, key = octets.take(hit_size), octets.take(key_size)
    words = [str(algorithm), hit.hex(), to_base64(key, chunk=0)]
    while octets.has_more():
        words.append(NAME.write(octets))
    return " ".join(words)


def _read_doa_data(fields: Fields) -> bytes:
    text = fields.take_rest()
    return b"" if text == "-" else from_base64(text)


def _write_doa_data(octets: Octets) -> str:
    return to_base64(octets.take_rest()) or "-"


_DATA: Final = Codec(
    lambda fields: unescape(fields.take()), lambda octets: quote(octets.take_rest())
)
"""A quoted string of any length, up to the end of the RDATA."""
_TAG: Final = Codec(_read_tag, _write_tag)
_DOA_DATA: Final = Codec(_read_doa_data, _write_doa_data)

_NAMED: Final = layout(NAME)
_TWO_NAMES: Final = layout(NAME, NAME)
_PREFERRED: Final = layout(U16, NAME)
_TEXTS: Final = layout(STRINGS)
_OCTETS: Final = layout(HEX)
_BASE64: Final = layout(BASE64_UNBROKEN)
_DS: Final = layout(U16, dnssec.ALGORITHM, U8, HEX, check=dnssec.check_ds)
_DNSKEY: Final = layout(U16, U8, dnssec.ALGORITHM, BASE64)
_KEY: Final = layout(
    dnssec.FLAGS,
    dnssec.PROTOCOL,
    dnssec.ALGORITHM,
    dnssec.OPTIONAL_KEY,
    check=dnssec.check_key,
)
_RRSIG: Final = layout(
    TYPE, dnssec.ALGORITHM, U8, SECONDS, dnssec.TIME, dnssec.TIME, U16, NAME, BASE64
)
_TLSA: Final = layout(U8, U8, U8, HEX, check=dnssec.check_tlsa)
_LOCATOR: Final = layout(U16, addresses.GROUPS)

_BY_MNEMONIC: Final = {
    "A": layout(IPV4),
    "NS": _NAMED,
    "MD": _NAMED,
    "MF": _NAMED,
    "CNAME": _NAMED,
    "SOA": layout(NAME, NAME, U32, SECONDS, SECONDS, SECONDS, SECONDS),
    "MB": _NAMED,
    "MG": _NAMED,
    "MR": _NAMED,
    "WKS": addresses.WKS,
    "PTR": _NAMED,
    "HINFO": layout(STRING, STRING),
    "MINFO": _TWO_NAMES,
    "MX": _PREFERRED,
    "TXT": _TEXTS,
    "RP": _TWO_NAMES,
    "AFSDB": _PREFERRED,
    "X25": layout(STRING),
    "ISDN": Codec(_read_isdn, _write_isdn),
    "RT": _PREFERRED,
    "NSAP": addresses.NSAP,
    "NSAP-PTR": _NAMED,
    "SIG": _RRSIG,
    "KEY": _KEY,
    "PX": layout(U16, NAME, NAME),
    "GPOS": layout(location.REAL, location.REAL, location.REAL),
    "AAAA": layout(IPV6),
    "LOC": location.LOC,
    "NXT": typelists.NXT,
    "EID": _OCTETS,
    "NIMLOC": _OCTETS,
    "SRV": layout(U16, U16, U16, NAME),
    "ATMA": addresses.ATMA,
    "NAPTR": layout(U16, U16, STRING, STRING, STRING, NAME),
    "KX": _PREFERRED,
    "CERT": layout(dnssec.CERTIFICATE_TYPE, U16, dnssec.ALGORITHM, BASE64),
    "A6": addresses.A6,
    "DNAME": _NAMED,
    "SINK": layout(U8, U8, U8, dnssec.OPTIONAL_KEY),
    "APL": addresses.APL,
    "DS": _DS,
    "SSHFP": layout(U8, U8, HEX, check=dnssec.check_sshfp),
    "IPSECKEY": addresses.IPSECKEY,
    "RRSIG": _RRSIG,
    "NSEC": layout(NAME, TYPES),
    "DNSKEY": _DNSKEY,
    "DHCID": layout(BASE64),
    "NSEC3": layout(U8, U8, U16, dnssec.SALT, dnssec.HASH, TYPES),
    "NSEC3PARAM": layout(U8, U8, U16, dnssec.SALT),
    "TLSA": _TLSA,
    "SMIMEA": _TLSA,
    "HIP": Codec(_read_hip, _write_hip),
    "NINFO": _TEXTS,
    "RKEY": layout(dnssec.FLAGS, dnssec.PROTOCOL, dnssec.ALGORITHM, BASE64),
    "TALINK": _TWO_NAMES,
    "CDS": layout(U16, dnssec.ALGORITHM, U8, HEX, check=dnssec.check_cds),
    "CDNSKEY": _DNSKEY,
    "OPENPGPKEY": _BASE64,
    "CSYNC": layout(U32, U16, TYPES),
    "ZONEMD": layout(U32, U8, U8, HEX, check=dnssec.check_zonemd),
    "SVCB": svcb.SVCB,
    "HTTPS": svcb.SVCB,
    "DSYNC": layout(TYPE, dnssec.SCHEME, U16, NAME),
    "HHIT": _BASE64,
    "BRID": _BASE64,
    "SPF": _TEXTS,
    "NID": _LOCATOR,
    "L32": layout(U16, IPV4),
    "L64": _LOCATOR,
    "LP": _PREFERRED,
    "EUI48": layout(addresses.eui_codec(6)),
    "EUI64": layout(addresses.eui_codec(8)),
    "URI": layout(U16, U16, _DATA, check=_check_uri),
    "CAA": layout(U8, _TAG, _DATA),
    "AVC": _TEXTS,
    "DOA": layout(U32, U32, U8, STRING, _DOA_DATA),
    "AMTRELAY": addresses.AMTRELAY,
    "RESINFO": _TEXTS,
    "WALLET": _TEXTS,
    "CLA": _TEXTS,
    "IPN": layout(U64),
    "TA": _DS,
    "DLV": _DS,
}
CODECS: Final = {rrtypes.NUMBERS[mnemonic]: codec for mnemonic, codec in _BY_MNEMONIC.items()}
"""The codec of each type with a presentation format."""
EXACT: Final = frozenset(map(rrtypes.NUMBERS.__getitem__, ("A", "AAAA", "NS", "CNAME", "SOA")))
"""Frequent types whose text always parses to the same octets. For other types, ``write`` checks
it."""
NO_TEXT: Final = frozenset(
    map(rrtypes.NUMBERS.__getitem__, ("NULL", "UINFO", "UID", "GID", "UNSPEC"))
)
"""Types of the registry without a presentation format: RFC 1035 section 3.3.10 forbids NULL in
master files, and the others were never specified."""
