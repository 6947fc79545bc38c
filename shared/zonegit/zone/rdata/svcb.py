"""The codec of SVCB and HTTPS (RFC 9460), whose RDATA dnspython reads and writes."""

import struct
from collections.abc import Iterator
from typing import Final

import dns.exception
import dns.rdata
import dns.rdataclass
from dns.rdatatype import RdataType

from zonegit.zone import names
from zonegit.zone.lexer import Quoted, Words
from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets
from zonegit.zone.rdata.scalars import Codec

_UNKNOWN: Final = "Unknown SVCB ParamKey"
_MALFORMED: Final = str(dns.exception.FormError()), str(dns.exception.SyntaxError())
_VAGUE: Final = frozenset({_UNKNOWN, *_MALFORMED})
"""Messages of dnspython that do not name the parameter."""


class _Parameters(Iterator[str]):
    """An iterator over words; ``last`` is the last one that is not the value of a parameter."""

    def __init__(self, words: Iterator[str]) -> None:
        self._words = words
        self.last = ""

    def __next__(self) -> str:
        word = next(self._words)
        if not isinstance(word, Quoted):
            self.last = word
        return word


def _read(fields: Fields) -> bytes:
    words = _Parameters(fields.take_words())
    try:
        read = dns.rdata.from_text(
            dns.rdataclass.IN,
            RdataType.SVCB,
            Words(words),
            origin=names.to_dnspython(fields.origin),
            relativize=False,
        )
    except dns.exception.DNSException as error:
        if str(error) not in _VAGUE:
            raise
        raise MalformedRdata(_describe_fault(words.last, str(error))) from error
    try:
        octets = read.to_wire()
    except (struct.error, OverflowError) as error:  # a number is out of range
        raise MalformedRdata(str(error)) from error
    assert octets is not None  # to_wire returns None only when it writes to a file
    return octets


def _describe_fault(word: str, message: str) -> str:
    """Return the error message for a parameter."""
    if message == _UNKNOWN:
        return f"{word!r} is an unknown parameter; use keyNNN with its number"
    return f"{word!r} is a parameter with an invalid value"


def _write(octets: Octets) -> str:
    wire = octets.take_rest()
    return dns.rdata.from_wire(dns.rdataclass.IN, RdataType.SVCB, wire, 0, len(wire)).to_text()


SVCB: Final = Codec(_read, _write)
