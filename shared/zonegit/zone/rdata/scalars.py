"""Codecs of fields that many types have: numbers, addresses, names, strings, base64 and hex.

A :class:`Codec` reads text from ``cursor.Fields`` and returns octets, and reads octets from
``cursor.Octets`` and returns text.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Final, NamedTuple

import dns.exception
import dns.ipv4
import dns.ipv6
import dns.ttl

from zonegit.errors import Invalid
from zonegit.zone import fast_rdata, names
from zonegit.zone.names import MAX_LABEL, MAX_OCTETS
from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets, unescape

MAX_STRING: Final = 255
"""Octets of a character-string (RFC 1035 section 3.3)."""
MAX_U32: Final = (1 << 32) - 1

_BASE64_CHUNK: Final = 32
_HEX_CHUNK: Final = 128


class Codec(NamedTuple):
    """The conversion between text and octets of a field, or of RDATA.

    Args:
        read: returns the octets of the next fields.
        write: returns the text of the next octets.
    """

    read: Callable[[Fields], bytes]
    write: Callable[[Octets], str]


def parse_number(text: str, highest: int) -> int:
    """Parse a decimal number from 0 to ``highest``.

    Raises:
        MalformedRdata: the text is not a number, or is above ``highest``.
    """
    if not (text.isascii() and text.isdecimal()):
        raise MalformedRdata(f"{text[:40]!r} is not a number")
    if len(text) > 20 or int(text) > highest:
        raise MalformedRdata(f"{text[:40]} is above {highest}")
    return int(text)


def unsigned_codec(size: int) -> Codec:
    """Return the codec of an unsigned decimal number of ``size`` octets."""
    highest = (1 << 8 * size) - 1

    def read(fields: Fields) -> bytes:
        return parse_number(fields.take_text(), highest).to_bytes(size, "big")

    return Codec(read, lambda octets: str(octets.take_number(size)))


def _read_seconds(fields: Fields) -> bytes:
    text = fields.take_text()
    if text.isascii() and text.isdecimal():
        return parse_number(text, MAX_U32).to_bytes(4, "big")
    return dns.ttl.from_text(text).to_bytes(4, "big")


def parse_ipv4(text: str) -> bytes:
    """Parse an IPv4 address into four octets.

    Raises:
        MalformedRdata: the text is not an IPv4 address.
    """
    try:
        return dns.ipv4.inet_aton(text)
    except dns.exception.SyntaxError:
        raise MalformedRdata("an IPv4 address is expected") from None


def parse_ipv6(text: str) -> bytes:
    """Parse an IPv6 address (RFC 4291 section 2.2) into sixteen octets.

    Raises:
        MalformedRdata: the text is not an IPv6 address.
    """
    try:
        return dns.ipv6.inet_aton(text)
    except dns.exception.SyntaxError:
        raise MalformedRdata("an IPv6 address is expected") from None


def _read_name(fields: Fields) -> bytes:
    return read_name(fields.take_bare(), fields)


def read_name(word: str, fields: Fields) -> bytes:
    """Parse a name into wire form, in its original case.

    Raises:
        MalformedRdata: the word is not a name.
    """
    octets = fast_rdata.parse_name(word, fields.origin)
    if octets is not None:
        return octets
    try:
        wire = names.parse_dnspython(word, names.to_dnspython(fields.origin)).to_wire()
    except Invalid as error:
        raise MalformedRdata(error.message) from error
    assert wire is not None  # to_wire returns None only when it writes to a file
    return wire


_NAME_TEXT: Final = tuple(
    f"\\{chr(octet)}"
    if octet in b'"().;\\@$'
    else chr(octet)
    if 0x20 < octet < 0x7F
    else f"\\{octet:03d}"
    for octet in range(256)
)
_STRING_TEXT: Final = tuple(
    f"\\{chr(octet)}"
    if octet in b'"\\'
    else chr(octet)
    if 0x20 <= octet < 0x7F
    else f"\\{octet:03d}"
    for octet in range(256)
)


def write_name(octets: Octets) -> str:
    """Return a name in presentation format with its final dot, in its stored case.

    Raises:
        MalformedRdata: the octets are not an uncompressed name.
    """
    text = []
    size = 1
    while length := octets.take_number(1):
        if length > MAX_LABEL:
            raise MalformedRdata("a name in RDATA has a label over 63 octets, or is compressed")
        size += length + 1
        text.extend([_NAME_TEXT[octet] for octet in octets.take(length)])
        text.append(".")
    if size > MAX_OCTETS:
        raise MalformedRdata(f"a name in RDATA has {size} octets, more than {MAX_OCTETS}")
    return "".join(text) or "."


def read_string(word: str) -> bytes:
    """Return the wire form of a character-string: its length and its octets.

    Raises:
        MalformedRdata: it has more than 255 octets, or an invalid escape.
    """
    octets = unescape(word)
    if len(octets) > MAX_STRING:
        raise MalformedRdata("a string is longer than 255 octets")
    return b"%c%b" % (len(octets), octets)


def quote(octets: bytes) -> str:
    """Return octets as one quoted string of a master file."""
    return '"' + "".join([_STRING_TEXT[octet] for octet in octets]) + '"'


def take_counted(octets: Octets) -> bytes:
    """Return the octets after a length of one octet.

    Raises:
        MalformedRdata: fewer octets are left.
    """
    return octets.take(octets.take_number(1))


def _read_strings(fields: Fields) -> bytes:
    strings = [read_string(fields.take())]
    while fields.has_more():
        strings.append(read_string(fields.take()))
    return b"".join(strings)


def _write_strings(octets: Octets) -> str:
    strings = [quote(take_counted(octets))]
    while octets.has_more():
        strings.append(quote(take_counted(octets)))
    return " ".join(strings)


def from_hex(text: str) -> bytes:
    """Decode hexadecimal digits.

    Raises:
        MalformedRdata: the text is not an even number of hexadecimal digits.
    """
    try:
        return binascii.unhexlify(text.encode())
    except binascii.Error:
        raise MalformedRdata(f"{text[:40]!r} is not an even number of hexadecimal digits") from None


def from_base64(text: str) -> bytes:
    """Decode base64 (RFC 4648 section 4).

    Raises:
        MalformedRdata: the text is not base64, or is not the canonical encoding of its octets.
    """
    encoded = text.encode()
    try:
        octets = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise MalformedRdata(f"{text[:40]!r} is not base64: {str(error).lower()}") from None
    if base64.b64encode(octets) != encoded:  # trailing bits that are not 0 would be lost
        raise MalformedRdata(f"the base64 ends in {text[-8:]!r}, which has excess bits or padding")
    return octets


def to_base64(octets: bytes, chunk: int = _BASE64_CHUNK) -> str:
    """Encode base64 in chunks of ``chunk`` characters, separated by blanks; 0 means one chunk."""
    return _split_chunks(base64.b64encode(octets).decode(), chunk)


def _split_chunks(text: str, chunk: int) -> str:
    if not chunk or len(text) <= chunk:
        return text
    return " ".join([text[at : at + chunk] for at in range(0, len(text), chunk)])


def base64_codec(chunk: int) -> Codec:
    """Return the codec of base64 up to the end of the RDATA, written in chunks of ``chunk``."""

    def read(fields: Fields) -> bytes:
        return _require_octets(from_base64(fields.take_rest()))

    return Codec(read, lambda octets: to_base64(octets.take_rest(), chunk))


def _require_octets(octets: bytes) -> bytes:
    if not octets:
        raise MalformedRdata("the last field is missing")
    return octets


U8: Final = unsigned_codec(1)
U16: Final = unsigned_codec(2)
U32: Final = unsigned_codec(4)
U64: Final = unsigned_codec(8)
SECONDS: Final = Codec(_read_seconds, U32.write)
"""A time in seconds, or BIND's units (``1h30m``)."""
NAME: Final = Codec(_read_name, write_name)
STRING: Final = Codec(lambda fields: read_string(fields.take()), lambda o: quote(take_counted(o)))
STRINGS: Final = Codec(_read_strings, _write_strings)
IPV4: Final = Codec(
    lambda fields: parse_ipv4(fields.take_text()),
    lambda octets: dns.ipv4.inet_ntoa(octets.take(4)),
)
IPV6: Final = Codec(
    lambda fields: parse_ipv6(fields.take_text()),
    lambda octets: dns.ipv6.inet_ntoa(octets.take(16)),
)
HEX: Final = Codec(
    lambda fields: _require_octets(from_hex(fields.take_rest())),
    lambda octets: _split_chunks(octets.take_rest().hex(), _HEX_CHUNK),
)
"""The rest of the RDATA in hex. An empty rest has no text form, here and below, and is written as
generic RDATA."""
BASE64: Final = base64_codec(_BASE64_CHUNK)
BASE64_UNBROKEN: Final = base64_codec(0)
