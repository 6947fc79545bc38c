"""The RRset: the unit of change, in the exact form it is stored and served."""

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

    ``ttl`` is in seconds, 0 to 2^31-1 when made here (RFC 2181 section 8). ``rdatas`` are
    uncompressed wire form, sorted as octet strings, without duplicates, names inside them in the
    case they were written in. Make one with :func:`rrset`, which sees to all of that, and keeps one
    spelling of each record (``canonical_rdata``); one that is read from a store may hold several.

    No cycle can lead through one, so the garbage collector need not know it (``gc=False``), which
    is also 16 octets less.
    """

    owner: Name
    rdtype: int
    ttl: int
    rdatas: tuple[bytes, ...]
    rdclass: int = IN


RRsets = Mapping[int, RRset]
"""What stands at one owner, by type."""


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
    """Make an RRset: sort the records, keep the first spelling of each, check the bounds.

    Raises:
        Invalid: no record, a TTL out of range, or records that are too large for a DNS message.
    """
    ordered = tuple(sorted(canonical_rdata.distinct(rdtype, rdatas)))
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
    """Octets of the smallest message that answers with this RRset: header, question, records
    whose owners are compressed (RFC 1035 section 4.1)."""
    return 16 + len(value.owner) + 12 * len(value.rdatas) + sum(map(len, value.rdatas))


def describe(value: RRset) -> str:
    """Return owner and type of an RRset, for messages."""
    return title(value.owner, value.rdtype)


def title(owner: Name, rdtype: int) -> str:
    """Return owner and type, for messages."""
    return f"{names.text(owner)} {rrtypes.to_text(rdtype)}"


def sort_key(owner: Name, rdtype: int) -> tuple[tuple[bytes, ...], int]:
    """Sorts RRsets as zones are (RFC 4034 section 6.1), those of one owner by type."""
    return names.canonical_key(owner), rdtype


def ttl_from_text(text: str) -> int:
    """Seconds, or BIND's units (``1h30m``).

    Raises:
        Invalid: not a TTL within 0 to 2^31-1 (RFC 2181 section 8).
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
    """Uncompressed wire form of RDATA in presentation format, ``\\# ...`` included (RFC 3597).

    Raises:
        Invalid: not RDATA of that type.
    """
    try:
        return rdata_from_tokens(rdtype, Words(lexer.split(text)), origin)
    except (ValueError, Invalid) as error:
        kind = rrtypes.to_text(rdtype)
        raise Invalid(f"{text!r} is not RDATA of type {kind}: {error}") from None


def rdata_from_tokens(rdtype: int, tokens: Words, origin: Name) -> bytes:
    """Read RDATA from its words (:func:`rdata_from_text`).

    Raises:
        ValueError: not RDATA of that type.
    """
    return rdata.read(rdtype, tokens.rest(), origin)


def rdata_to_text(rdtype: int, octets: bytes) -> str:
    """Return presentation format with absolute names, which reads back as the same octets; generic
    RDATA (``\\#``) where no other does, or the octets are not RDATA of that type."""
    return rdata.write(rdtype, octets)


def soa(value: RRset) -> SOA:
    """The fields of the one record of an SOA RRset.

    Raises:
        Invalid: not an SOA RRset of one well-formed record.
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
    """The same SOA RRset with another serial; nothing else is touched."""
    (octets,) = value.rdatas
    at = len(octets) - 20
    patched = octets[:at] + struct.pack("!I", serial) + octets[at + 4 :]
    return RRset(value.owner, value.rdtype, value.ttl, (patched,), value.rdclass)
