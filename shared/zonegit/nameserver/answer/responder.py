"""Answer one query: octets in, octets out.

Synchronous and pure, except for the counters of ``zones``.
"""

from itertools import chain
from typing import Final

from zonegit.errors import Invalid
from zonegit.nameserver.answer import chaos
from zonegit.nameserver.answer.authenticate import authenticate
from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.cname_chain import follow
from zonegit.nameserver.answer.response import Response
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.answer.zone_table import ServedBranches, ZoneTable, count_query
from zonegit.nameserver.message import edns
from zonegit.nameserver.message.fragment import (
    AA,
    FORMERR,
    HEADER,
    NOTAUTH,
    NOTIMP,
    REFUSED,
    TC,
    Writer,
    encode_headers,
    write_record,
)
from zonegit.nameserver.message.query import (
    BARE_OPT,
    NOTIFY,
    RCODE,
    STREAM,
    Query,
    encode_error,
    encode_opt,
    parse,
)
from zonegit.nameserver.zone.records import condense, run_to_end, soa_record
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import IN

_META_TYPES: Final = {
    0: NOTIMP,
    rrtypes.OPT: FORMERR,
    rrtypes.TKEY: FORMERR,
    rrtypes.TSIG: FORMERR,
    rrtypes.AXFR: NOTIMP,  # not in a datagram (RFC 5936 section 4.2)
    rrtypes.MAILB: NOTIMP,
    rrtypes.MAILA: NOTIMP,
    rrtypes.NXNAME: FORMERR,  # RFC 9824 section 3.5
}
"""RCODEs for types that are not data of a zone (RFC 6895 section 3.1)."""

MAX_IXFR_RECORDS: Final = 500
"""Records of the differences that are condensed while a query waits. More do not fit a datagram,
unless most additions were removed again."""


def respond(wire: bytes, zones: ZoneTable, peer: str, limit: int) -> bytes | None:
    """Return the reply to a message.

    Args:
        wire: the message.
        zones: the zones that are served.
        peer: the IP address of the sender.
        limit: the maximum size of the reply in octets; ``query.STREAM`` on a stream and only there.

    Returns:
        None if the message gets no reply.
    """
    query = parse(wire)
    return respond_to(query, wire, zones, peer, limit) if query is not None else None


def respond_to(query: Query, wire: bytes, zones: ZoneTable, peer: str, limit: int) -> bytes:
    """Return the reply to a message that is parsed; the other arguments are those of
    :func:`respond`."""
    client = authenticate(wire, query, zones, peer)
    if isinstance(client, bytes):
        return client
    response = _build_response(query, zones, client, is_stream=limit == STREAM)
    room = query.max_reply(limit) - HEADER - len(query.question) - client.signature_size
    extra = encode_options(query, zones.options, client)
    if BARE_OPT + len(extra) > room:
        extra = b""  # after the longest names there is no room for options
    if not isinstance(response, Response):
        return client.sign(encode_error(query, response, options=extra))
    tail = encode_opt(query.edns, options=extra) if query.edns is not None else b""
    room -= len(tail)
    if query.qtype == rrtypes.IXFR:
        response = _answer_ixfr(query, zones, client, room) or response
    return client.sign(_assemble(query, response, tail, room))


def _build_response(
    query: Query, zones: ZoneTable, client: Client, *, is_stream: bool
) -> Response | int:
    """Return the sections of the reply, or the RCODE of a reply without records."""
    rcode = query.rcode or (0 if query.is_notify else _META_TYPES.get(query.qtype, 0))
    if rcode:
        zones.malformed += 1
        return rcode
    if query.qclass == chaos.CH and not query.is_notify:
        return chaos.answer(query, zones.options) or _refuse(zones, client)
    served = zones.find(query.name, query.qtype) if query.qclass == IN else None
    if query.is_notify:
        return _answer_notify(query, served, client)
    if served is None:
        return _refuse(zones, client)
    if not client.is_allowed(served.query_from):
        zones.denied += 1
        client.error = edns.PROHIBITED
        return REFUSED
    return _answer_query(query, served, zones, client, is_stream=is_stream)


