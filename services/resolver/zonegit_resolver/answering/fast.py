"""The short way for ordinary queries: one question, at most a bare OPT, an outcome whose octets
are at hand. Everything else goes to ``answer``, and where both answer they give the same octets.
"""

import struct
from typing import Final

from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_LABEL, MAX_OCTETS
from zonegit.zone.rrset import IN
from zonegit_resolver.answering import answer
from zonegit_resolver.answering.lookup import lookup
from zonegit_resolver.answering.zones import AS_DO, Zones
from zonegit_resolver.compiled.snapshot import UNSIGNED, Alias, Redirect
from zonegit_resolver.messages.edns import NSID, codes
from zonegit_resolver.messages.parts import HEADER
from zonegit_resolver.messages.query import DATAGRAM, PLAIN, RCODE, STREAM, Edns, opt

_RD: Final = 0x0100
_IGNORED_FLAGS: Final = (0, 0x10, 0x20, 0x30)
"""AD and CD in all combinations: they mean nothing to an authoritative server."""

_SHAPES: Final = {
    struct.pack("!HHHHH", rd | ignored, 1, 0, 0, edns): (1 if rd else 0) + 2 * edns
    for rd in (0, _RD)
    for ignored in _IGNORED_FLAGS
    for edns in (0, 1)
}
"""Octets 2 to 12 of an ordinary query, and which of a part's headers answers it."""

_TYPES: Final = {
    struct.pack("!HH", rdtype, IN): rdtype for rdtype in rrtypes.MNEMONICS if rdtype != rrtypes.DS
}
_WITH_EDNS: Final = 2
_FURTHEST: Final = HEADER + MAX_OCTETS
_OPT: Final = struct.Struct("!BHHBBHH")
_OPTS: Final = tuple(opt(Edns(DATAGRAM, 0, do, b"")) for do in (False, True))


def respond(wire: bytes, zones: Zones, peer: str, limit: int) -> bytes | None:
    """As :func:`zonegit_resolver.answering.answer.respond`."""
    reply = ordinary(wire, zones, limit)
    return reply if reply is not None else answer.respond(wire, zones, peer, limit)


# Longer than its neighbours, and in one piece: calls are what Python is slow at.
def ordinary(wire: bytes, zones: Zones, limit: int) -> bytes | None:
    """The reply, None when the query is not for here."""
    low = wire.lower()
    end = low.find(b"\0", HEADER) + 1
    variant = _SHAPES.get(wire[2:HEADER])
    if variant is None or not end or end > _FURTHEST:
        return None

    at = HEADER
    path = []
    get = zones.by_apex.get
    served = get(low[at:end])
    while served is None:
        length = low[at]
        start = at + 1
        at = start + length
        if at >= end or length > MAX_LABEL:
            return None
        path.append(low[start:at])
        served = get(low[at:end])
    path.reverse()

    question = end + 4
    qtype = _TYPES.get(wire[end:question])
    room = PLAIN
    do = 0
    tail = b""
    if variant >= _WITH_EDNS:
        if len(wire) < question + _OPT.size:
            return None
        root, rdtype, size, _, version, flags, length = _OPT.unpack_from(wire, question)
        if root or rdtype != rrtypes.OPT or version:
            return None
        question_end = len(wire) - _OPT.size - length
        if length and not _is_idle(wire[question + _OPT.size :], zones):
            return None
        room = size if size > PLAIN else PLAIN
        do = flags >> 15
        tail = _OPTS[do]
    else:
        question_end = len(wire)
    if qtype is None or question != question_end:
        return None

    state = served.for_all
    if state is None:
        return None
    if do and state.snapshot.denial is not UNSIGNED:
        return None
    outcome = lookup(state.snapshot, path, qtype)
    part = outcome.signed if do else outcome.part
    kind = type(outcome)
    if kind is Alias and qtype != rrtypes.CNAME:
        told = zones.aliases.get(low[HEADER:end] + wire[end : end + 2] + AS_DO[do])
        if told is None:
            return None
        body, head, code = told.octets, told.heads()[variant], told.flags & RCODE
    elif part is None or kind is Redirect:
        return None
    else:
        body = part.moved(end - HEADER - part.length)
        head, code = part.heads[variant], part.flags & RCODE
    reply = b"".join((wire[:2], head, wire[HEADER:question], body, tail))
    if len(reply) > (limit if limit == STREAM or limit < room else room):
        return None
    key = qtype << 4 | code
    queries = state.queries
    queries[key] = queries.get(key, 0) + 1
    return reply


def _is_idle(options: bytes, zones: Zones) -> bool:
    """Whether these EDNS options are well-formed, and change nothing where no canary is met."""
    found = codes(options)
    return found is not None and (NSID not in found or zones.conduct.nsid is None)
