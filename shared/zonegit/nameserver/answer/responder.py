"""One query, one reply.

Synchronous and pure, but for the counters of ``zones``.
"""

from typing import Final

from zonegit.errors import Invalid
from zonegit.nameserver.answer import chaos, increment
from zonegit.nameserver.answer.authenticate import admitted
from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.cname_chain import follow
from zonegit.nameserver.answer.response import Response
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.answer.zone_table import ServedBranches, ZoneTable, count
from zonegit.nameserver.message import edns
from zonegit.nameserver.message.fragment import (
    AA,
    FORMERR,
    HEADER,
    NOTAUTH,
    NOTIMP,
    REFUSED,
    TC,
    heads,
)
from zonegit.nameserver.message.query import (
    BARE_OPT,
    NOTIFY,
    RCODE,
    STREAM,
    Query,
    opt,
    parse,
    refusal,
)
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import IN

_UNANSWERABLE: Final = {
    0: NOTIMP,
    rrtypes.OPT: FORMERR,
    rrtypes.TKEY: FORMERR,
    rrtypes.TSIG: FORMERR,
    rrtypes.AXFR: NOTIMP,  # not in a datagram (RFC 5936 section 4.2)
    rrtypes.MAILB: NOTIMP,
    rrtypes.MAILA: NOTIMP,
    rrtypes.NXNAME: FORMERR,  # RFC 9824 section 3.5
}
"""What types get that are of messages and not of zones (RFC 6895 section 3.1)."""


def respond(wire: bytes, zones: ZoneTable, peer: str, limit: int) -> bytes | None:
    """The reply to a message from the address ``peer``, of at most ``limit`` octets, which is
    ``query.STREAM`` on a stream and nowhere else; None when it gets none."""
    query = parse(wire)
    if query is None:
        return None
    client = admitted(wire, query, zones, peer)
    if isinstance(client, bytes):
        return client
    told = _told(query, zones, client, is_stream=limit == STREAM)
    room = query.room(limit) - HEADER - len(query.question) - client.signature
    extra = options(query, zones.conduct, client)
    if BARE_OPT + len(extra) > room:
        extra = b""  # behind the longest names there is no room for courtesies
    if not isinstance(told, Response):
        return client.signed(refusal(query, told, options=extra))
    tail = opt(query.edns, options=extra) if query.edns is not None else b""
    room -= len(tail)
    if query.qtype == rrtypes.IXFR:
        told = increment.told(query, zones, client, room) or told
    return client.signed(_message(query, told, tail, room))


def _told(query: Query, zones: ZoneTable, client: Client, *, is_stream: bool) -> Response | int:
    """The sections of the reply, or the RCODE that is all of it."""
    rcode = query.rcode or (0 if query.is_notify else _UNANSWERABLE.get(query.qtype, 0))
    if rcode:
        zones.malformed += 1
        return rcode
    if query.qclass == chaos.CH and not query.is_notify:
        return chaos.told(query, zones.conduct) or _refused(zones, client)
    served = zones.find(query.name, query.qtype) if query.qclass == IN else None
    if query.is_notify:
        return _notified(query, served, client)
    if served is None:
        return _refused(zones, client)
    if not client.may(served.query_from):
        zones.denied += 1
        client.error = edns.PROHIBITED
        return REFUSED
    return _answer(query, served, zones, client, is_stream=is_stream)


def _answer(
    query: Query, served: ServedBranches, zones: ZoneTable, client: Client, *, is_stream: bool
) -> Response | int:
    met = [served]

    def find(name: Name, qtype: int) -> ZoneSnapshot | None:
        onward = zones.find(name, qtype)
        if onward is None:
            return None
        met.append(onward)
        return onward.state(client).snapshot if client.may(onward.query_from) else None

    try:
        # What is transferred is the default state, and so is the serial that says whether to.
        state = served.default if query.qtype == rrtypes.IXFR else served.state(client)
        told = follow(
            query, state.snapshot, find, is_stream=is_stream, is_minimal=zones.conduct.minimal
        )
    except Invalid:  # what the query says of its client
        zones.malformed += 1
        return FORMERR
    count(state.queries, query.qtype, told.flags & RCODE)
    if told.is_alias:
        zones.remember(query, told, met, is_canary=state is served.canary)
    return told


def _refused(zones: ZoneTable, client: Client) -> int:
    zones.refused += 1
    client.error = zones.not_here
    return REFUSED


def _notified(query: Query, served: ServedBranches | None, client: Client) -> Response | int:
    """RFC 1996 section 3: heard, and nothing done, for what is served here is nobody's copy."""
    if query.qtype != rrtypes.SOA:
        return FORMERR
    if served is None or served.default.snapshot.apex != query.name:
        return NOTAUTH
    return Response(b"", NOTIFY | AA, 0, 0, 0, ()) if client.may(served.query_from) else REFUSED


def options(query: Query, conduct: ServerOptions, client: Client) -> bytes:
    """The EDNS options of the reply."""
    if query.edns is None:
        return b""
    found = client.echoed()
    if conduct.nsid is not None and edns.NSID in (edns.codes(query.edns.options) or ()):
        found += edns.option(edns.NSID, conduct.nsid)
    if client.error is not None:
        found += edns.extended(client.error)
    return found


def _message(query: Query, told: Response, tail: bytes, room: int) -> bytes:
    """Header, question, sections, OPT; as much as there is room for."""
    octets, flags, additional = told.octets, told.flags, told.additional
    answers, authority = told.answers, told.authority
    if len(octets) > room:
        # Glue that may be missing goes first; less than the rest is nothing, and says so.
        end, additional = next((cut for cut in told.cuts if cut[0] <= room), (0, 0))
        octets = octets[:end]
        if not end:
            flags, answers, authority = flags | TC, 0, 0
    head = heads(flags, answers, authority, additional)[query.variant]
    return b"".join((query.id, head, query.question, octets, tail))
