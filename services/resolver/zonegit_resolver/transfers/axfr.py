"""Zone transfers: AXFR (RFC 5936), and IXFR answered with the whole zone (RFC 1995 section 4), or
with the SOA alone when that is all that is to know (RFC 1995 section 2).

A transfer reads one immutable snapshot, so it is of one commit however long it takes, and its
messages are made one at a time, as fast as the client takes them.
"""

from collections.abc import Iterator
from typing import Final

from zonegit.zone import rrtypes
from zonegit.zone.rrset import IN
from zonegit.zone.serial import later
from zonegit_resolver.answering.client import Client
from zonegit_resolver.answering.zones import Zones, count
from zonegit_resolver.compiled.snapshot import Found, Held, Snapshot, contents
from zonegit_resolver.messages.parts import (
    AA,
    HEADER,
    NOTAUTH,
    REFUSED,
    Writer,
    heads,
    write_record,
)
from zonegit_resolver.messages.query import Query, opt, refusal

_IXFR: Final = b"\0\xfb\0\1"
_AXFR: Final = b"\0\xfc\0\1"
"""Types and class, as they stand in a question."""

_FULL: Final = 2_048
"""A message is sent when it has this many octets: a slice of work that is short enough."""
_MOST: Final = 65_535
_OWNER_AND_FIXED: Final = 300

Record = tuple[bytes, int, int, bytes]
"""Owner, type, TTL, RDATA."""


def may_be_transfer(wire: bytes) -> bool:
    """Whether it is worth a closer look."""
    return _IXFR in wire or _AXFR in wire


def is_transfer(query: Query) -> bool:
    """Whether a query on a stream asks for a whole zone."""
    return query.rcode == 0 and query.qtype in (rrtypes.AXFR, rrtypes.IXFR)


def replies(query: Query, zones: Zones, client: Client) -> Iterator[bytes]:
    """The messages of a transfer, or the one that refuses it, as yet unsigned."""
    served = zones.by_apex.get(query.name) if query.qclass == IN else None
    if served is None:
        yield refusal(query, NOTAUTH)
    elif not client.may(served.transfer_to):
        yield refusal(query, REFUSED)
    else:
        count(served.default.queries, query.qtype, 0)
        yield from _messages(query, served.default.snapshot, _MOST - client.signature)


def _messages(query: Query, snapshot: Snapshot, most: int) -> Iterator[bytes]:
    """RFC 5936 section 2.2: as many records a message as fit ``most``, the question in each."""
    tail = opt(query.edns) if query.edns is not None else b""
    writer, records = Writer(query.name), 0
    for owner, rdtype, ttl, rdata in _news(query, snapshot):
        fits = HEADER + len(query.question) + len(writer.octets) + len(rdata) + len(tail)
        if records and (len(writer.octets) > _FULL or fits + _OWNER_AND_FIXED > most):
            yield _message(query, writer, records, tail)
            writer, records, tail = Writer(query.name), 0, b""
        writer.name(owner)
        write_record(writer, rdtype, ttl, rdata)
        records += 1
    yield _message(query, writer, records, tail)


def _message(query: Query, writer: Writer, records: int, tail: bytes) -> bytes:
    head = heads(AA, records, 0, 1 if tail else 0)[query.variant & 1]
    return b"".join((query.id, head, query.question, writer.octets, tail))


def _news(query: Query, snapshot: Snapshot) -> Iterator[Record]:
    """What the client does not have, as records."""
    theirs = query.serial if query.qtype == rrtypes.IXFR else None
    if theirs is None or snapshot.serial is None or later(snapshot.serial, theirs):
        return _records(snapshot)
    return _of(snapshot.root.held[rrtypes.SOA])


def _records(snapshot: Snapshot) -> Iterator[Record]:
    """The SOA, every other record, glue and what is occluded too, and the SOA again."""
    soa = snapshot.root.held[rrtypes.SOA]
    yield from _of(soa)
    for held in contents(snapshot):
        if held is not soa:
            yield from _of(held)
    yield from _of(soa)


def _of(held: Held) -> Iterator[Record]:
    rrset = held.rrset
    ttls = held.ttls if isinstance(held, Found) else None
    if ttls is None:
        ttls = (rrset.ttl,) * len(rrset.rdatas)
    for ttl, rdata in zip(ttls, rrset.rdatas, strict=True):
        yield rrset.owner, rrset.rdtype, ttl, rdata
