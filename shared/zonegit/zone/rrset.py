"""The RRset, the unit of change, in the form in which it is stored and served."""

import struct
from collections.abc import Iterable, Mapping
from typing import Final

import dns.exception
import dns.ttl
import msgspec

from zonegit.errors import Invalid
from zonegit.zone import canonical_rdata, lexer, names, rdata, rrtypes
from zonegit.zone.lexer import Words
from zonegit.zone.names import ROOT, Name

IN: Final = 1
MAX_TTL: Final = (1 << 31) - 1
MAX_MESSAGE: Final = 65_535
MAX_RDATA: Final = rdata.MAX_RDATA


class RRset(msgspec.Struct, frozen=True, gc=False):
    """All records of one owner, class and type (RFC 2181 section 5).

    :func:`rrset` creates a valid one, with one RDATA for each record (``canonical_rdata``). An
    RRset from a store may have several that differ in the case of names.

    An RRset cannot be part of a reference cycle, so the garbage collector does not track it
    (``gc=False``); this also saves 16 octets.

    Args:
        owner: the owner name.
        rdtype: the type.
        ttl: the TTL in seconds, 0 to 2^31-1 (RFC 2181 section 8).
        rdatas: the RDATA in uncompressed wire form, sorted as octet strings, without duplicates;
            names in them keep their case.
        rdclass: the class.
    """

    owner: Name
    rdtype: int
    ttl: int
    rdatas: tuple[bytes, ...]
    rdclass: int = IN


RRsets = Mapping[int, RRset]
"""The RRsets of one owner by type."""


class SOA(msgspec.Struct, frozen=True):
    """The fields of an SOA record (RFC 1035 section 3.3.13), times in seconds."""

    mname: Name
    rname: Name
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


def rrset(owner: Name, rdtype: int, ttl: int, rdatas: Iterable[bytes], rdclass: int = IN) -> RRset:
    """Create an RRset from its records, in any order and with repetitions.

    Of records that differ only in the case of names, the first is kept (``canonical_rdata``).

    Raises:
        Invalid: there is no record, the TTL is out of range, or the records are too large for a
            DNS message.
    """
    ordered = tuple(sorted(canonical_rdata.deduplicate(rdtype, rdatas)))
    made = RRset(owner, rdtype, ttl, ordered, rdclass)
    if not ordered:
        raise Invalid(f"{describe(made)} has no record")
    if not 0 <= ttl <= MAX_TTL:
        raise Invalid(f"{describe(made)}: TTL {ttl} is not within 0 to {MAX_TTL} seconds")
    if message_size(made) > MAX_MESSAGE:
        raise Invalid(
            f"{describe(made)} with {len(ordered):,} records is too large for a DNS message:"
            f" it needs {message_size(made):,} octets, the limit is {MAX_MESSAGE:,}",
            hint="split it over several names, or remove records",
        )
    return made


def message_size(value: RRset) -> int:
    """Return the size of the smallest answer with this RRset, in octets.

    It consists of the header, the question and the records with compressed owners (RFC 1035
    section 4.1).
    """
    return 16 + len(value.owner) + 12 * len(value.rdatas) + sum(map(len, value.rdatas))


def describe(value: RRset) -> str:
    """Return the owner and the type of an RRset, for messages."""
    return format_key(value.owner, value.rdtype)


def format_key(owner: Name, rdtype: int) -> str:
    """Return an owner and a type, for messages."""
    return f"{names.text(owner)} {rrtypes.to_text(rdtype)}"


def sort_key(owner: Name, rdtype: int) -> tuple[tuple[bytes, ...], int]:
    """Return a sort key for RRsets: canonical order of owners (RFC 4034 section 6.1), then type."""
    return names.canonical_key(owner), rdtype


def ttl_from_text(text: str) -> int:
    """Parse a TTL in seconds or in the units of BIND (``1h30m``).

    Raises:
        Invalid: the text is not a TTL within 0 to 2^31-1 (RFC 2181 section 8).
    """
    try:
        seconds = dns.ttl.from_text(text)
    except dns.exception.DNSException as error:
        hint = "seconds, or units as in 1h30m"
        raise Invalid(f"{text!r} is not a TTL", hint=hint) from error
    if seconds > MAX_TTL:
        raise Invalid(f"TTL {seconds} is not within 0 to {MAX_TTL} seconds")
    return seconds


def rdata_from_text(rdtype: int, text: str, origin: Name = ROOT) -> bytes:
    """Parse RDATA in presentation format or generic form (``\\#``, RFC 3597) into wire form.

    Raises:
        Invalid: the text is not RDATA of that type.
    """
    try:
        return rdata_from_tokens(rdtype, Words(lexer.split(text)), origin)
    except (ValueError, Invalid) as error:
        kind = rrtypes.to_text(rdtype)
        raise Invalid(f"{text!r} is not RDATA of type {kind}: {error}") from None


def rdata_from_tokens(rdtype: int, tokens: Words, origin: Name) -> bytes:
    """Parse RDATA from its words, as :func:`rdata_from_text` does from text.

    Raises:
        ValueError: the words are not RDATA of that type.
    """
    return rdata.read(rdtype, tokens.rest(), origin)


def rdata_to_text(rdtype: int, octets: bytes) -> str:
    """Return RDATA in presentation format, with absolute names, that parses to the same octets.

    If no other text does, or the octets are not RDATA of that type, it is generic RDATA (``\\#``).
    """
    return rdata.write(rdtype, octets)


def parse_soa(value: RRset) -> SOA:
    """Parse the record of an SOA RRset.

    Raises:
        Invalid: the RRset is not one well-formed SOA record.
    """
    if value.rdtype != rrtypes.SOA or len(value.rdatas) != 1:
        raise Invalid(f"{describe(value)} is not a single SOA record")
    octets = value.rdatas[0]
    middle = canonical_rdata.find_name_end(octets, 0)
    end = canonical_rdata.find_name_end(octets, middle)
    if len(octets) != end + 20:
        raise Invalid(f"{describe(value)} has malformed RDATA")
    return SOA(
        names.from_wire(octets[:middle]),
        names.from_wire(octets[middle:end]),
        *struct.unpack_from("!5I", octets, end),
    )


def with_serial(value: RRset, serial: int) -> RRset:
    """Return an SOA RRset with another serial and no other change."""
    (octets,) = value.rdatas
    at = len(octets) - 20
    patched = octets[:at] + struct.pack("!I", serial) + octets[at + 4 :]
    return RRset(value.owner, value.rdtype, value.ttl, (patched,), value.rdclass)


def is_same_except_serial(one: RRset | None, other: RRset | None) -> bool:
    """Return whether two RRsets are equal, except for the serials of SOAs. None is no RRset."""
    if one is None or other is None:
        return one is other
    if one.rdtype == other.rdtype == rrtypes.SOA:
        return with_serial(one, 0) == with_serial(other, 0)
    return one == other
