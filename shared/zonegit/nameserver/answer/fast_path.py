"""The short way for ordinary queries: one question, at most an OPT that asks for nothing special,
an outcome whose octets are at hand. Everything else goes to ``answer``, and where both answer they
give the same octets.
"""

import struct
from typing import Final

from zonegit.nameserver.answer import responder
from zonegit.nameserver.answer.canary import peer_subnet
from zonegit.nameserver.answer.lookup import lookup
from zonegit.nameserver.answer.zone_table import (
    KEY_SUFFIXES,
    BranchState,
    ServedBranches,
    ZoneTable,
)
from zonegit.nameserver.message.edns import NSID, option_codes
from zonegit.nameserver.message.fragment import HEADER, Fragment
from zonegit.nameserver.message.query import DATAGRAM, DO, PLAIN, RCODE, STREAM, Edns, encode_opt
from zonegit.nameserver.zone.snapshot import (
    UNSIGNED,
    Cname,
    Denial,
    Dname,
    LookupOutcome,
    Referral,
    RRsetData,
)
from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_LABEL, MAX_OCTETS
from zonegit.zone.rrset import IN

_RD: Final = 0x0100
_IGNORED_FLAGS: Final = (0, 0x10, 0x20, 0x30)
"""AD and CD in all combinations: they mean nothing to an authoritative server."""

_QUESTION: Final = struct.Struct("!HH")
_OPT: Final = struct.Struct("!BHHBBHH")
_BARE_ENDING: Final = _QUESTION.size + _OPT.size
"""Octets that follow the name of a query with EDNS and no options."""

_SHAPES: Final = {
    struct.pack("!HHHHH", rd | ignored, 1, 0, 0, edns): (
        (1 if rd else 0) + 2 * edns,
        _BARE_ENDING if edns else _QUESTION.size,
    )
    for rd in (0, _RD)
    for ignored in _IGNORED_FLAGS
    for edns in (0, 1)
}
"""Octets 2 to 12 of an ordinary query: which of a fragment's headers answers it, and how many octets
follow the name if there are no options."""
_WITH_EDNS: Final = 2

_TYPES: Final = frozenset(rrtypes.MNEMONICS) - {rrtypes.DS}
_MAX_NAME_END: Final = HEADER + MAX_OCTETS
_OPTS: Final = tuple(encode_opt(Edns(DATAGRAM, 0, do, b"")) for do in (False, True))

Ending = tuple[int, int, bool, bytes]
"""What stands behind a name says: the type, how many octets the reply may have, whether DO is set,
and the OPT record that the reply ends in."""
_MAX_ENDINGS: Final = 4_096
_endings: dict[bytes, Ending] = {}
"""What is known of the octets behind a name. Clients are of few kinds, so there are few; made up
ones push the others out."""


def respond(wire: bytes, zones: ZoneTable, peer: str, limit: int) -> bytes | None:
    """As :func:`zonegit.nameserver.answer.responder.respond`."""
    reply = try_fast(wire, zones, peer, limit)
    return reply if reply is not None else responder.respond(wire, zones, peer, limit)


