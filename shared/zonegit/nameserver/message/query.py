"""Queries, from octets to values; and what replies have in common.

Each octet is hostile until it is parsed here. A query that cannot be answered carries the RCODE it
gets instead.
"""

import struct
from typing import Final

import msgspec

from zonegit.nameserver.message.edns import option_codes
from zonegit.nameserver.message.fragment import BADVERS, FORMERR, HEADER, NOTIMP, QR, RD
from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_LABEL, MAX_OCTETS, ROOT, Name

STREAM: Final = 65_535
"""The limit of a reply on a stream: what a client can reassemble does not matter there."""
DATAGRAM: Final = 1_232
"""The limit of a reply in a datagram: it is never fragmented (RFC 9715)."""
PLAIN: Final = 512
"""What a client without EDNS takes (RFC 1035 section 4.2.1)."""

OPCODE: Final = 0x7800
QUERY: Final = 0
NOTIFY: Final = 4 << 11
RCODE: Final = 0xF
DO: Final = 0x8000
_MAX_RECORDS: Final = 8
"""A query has an OPT record and perhaps a signature; IXFR has an SOA."""

MAX_SKIPPED: Final = 128
"""Questions and records of a message that gets an error, up to which its OPT record is looked for:
an UPDATE may have thousands."""

_SOA_TAIL: Final = 20

