"""SVCB and HTTPS (RFC 9460), the types whose RDATA dnspython reads and writes."""

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
"""Messages of dnspython that do not say which parameter they are about."""


class _Parameters(Iterator[str]):
    """Words that are taken one by one; ``last`` is the latest that is not the value of another."""

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
            origin=names.for_dnspython(fields.origin),
            relativize=False,
        )
    except dns.exception.DNSException as error:
        if str(error) not in _VAGUE:
            raise
        raise MalformedRdata(_describe_fault(words.last, str(error))) from error
    try:
        octets = read.to_wire()
    except (struct.error, OverflowError) as error:  # a number that no field of the type can hold
        raise MalformedRdata(str(error)) from error
    assert octets is not None  # it is None only when written into a file
    return octets


def _describe_fault(word: str, message: str) -> str:
    """Return what is wrong with a parameter."""
    if message == _UNKNOWN:
        return f"{word!r} names a parameter that is not known; keyNNN names any by its number"
    return f"{word!r} is not a parameter with a value of its form"


def _write(octets: Octets) -> str:
    wire = octets.take_rest()
    return dns.rdata.from_wire(dns.rdataclass.IN, RdataType.SVCB, wire, 0, len(wire)).to_text()


SVCB: Final = Codec(_read, _write)