# Longer than its neighbours, and in one piece: calls are what Python is slow at.
def try_fast(wire: bytes, zones: ZoneTable, peer: str, limit: int) -> bytes | None:
    """The reply, None when the query is not for here."""
    shape = _SHAPES.get(wire[2:HEADER])
    if shape is None:
        return None
    variant, behind = shape
    end = len(wire) - behind
    ending = _endings.get(wire[end:]) or _parse_ending(wire[end:])
    has_options = ending is None
    if ending is None:
        end = wire.find(b"\0", HEADER) + 1
        ending = _parse_ending_with_options(wire[end:], zones) if variant >= _WITH_EDNS else None
        if ending is None:
            return None
    if end > _MAX_NAME_END:
        return None
    qtype, room, do, tail = ending

    # What stands before the ending is a name if labels lead from its start to an apex.
    low = wire.lower()
    at = HEADER
    path = []
    get = zones.by_apex.get
    while (served := get(low[at:end])) is None:
        length = low[at]
        start = at + 1
        at = start + length
        if at >= end or not 0 < length <= MAX_LABEL:
            return None
        path.append(low[start:at])
    path.reverse()

    state = served.for_all
    if state is None:
        state = _choose_state(served, peer) if not has_options else None
        if state is None:
            return None
    outcome = lookup(state.snapshot, path, qtype)
    kind = type(outcome)
    if kind is Cname and qtype != rrtypes.CNAME:
        of_kind = KEY_SUFFIXES[do | (state is served.canary) << 1]
        response = zones.alias_replies.get(low[HEADER:end] + wire[end : end + 2] + of_kind)
        if response is None:
            return None
        body, head, code = response.octets, response.headers()[variant], response.flags & RCODE
    else:
        if do and state.snapshot.denial is not UNSIGNED:
            fragment = _find_signed(outcome, low[HEADER:end], state.snapshot.denial)
        else:
            fragment = outcome.signed_fragment if do else outcome.fragment
        if fragment is None or kind is Dname or (fragment.cuts and zones.options.minimal):
            return None
        distance = end - HEADER - fragment.length
        body = fragment.shift(distance) if distance else fragment.octets
        head, code = fragment.heads[variant], fragment.flags & RCODE
    reply = b"".join((wire[:2], head, wire[HEADER : end + 4], body, tail))
    if len(reply) > PLAIN and len(reply) > (limit if limit == STREAM or limit < room else room):
        return None
    queries, key = state.queries, qtype << 4 | code
    queries[key] = queries.get(key, 0) + 1
    return reply


def _find_signed(outcome: LookupOutcome, name: bytes, denial: Denial) -> Fragment | None:
    """What a signed zone says to clients that set DO, where that is all: of an RRset that the name
    itself owns, and of a zone cut. Everything else has to be proved besides, name by name."""
    if type(outcome) is RRsetData and outcome.rrset.owner == name:
        return outcome.signed_fragment
    if type(outcome) is Referral and outcome.proved and outcome.proved[0] is denial.version:
        return outcome.proved[1]
    return None


def _parse_ending(octets: bytes) -> Ending | None:
    """What a bare ending says; None when an ordinary query does not end so."""
    if len(octets) not in (_QUESTION.size, _BARE_ENDING):
        return None
    qtype, qclass = _QUESTION.unpack_from(octets)
    room, do, tail = PLAIN, False, b""
    if len(octets) == _BARE_ENDING:
        root, rdtype, size, _, version, flags, length = _OPT.unpack_from(octets, _QUESTION.size)
        if root or rdtype != rrtypes.OPT or version or length:
            return None
        do = bool(flags & DO)
        room, tail = max(size, PLAIN), _OPTS[do]
    if qclass != IN or qtype not in _TYPES:
        return None
    if len(_endings) >= _MAX_ENDINGS:
        _endings.clear()
    _endings[octets] = ending = qtype, room, do, tail
    return ending


def _parse_ending_with_options(octets: bytes, zones: ZoneTable) -> Ending | None:
    """What an ending says that has EDNS options; None when they are malformed, or change what is
    response even where no canary is met."""
    if len(octets) < _BARE_ENDING:
        return None
    length, options = octets[_BARE_ENDING - 2 : _BARE_ENDING], octets[_BARE_ENDING:]
    found = option_codes(options)
    if found is None or int.from_bytes(length, "big") != len(options):
        return None
    if NSID in found and zones.options.nsid is not None:
        return None
    bare = octets[: _BARE_ENDING - 2] + bytes(2)
    return _endings.get(bare) or _parse_ending(bare)


def _choose_state(served: ServedBranches, peer: str) -> BranchState | None:
    """What a client with that address sees of a zone that is not the same for all; None where more
    than its address decides."""
    if not served.is_open:
        return None
    if (
        served.split is None
        or served.canary is None
        or not served.split.includes(peer_subnet(peer))
    ):
        return served.default
    return served.canary
