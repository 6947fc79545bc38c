"""Parse queries, and encode the parts that all replies share.

All input is untrusted until it is parsed here. A query that cannot be answered carries the RCODE of
its reply.
"""

import struct
from typing import Final

import msgspec

from zonegit.nameserver.message.edns import list_option_codes
from zonegit.nameserver.message.fragment import BADVERS, FORMERR, HEADER, NOTIMP, QR, RD
from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_LABEL, MAX_OCTETS, ROOT, Name

STREAM: Final = 65_535
"""Maximum size of a reply on a stream; the client's buffer size does not apply there."""
DATAGRAM: Final = 1_232
"""Maximum size of a reply in a datagram, to avoid fragmentation (RFC 9715)."""
PLAIN: Final = 512
"""Maximum size of a reply to a client without EDNS (RFC 1035 section 4.2.1)."""

OPCODE: Final = 0x7800
QUERY: Final = 0
NOTIFY: Final = 4 << 11
RCODE: Final = 0xF
DO: Final = 0x8000
_MAX_RECORDS: Final = 8
"""Records of a query: an OPT record, perhaps a TSIG record, an SOA for IXFR."""

MAX_SKIPPED: Final = 128
"""Questions and records of a message in error up to which its OPT record is searched for: an
UPDATE may have thousands."""

_SOA_TAIL: Final = 20

_HEADER: Final = struct.Struct("!HHHHHH")
_QUESTION: Final = struct.Struct("!HH")
_OPT: Final = struct.Struct("!BHHIH")
BARE_OPT: Final = _OPT.size
"""Octets of an OPT record without options."""
_FIXED: Final = struct.Struct("!HHIH")


class Edns(msgspec.Struct, frozen=True):
    """The contents of a client's OPT record (RFC 6891 section 6.1). ``size`` is at least 512."""

    size: int
    version: int
    do: bool
    options: bytes


class Query(msgspec.Struct, frozen=True):
    """A query with one question.

    Attributes:
        rcode: if not zero, the RCODE of a reply without records.
        question: its octets as received, with their case; empty if they could not be read.
        name: its name in lower case.
        serial: the serial that the client of an IXFR has.
        tsig: the offset of the record that signs the message; None if there is none.
    """

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
        """Return the name in the case it was written in."""
        return Name(self.question[: -_QUESTION.size])

    @property
    def is_malformed(self) -> bool:
        """Return whether the message was parsed and has an error. A message of an opcode that
        ``parse`` does not know was not parsed."""
        return self.rcode not in (0, NOTIMP)

    @property
    def is_notify(self) -> bool:
        """Return whether the message is a NOTIFY (RFC 1996)."""
        return self.flags & OPCODE == NOTIFY

    @property
    def variant(self) -> int:
        """Return the index of the header variant: see ``fragment.encode_headers``."""
        return (1 if self.flags & RD else 0) + (2 if self.edns is not None else 0)

    def max_reply(self, limit: int) -> int:
        """Return the maximum size of the reply, if the transport carries ``limit`` octets."""
        if limit == STREAM:
            return limit
        return min(limit, self.edns.size if self.edns is not None else PLAIN)


class _Malformed(Exception):
    pass


def parse(wire: bytes) -> Query | None:
    """Parse a query.

    The reply to a malformed message has as much of its question as could be read, so that the
    client recognises it. An error has EDNS if the message has (RFC 6891 section 6.1.1), also if the
    OPT record follows what is malformed or the opcode is not implemented.

    Returns:
        None for messages that get no reply: replies, and octets too short for a header.
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
    """The parts of a message that were read. Each method raises ``_Malformed``, ``IndexError``
    or ``struct.error`` for a malformed message."""

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
        """Read the question; there is exactly one (RFC 9619)."""
        end = _find_name_end(self._wire, HEADER, may_point=False)
        if count != 1 or end - HEADER > MAX_OCTETS:
            raise _Malformed
        self.qtype, self.qclass = _QUESTION.unpack_from(self._wire, end)
        self.question = self._wire[HEADER : end + _QUESTION.size]
        self.name = Name(self._wire[HEADER:end].lower())

    def read_records(self, counts: list[int], *, is_notify: bool) -> None:
        """Read the records. Only a NOTIFY may have answers (RFC 1996 section 3.7), only an IXFR
        or a NOTIFY an authority section (RFC 1995 section 3)."""
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
                self.serial = record.read_serial()
        if at != len(self._wire):
            raise _Malformed

    def _read_additional(self, record: "_Record", *, is_last: bool) -> None:
        if record.rdtype == rrtypes.OPT:
            if self.edns is not None or not record.is_at_root:
                raise _Malformed  # RFC 6891 section 6.1.1
            self.edns = _parse_edns(record)
            if not self.edns.version and list_option_codes(self.edns.options) is None:
                raise _Malformed
        elif record.rdtype == rrtypes.TSIG:
            if not is_last:
                raise _Malformed  # RFC 8945 section 5.1
            self.tsig = record.start


class _Record:
    """A record after the question."""

    __slots__ = ("end", "is_at_root", "rdata", "rdclass", "rdtype", "start", "ttl")

    def __init__(self, wire: bytes, at: int) -> None:
        fixed = _find_name_end(wire, at)
        self.start = at
        self.is_at_root = fixed == at + 1
        self.rdtype, self.rdclass, self.ttl, length = _FIXED.unpack_from(wire, fixed)
        rdata = fixed + _FIXED.size
        self.end = rdata + length
        self.rdata = wire[rdata : self.end]
        if self.end > len(wire):
            raise _Malformed

    def read_serial(self) -> int:
        """Return the serial of an SOA record: the first of the five numbers at its end."""
        if len(self.rdata) < _SOA_TAIL:
            raise _Malformed
        return int.from_bytes(self.rdata[-_SOA_TAIL:][:4], "big")


def _find_edns(wire: bytes, counts: list[int]) -> Edns | None:
    """Return the first OPT record of a message that gets an error.

    Args:
        wire: the message; only the bounds of its records matter.
        counts: the four of its header. UPDATE has sections of other names, but of the same form.

    Returns:
        None if there is no OPT record, or the records before it cannot be skipped.
    """
    if sum(counts) > MAX_SKIPPED:
        return None
    at = HEADER
    try:
        for _ in range(counts[0]):
            at = _find_name_end(wire, at) + _QUESTION.size
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


def _find_name_end(wire: bytes, at: int, *, may_point: bool = True) -> int:
    """Return the offset after a name, which ends in the root or in a pointer; pointers are not
    followed."""
    while length := wire[at]:
        if length >= 0xC0 and may_point:
            return at + 2
        if length > MAX_LABEL:
            raise _Malformed
        at += length + 1
    return at + 1


def encode_opt(edns: Edns, rcode: int = 0, options: bytes = b"") -> bytes:
    """Encode the OPT record of a reply: our size and version, the client's DO (RFC 6891 section
    6.2)."""
    ttl = rcode >> 4 << 24 | (DO if edns.do else 0)
    return _OPT.pack(0, rrtypes.OPT, DATAGRAM, ttl, len(options)) + options


def encode_error(query: Query, rcode: int, options: bytes = b"") -> bytes:
    """Encode a reply without records; ``options`` are included if the query has EDNS."""
    flags = QR | query.flags & (OPCODE | RD) | rcode & RCODE
    tail = encode_opt(query.edns, rcode, options) if query.edns is not None else b""
    counts = _HEADER.pack(0, flags, bool(query.question), 0, 0, bool(tail))
    return query.id + counts[2:] + query.question + tail
