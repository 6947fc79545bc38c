"""One query, one reply.

Synchronous and pure, but for the counters of ``zones``.
"""

from zonegit.errors import Invalid
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import IN
from zonegit_resolver.answering.canary import Client
from zonegit_resolver.answering.chain import Told, follow
from zonegit_resolver.answering.zones import Zones, count
from zonegit_resolver.compiled.snapshot import Snapshot
from zonegit_resolver.messages.parts import (
    AA,
    FORMERR,
    HEADER,
    NOERROR,
    NOTAUTH,
    NOTIMP,
    REFUSED,
    TC,
    heads,
)
from zonegit_resolver.messages.query import RCODE, Query, opt, parse, refusal


def respond(wire: bytes, zones: Zones, peer: str, limit: int) -> bytes | None:
    """The reply to a message from the address ``peer``, of at most ``limit`` octets
    (``message.DATAGRAM`` or ``message.STREAM``); None when it gets none."""
    query = parse(wire)
    if query is None:
        return None
    if query.rcode:
        zones.malformed += 1
        return refusal(query, query.rcode)
    if query.is_notify:
        return _notified(query, zones)
    if query.qtype == rrtypes.AXFR:
        return refusal(query, NOTIMP)  # not in a datagram (RFC 5936 section 4.2)
    served = zones.find(query.name, query.qtype) if query.qclass == IN else None
    if served is None:
        zones.refused += 1
        return refusal(query, REFUSED)
    client = Client(peer, query.edns.options if query.edns is not None else b"")

    def find(name: Name, qtype: int) -> Snapshot | None:
        onward = zones.find(name, qtype)
        return onward.state(client).snapshot if onward is not None else None

    try:
        state = served.state(client)
        told = follow(query, state.snapshot, find)
    except Invalid:  # what the query says of its client
        zones.malformed += 1
        return refusal(query, FORMERR)
    count(state.queries, query.qtype, told.flags & RCODE)
    if told.is_alias and not client.is_told_apart:
        zones.remember(query.name, query.qtype, told)
    return _message(query, told, client.echoed(), query.room(limit))


def _notified(query: Query, zones: Zones) -> bytes:
    """RFC 1996 section 3: noted, and nothing done, for what is served here is nobody's copy."""
    if query.qtype != rrtypes.SOA:
        return refusal(query, FORMERR)
    is_here = query.qclass == IN and query.name in zones.by_apex
    return refusal(query, NOERROR, AA) if is_here else refusal(query, NOTAUTH)


def _message(query: Query, told: Told, options: bytes, room: int) -> bytes:
    """Header, question, sections, OPT; as much as there is room for."""
    tail = opt(query.edns, options=options) if query.edns is not None else b""
    room -= HEADER + len(query.question) + len(tail)
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
