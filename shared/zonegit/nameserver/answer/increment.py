"""Answer IXFR in a datagram (RFC 1995 section 2), if the difference is at hand and fits."""

from itertools import chain
from typing import Final

from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.response import Response
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.message.fragment import AA, Writer, write_record
from zonegit.nameserver.message.query import Query
from zonegit.nameserver.zone.records import condense, run_to_end, soa_record
from zonegit.zone import rrtypes
from zonegit.zone.rrset import IN

MAX_RECORDS: Final = 500
"""Records of the differences that are condensed while a query waits. More do not fit a datagram,
unless most additions were removed again."""


def answer(query: Query, zones: ZoneTable, client: Client, space: int) -> Response | None:
    """Return the difference for an IXFR query.

    Args:
        space: maximum size of the records in octets.

    Returns:
        None if the client gets the SOA only and has to retry by TCP (RFC 1995 section 2).
    """
    served = zones.by_apex.get(query.name) if query.qclass == IN else None
    if query.qtype != rrtypes.IXFR or query.serial is None or served is None:
        return None
    if not client.is_allowed(served.transfer_to):
        return None
    recent = zones.find_deltas(query.name, served.default, query.serial)
    if not recent or sum(map(len, recent)) > MAX_RECORDS:
        return None
    delta, last = run_to_end(condense(recent)), soa_record(served.default.snapshot)
    writer, records = Writer(query.written), 0
    for record in chain((last,), delta.removed, delta.added, (last,)):
        writer.name(record.owner)
        write_record(writer, record.rdtype, record.ttl, record.rdata)
        records += 1
    if len(writer.octets) > space:
        return None
    zones.increments += 1
    return Response(bytes(writer.octets), AA, records, 0, 0, ())