def _answer_query(
    query: Query, served: ServedBranches, zones: ZoneTable, client: Client, *, is_stream: bool
) -> Response | int:
    chain_zones = [served]

    def find(name: Name, qtype: int) -> ZoneSnapshot | None:
        next_zone = zones.find(name, qtype)
        if next_zone is None:
            return None
        chain_zones.append(next_zone)
        return (
            next_zone.choose_state(client).snapshot
            if client.is_allowed(next_zone.query_from)
            else None
        )

    try:
        # Transfers send the default state, so its serial decides whether one is needed.
        state = served.default if query.qtype == rrtypes.IXFR else served.choose_state(client)
        response = follow(
            query,
            state.snapshot,
            find,
            is_stream=is_stream,
            is_minimal=zones.options.minimal_responses,
        )
    except Invalid:  # a malformed client subnet
        zones.malformed += 1
        return FORMERR
    count_query(state.queries, query.qtype, response.flags & RCODE)
    if response.is_alias:
        zones.keep_alias(query, response, chain_zones, is_canary=state is served.canary)
    return response


def _answer_ixfr(query: Query, zones: ZoneTable, client: Client, space: int) -> Response | None:
    """Answer IXFR in a datagram if the differences are in memory and fit ``space`` octets.

    Returns:
        None if the client gets the SOA only and has to retry by TCP (RFC 1995 section 2).
    """
    served = zones.by_apex.get(query.name) if query.qclass == IN else None
    if query.serial is None or served is None:
        return None
    if not client.is_allowed(served.transfer_to):
        return None
    recent = zones.find_deltas(query.name, served.default, query.serial)
    if not recent or sum(map(len, recent)) > MAX_IXFR_RECORDS:
        return None
    delta, last = run_to_end(condense(recent)), soa_record(served.default.snapshot)
    writer, records = Writer(query.written), 0
    for record in chain((last,), delta.removed, delta.added, (last,)):
        writer.write_name(record.owner)
        write_record(writer, record.rdtype, record.ttl, record.rdata)
        records += 1
    if len(writer.octets) > space:
        return None
    zones.increments += 1
    zones.record_increment(query.name, client.peer, client.key, served.default.snapshot.serial)
    return Response(bytes(writer.octets), AA, records, 0, 0, ())


def _refuse(zones: ZoneTable, client: Client) -> int:
    zones.refused += 1
    client.error = zones.unknown_zone_error
    return REFUSED


def _answer_notify(query: Query, served: ServedBranches | None, client: Client) -> Response | int:
    """Acknowledge a NOTIFY (RFC 1996 section 3) and do nothing: this server is no secondary."""
    if query.qtype != rrtypes.SOA:
        return FORMERR
    if served is None or served.default.snapshot.apex != query.name:
        return NOTAUTH
    return (
        Response(b"", NOTIFY | AA, 0, 0, 0, ()) if client.is_allowed(served.query_from) else REFUSED
    )


def encode_options(query: Query, options: ServerOptions, client: Client) -> bytes:
    """Return the EDNS options of the reply."""
    if query.edns is None:
        return b""
    found = client.encode_subnet_option()
    if options.nsid is not None and edns.NSID in (edns.list_option_codes(query.edns.options) or ()):
        found += edns.encode_option(edns.NSID, options.nsid)
    if client.error is not None:
        found += edns.encode_extended_error(client.error)
    return found


def _assemble(query: Query, response: Response, tail: bytes, room: int) -> bytes:
    """Join header, question, sections and OPT record, truncated to ``room`` octets."""
    octets, flags, additional = response.octets, response.flags, response.additional
    answers, authority = response.answers, response.authority
    if len(octets) > room:
        # Drop optional additional records first. If the rest does not fit either, set TC.
        end, additional = next((cut for cut in response.cuts if cut[0] <= room), (0, 0))
        octets = octets[:end]
        if not end:
            flags, answers, authority = flags | TC, 0, 0
    head = encode_headers(flags, answers, authority, additional)[query.variant]
    return b"".join((query.id, head, query.question, octets, tail))