_HEADER: Final = struct.Struct("!HHHHHH")
_QUESTION: Final = struct.Struct("!HH")
_OPT: Final = struct.Struct("!BHHIH")
BARE_OPT: Final = _OPT.size
"""Octets of an OPT record without options."""
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
    client gets. ``serial`` is the one a client has that asks for what came after it (IXFR).
    ``tsig`` is the offset of the record that signs the message, None when there is none."""

    id: bytes
    flags: int
    rcode: int = 0
    question: bytes = b""
    name: Name = ROOT
    qtype: int = 0
    qclass: int = 0
    edns: Edns | None = None
    serial: int | None = None
    tsig: int | None = None

    @property
    def written(self) -> Name:
        """Its name in the case it was written in."""
        return Name(self.question[: -_QUESTION.size])

    @property
    def is_notify(self) -> bool:
        """Whether it tells of a change (RFC 1996) and asks nothing."""
        return self.flags & OPCODE == NOTIFY

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
    """Parse a query; None for what gets no answer at all: replies, and octets that are no message.

    An answer to what is malformed further on has as much of its question as could be read, so that
    the client knows the reply for its own. An error has EDNS wherever the message has (RFC 6891
    section 6.1.1), also where its OPT record follows what is malformed or is not implemented.
    """
    if len(wire) < HEADER:
        return None
    _, flags, *counts = _HEADER.unpack_from(wire)
    if flags & QR:
        return None
    if flags & OPCODE not in (QUERY, NOTIFY):
        return Query(wire[:2], flags, NOTIMP, edns=_find_edns(wire, counts))
    found = _Parser(wire)
    try:
        found.read_question(counts[0])
        found.read_records(counts[1:], is_notify=flags & OPCODE == NOTIFY)
        rcode = BADVERS if found.edns is not None and found.edns.version else 0
    except (_Malformed, IndexError, struct.error):
        rcode = FORMERR
        found.edns = found.edns or _find_edns(wire, counts)
    return Query(
        wire[:2],
        flags,
        rcode,
        found.question,
        found.name,
        found.qtype,
        found.qclass,
        found.edns,
        found.serial,
        found.tsig,
    )


class _Parser:
    """What a message holds, as far as it was read. Each method raises ``_Malformed``,
    ``IndexError`` or ``struct.error`` where it does not go on."""

    __slots__ = ("_wire", "edns", "name", "qclass", "qtype", "question", "serial", "tsig")

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self.question = b""
        self.name = ROOT
        self.qtype = self.qclass = 0
        self.edns: Edns | None = None
        self.serial: int | None = None
        self.tsig: int | None = None

    def read_question(self, count: int) -> None:
        """There is exactly one (RFC 9619)."""
        end = _name_end(self._wire, HEADER, may_point=False)
        if count != 1 or end - HEADER > MAX_OCTETS:
            raise _Malformed
        self.qtype, self.qclass = _QUESTION.unpack_from(self._wire, end)
        self.question = self._wire[HEADER : end + _QUESTION.size]
        self.name = Name(self._wire[HEADER:end].lower())

    def read_records(self, counts: list[int], *, is_notify: bool) -> None:
        """NOTIFY may bring an answer (RFC 1996 section 3.7), IXFR an authority (RFC 1995 section
        3), and nothing else either."""
        answers, authority, additional = counts
        total = answers + authority + additional
        if total > _MAX_RECORDS or (answers and not is_notify):
            raise _Malformed
        if authority and self.qtype != rrtypes.IXFR and not is_notify:
            raise _Malformed
        at = HEADER + len(self.question)
        for left in range(total, 0, -1):
            record = _Record(self._wire, at)
            at = record.end
            if left <= additional:
                self._read_additional(record, is_last=left == 1)
            elif record.rdtype in (rrtypes.OPT, rrtypes.TSIG):
                raise _Malformed
            elif record.rdtype == rrtypes.SOA and left <= additional + authority:
                self.serial = record.serial()
        if at != len(self._wire):
            raise _Malformed

    def _read_additional(self, record: "_Record", *, is_last: bool) -> None:
        if record.rdtype == rrtypes.OPT:
            if self.edns is not None or not record.is_at_root:
                raise _Malformed  # RFC 6891 section 6.1.1
            self.edns = _parse_edns(record)
            if not self.edns.version and option_codes(self.edns.options) is None:
                raise _Malformed
        elif record.rdtype == rrtypes.TSIG:
            if not is_last:
                raise _Malformed  # RFC 8945 section 5.1
            self.tsig = record.start


class _Record:
    """A record that follows the question."""

    __slots__ = ("end", "is_at_root", "rdata", "rdclass", "rdtype", "start", "ttl")

    def __init__(self, wire: bytes, at: int) -> None:
        fixed = _name_end(wire, at)
        self.start = at
        self.is_at_root = fixed == at + 1
        self.rdtype, self.rdclass, self.ttl, length = _FIXED.unpack_from(wire, fixed)
        rdata = fixed + _FIXED.size
        self.end = rdata + length
        self.rdata = wire[rdata : self.end]
        if self.end > len(wire):
            raise _Malformed

    def serial(self) -> int:
        """Of an SOA record: the first of the five numbers it ends in."""
        if len(self.rdata) < _SOA_TAIL:
            raise _Malformed
        return int.from_bytes(self.rdata[-_SOA_TAIL:][:4], "big")


def _find_edns(wire: bytes, counts: list[int]) -> Edns | None:
    """Return what the first OPT record says of a message that gets an error.

    Args:
        wire: the message; only the bounds of its records matter.
        counts: the four of its header. UPDATE has sections of other names, but of the same form.

    Returns:
        None where there is no OPT record, or what precedes it cannot be passed over.
    """
    if sum(counts) > MAX_SKIPPED:
        return None
    at = HEADER
    try:
        for _ in range(counts[0]):
            at = _name_end(wire, at) + _QUESTION.size
        for left in range(sum(counts[1:]), 0, -1):
            record = _Record(wire, at)
            if left <= counts[3] and record.rdtype == rrtypes.OPT and record.is_at_root:
                return _parse_edns(record)
            at = record.end
    except (_Malformed, IndexError, struct.error):
        return None
    return None


def _parse_edns(opt_record: _Record) -> Edns:
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


def encode_opt(edns: Edns, rcode: int = 0, options: bytes = b"") -> bytes:
    """The OPT record of a reply: our size and version, the client's DO (RFC 6891 section 6.2)."""
    ttl = rcode >> 4 << 24 | (DO if edns.do else 0)
    return _OPT.pack(0, rrtypes.OPT, DATAGRAM, ttl, len(options)) + options


def encode_error(query: Query, rcode: int, options: bytes = b"") -> bytes:
    """A reply without records. ``options`` are told where the query has EDNS."""
    flags = QR | query.flags & (OPCODE | RD) | rcode & RCODE
    tail = encode_opt(query.edns, rcode, options) if query.edns is not None else b""
    counts = _HEADER.pack(0, flags, bool(query.question), 0, 0, bool(tail))
    return query.id + counts[2:] + query.question + tail
