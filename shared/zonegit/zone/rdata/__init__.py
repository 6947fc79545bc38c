"""RDATA in presentation format and in wire form, for every type of the IANA registry.

``layouts`` has the fields of each type; dnspython parses SVCB and HTTPS. A type without a
presentation format (``NO_TEXT``, and numbers without a mnemonic) is written ``\\# LENGTH HEX``
(RFC 3597 section 5), as is RDATA without a text form, such as a DNSKEY without a key.

All functions are pure and use memory in proportion to their input.
"""

from collections.abc import Iterable
from typing import Final

import dns.exception

from zonegit.zone.lexer import Quoted, split
from zonegit.zone.names import ROOT, Name
from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets
from zonegit.zone.rdata.layouts import CODECS, EXACT, NO_TEXT
from zonegit.zone.rdata.scalars import from_hex, parse_number

__all__ = [
    "MAX_RDATA",
    "NO_TEXT",
    "MalformedRdata",
    "check",
    "read",
    "read_stored",
    "write",
    "write_generic",
]

MAX_RDATA: Final = 65_535
_MARK: Final = "\\#"


def read(rdtype: int, words: Iterable[str], origin: Name) -> bytes:
    """Return the uncompressed wire form of RDATA in presentation format.

    Args:
        rdtype: the type.
        words: the fields, split at blanks; quoted ones are ``lexer.Quoted``. A word is taken from
            the iterable only after the words before it were parsed.
        origin: completes relative names.

    Raises:
        MalformedRdata: the words are not RDATA of that type.
    """
    fields = Fields(words, origin)
    if _is_generic(fields):
        octets = _read_generic(fields)
        check(rdtype, octets)
        return octets
    codec = CODECS.get(rdtype)
    if codec is None:
        raise MalformedRdata("the type has no presentation format; write \\# LENGTH HEX (RFC 3597)")
    try:
        octets = codec.read(fields)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise _malformed(error) from error
    fields.finish()
    if len(octets) > MAX_RDATA:
        raise MalformedRdata(f"RDATA of {len(octets)} octets is longer than {MAX_RDATA}")
    return octets


def read_stored(rdtype: int, words: Iterable[str], origin: Name) -> bytes:
    """Parse the output of :func:`write`, also of stored RDATA that is malformed.

    Args:
        rdtype: the type.
        words: the fields, as for :func:`read`; ``\\#`` may have any octets.
        origin: completes relative names.

    Raises:
        MalformedRdata: the words are not RDATA of that type.
    """
    fields = Fields(words, origin)
    if _is_generic(fields):
        return _read_generic(fields)
    return read(rdtype, fields.take_words(), origin)


def _is_generic(fields: Fields) -> bool:
    first = fields.peek()
    return first == _MARK and not isinstance(first, Quoted)


def _read_generic(fields: Fields) -> bytes:
    fields.take()
    length = parse_number(fields.take_text(), MAX_RDATA)
    octets = from_hex(fields.take_rest())
    if len(octets) != length:
        raise MalformedRdata(
            f"the length {length} is not that of the {len(octets)} octets after it"
        )
    return octets


def check(rdtype: int, octets: bytes) -> None:
    """Check that octets are RDATA of a type; a type without presentation format accepts any octets.

    Raises:
        MalformedRdata: the octets are not RDATA of that type.
    """
    _write_fields(rdtype, octets)


def write(rdtype: int, octets: bytes) -> str:
    """Return the presentation format of RDATA in uncompressed wire form, with absolute names.

    :func:`read` returns the same octets for the text. If no other text has this property, the
    result is ``\\# LENGTH HEX``.
    """
    try:
        text = _write_fields(rdtype, octets)
        if text and (rdtype in EXACT or read(rdtype, split(text), ROOT) == octets):
            return text
    except ValueError:
        pass
    return write_generic(octets)


def write_generic(octets: bytes) -> str:
    """Return ``\\# LENGTH HEX`` (RFC 3597 section 5)."""
    return f"{_MARK} {len(octets)} {octets.hex()}".rstrip()


def _malformed(error: Exception) -> MalformedRdata:
    return MalformedRdata(str(error).rstrip(".") or type(error).__name__)


def _write_fields(rdtype: int, octets: bytes) -> str:
    codec = CODECS.get(rdtype)
    if codec is None:
        return ""
    cursor = Octets(octets)
    try:
        text = codec.write(cursor)
    except dns.exception.DNSException as error:
        raise _malformed(error) from error
    cursor.finish()
    return text
