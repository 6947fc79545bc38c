"""Queries, from octets to values; and what replies have in common.

Each octet is hostile until it is parsed here. A query that cannot be answered carries the RCODE it
gets instead.
"""

import struct
from typing import Final

import msgspec

from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_LABEL, MAX_OCTETS, ROOT, Name
from zonegit_resolver.messages.parts import BADVERS, FORMERR, HEADER, NOTIMP, QR, RD

STREAM: Final = 65_535
"""The limit of a reply on a stream: what a client can reassemble does not matter there."""
DATAGRAM: Final = 1_232
"""The limit of a reply in a datagram: it is never fragmented (RFC 9715)."""
PLAIN: Final = 512
"""What a client without EDNS takes (RFC 1035 section 4.2.1)."""

OPCODE: Final = 0x7800
RCODE: Final = 0xF
DO: Final = 0x8000
_MAX_RECORDS: Final = 8
"""A query has an OPT record and perhaps a signature; IXFR has an SOA."""

_SOA_TAIL: Final = 20

_HEADER: Final = struct.Struct("!HHHHHH")
_QUESTION: Final = struct.Struct("!HH")
_OPT: Final = struct.Struct("!BHHIH")
_FIXED: Final = struct.Struct("!HHIH")


class Edns(msgspec.Struct, frozen=True):
    """What a client's OPT record says (RFC 6891 section 6.1). ``size`` is at least 512."""

    size: int
    version: int
    do: bool
    options: bytes


class Query(msgspec.Struct, frozen=True):
    """One question. ``question`` are its octets as they came, case and all, empty when they could
    not be read; ``name`` is its name in lower case. ``rcode`` is not zero when that is all the
    client gets. ``serial`` is the one a client has that asks for what came after it (IXFR)."""

    id: bytes
    flags: int
    rcode: int = 0
    question: bytes = b""
    name: Name = ROOT
    qtype: int = 0
    qclass: int = 0
    edns: Edns | None = None
    serial: int | None = None

    @property
    def variant(self) -> int:
        """Which of a part's headers fits: see ``parts.heads``."""
        return (1 if self.flags & RD else 0) + (2 if self.edns is not None else 0)

    def room(self, limit: int) -> int:
        """Octets a reply may have, where the transport carries ``limit``."""
        if limit == STREAM:
            return limit
        return min(limit, self.edns.size if self.edns is not None else PLAIN)


class _Malformed(Exception):
    pass


def parse(wire: bytes) -> Query | None:
    """None for what gets no answer at all: replies, and octets that are no message."""
    if len(wire) < HEADER:
        return None
    _, flags, questions, answers, authority, additional = _HEADER.unpack_from(wire)
    if flags & QR:
        return None
    if flags & OPCODE:
        return Query(wire[:2], flags, NOTIMP)
    if questions != 1 or answers or authority + additional > _MAX_RECORDS:
        return Query(wire[:2], flags, FORMERR)
    try:
        return _parse(wire, flags, authority, additional)
    except (_Malformed, IndexError, struct.error):
        return Query(wire[:2], flags, FORMERR)


def _parse(wire: bytes, flags: int, authority: int, additional: int) -> Query:
    end = _name_end(wire, HEADER, may_point=False)
    qtype, qclass = _QUESTION.unpack_from(wire, end)
    if end - HEADER > MAX_OCTETS or (authority and qtype != rrtypes.IXFR):
        raise _Malformed
    at = end + _QUESTION.size
    edns = serial = None
    for index in range(authority + additional):
        record = _Record(wire, at)
        at = record.end
        if record.rdtype == rrtypes.OPT:
            if edns is not None or not record.is_at_root or index < authority:
                raise _Malformed
            edns = _edns(record)
        elif record.rdtype == rrtypes.SOA and index < authority:
            serial = record.serial()
    if at != len(wire):
        raise _Malformed
    return Query(
        wire[:2],
        flags,
        BADVERS if edns is not None and edns.version else 0,
        wire[HEADER : end + _QUESTION.size],
        Name(wire[HEADER:end].lower()),
        qtype,
        qclass,
        edns,
        serial,
    )


class _Record:
    """A record that follows the question."""

    __slots__ = ("end", "is_at_root", "rdata", "rdclass", "rdtype", "ttl")

    def __init__(self, wire: bytes, at: int) -> None:
        fixed = _name_end(wire, at)
        self.is_at_root = fixed == at + 1
        self.rdtype, self.rdclass, self.ttl, length = _FIXED.unpack_from(wire, fixed)
        start = fixed + _FIXED.size
        self.end = start + length
        self.rdata = wire[start : self.end]
        if self.end > len(wire):
            raise _Malformed

    def serial(self) -> int:
        """Of an SOA record: the first of the five numbers it ends in."""
        if len(self.rdata) < _SOA_TAIL:
            raise _Malformed
        return int.from_bytes(self.rdata[-_SOA_TAIL:][:4], "big")


def _edns(opt_record: _Record) -> Edns:
    ttl = opt_record.ttl
    return Edns(max(opt_record.rdclass, PLAIN), ttl >> 16 & 0xFF, bool(ttl & DO), opt_record.rdata)


def _name_end(wire: bytes, at: int, *, may_point: bool = True) -> int:
    """Where a name ends, be it with the root or with a pointer; that is not followed."""
    while length := wire[at]:
        if length >= 0xC0 and may_point:
            return at + 2
        if length > MAX_LABEL:
            raise _Malformed
        at += length + 1
    return at + 1


def opt(edns: Edns, rcode: int = 0, options: bytes = b"") -> bytes:
    """The OPT record of a reply: our size and version, the client's DO (RFC 6891 section 6.2)."""
    ttl = rcode >> 4 << 24 | (DO if edns.do else 0)
    return _OPT.pack(0, rrtypes.OPT, DATAGRAM, ttl, len(options)) + options


def refusal(query: Query, rcode: int) -> bytes:
    """A reply without records."""
    flags = QR | query.flags & (OPCODE | RD) | rcode & RCODE
    tail = opt(query.edns, rcode) if query.edns is not None else b""
    counts = _HEADER.pack(0, flags, bool(query.question), 0, 0, bool(tail))
    return query.id + counts[2:] + query.question + tail
