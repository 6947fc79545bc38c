"""SVCB and HTTPS (RFC 9460), the types whose RDATA dnspython reads and writes."""

import struct
from typing import Final

import dns.exception
import dns.rdata
import dns.rdataclass
from dns.rdatatype import RdataType

from zonegit.zone import names
from zonegit.zone.lexer import Words
from zonegit.zone.rdata.cursor import Fields, Malformed, Octets
from zonegit.zone.rdata.scalars import Codec


def _read(fields: Fields) -> bytes:
    read = dns.rdata.from_text(
        dns.rdataclass.IN,
        RdataType.SVCB,
        Words(fields.take_words()),
        origin=names.for_dnspython(fields.origin),
        relativize=False,
    )
    try:
        octets = read.to_wire()
    except (struct.error, OverflowError) as error:  # a number that no field of the type can hold
        raise Malformed(str(error)) from error
    assert octets is not None  # it is None only when written into a file
    return octets


def _write(octets: Octets) -> str:
    wire = octets.take_rest()
    return dns.rdata.from_wire(dns.rdataclass.IN, RdataType.SVCB, wire, 0, len(wire)).to_text()


SVCB: Final = Codec(_read, _write)
