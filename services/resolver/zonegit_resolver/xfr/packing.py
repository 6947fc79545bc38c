"""Pack the records of a transfer into messages, as few as is sensible (RFC 5936 section 2.2)."""

from typing import Final

from zonegit.nameserver.message.fragment import AA, HEADER, Writer, encode_headers, write_record
from zonegit.nameserver.message.query import Query, encode_opt
from zonegit.nameserver.zone.records import ZoneRecord, record_size

MAX_MESSAGE: Final = 16_384
"""The size of a full message: a compression pointer cannot refer to a name after this offset (RFC
1035 section 4.1.4)."""


class Packer:
    """Writes the messages of a transfer, one after the other.

    Each message has the question; the first has an OPT record if the query has one (RFC 5936
    section 2.2.5). A message has at most ``max_octets``, unless a single record is longer. Names
    keep their case: a compressed name has the same octets as the name to which it refers,
    also in the question (RFC 5936 section 3.4).
    """

    def __init__(self, query: Query, max_octets: int) -> None:
        self._query = query
        self._tail = encode_opt(query.edns) if query.edns is not None else b""
        self._max_octets = min(MAX_MESSAGE, max_octets)
        self._begin()

    def _begin(self) -> None:
        self._writer = Writer(self._query.written, furthest=MAX_MESSAGE)
        self._records = 0

    def add(self, record: ZoneRecord) -> bytes | None:
        """Add a record, and return the message before it if that is full."""
        end = HEADER + len(self._query.question) + len(self._writer.octets) + len(self._tail)
        full = None
        if self._records and end + record_size(record) > self._max_octets:
            full = self.flush()
        self._writer.write_name(record.owner)
        write_record(self._writer, record.rdtype, record.ttl, record.rdata)
        self._records += 1
        return full

    def flush(self) -> bytes:
        """Return the current message, and start the next one."""
        head = encode_headers(AA, self._records, 0, 1 if self._tail else 0)[self._query.variant & 1]
        message = b"".join(
            (self._query.id, head, self._query.question, self._writer.octets, self._tail)
        )
        self._tail = b""
        self._begin()
        return message
