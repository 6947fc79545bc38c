"""Answer ordinary queries from octets that are already rendered.

Everything else goes to ``responder``. Where both answer, the octets are the same.
"""

# Theory of operation
#
# Most queries have one question, no records, and at most an OPT record without options. Their
# answer is an RRset, a referral or a negative answer that has been sent before. try_fast()
# recognises such a query without parsing it into values and builds the reply with one join.
#
# A query is cut into three pieces:
#
#   id | flags and counts | name | ending: type, class and perhaps an OPT record
#   0    2                  12
#
# 1. Flags and counts (octets 2 to 12) are a key of _SHAPES. The table holds every combination that
#    is ordinary. It gives the length of the ending and the variant of the reply's header: one of
#    four, by RD and by EDNS. Any other opcode, count or flag is not in the table.
# 2. The ending is a key of _endings. Clients use few combinations of type, buffer size and DO, so
#    its meaning and the OPT record of the reply are computed once. An ending with EDNS options is
#    parsed for each query, as cookies differ each time. It is then treated as the ending without.
# 3. The name is walked label by label. At each label the rest of the name is looked up among the
#    apexes, so the first zone that is found is the deepest one. The labels in front of it are the
#    path in the zone's tree. A name that has compression pointers or does not end where the ending
#    begins never reaches an apex.
#
# lookup() returns an outcome that the compiler made. The outcome keeps its rendered fragment, which
# was written for a name of a certain length. Fragment.shift() adjusts its compression pointers if
# the name of this query is longer (RFC 1035 section 4.1.4). Chains of CNAMEs depend on several
# zones, so whole replies to them are kept in the zone table until any zone changes.
#
# try_fast() returns None, and the responder answers, if
#
# - the query is not ordinary: TSIG, another class, DS, ANY, transfers, NSID where it is configured;
# - more than the peer's address decides about the answer: an ACL, a stale zone, a canary for a
#   query with EDNS options (one of them may be a client subnet);
# - the fragment is not rendered yet, or the answer needs a proof for this very name: NXDOMAIN,
#   NODATA and wildcards of a signed zone for a client that set DO;
# - the reply has a DNAME, has optional records although minimal answers are configured, or exceeds
#   the limit, so that it has to be truncated.
#
# The responder renders what is missing and keeps it, so the next such query is fast. The tests
# compare the octets of both for the same queries.

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
from zonegit.nameserver.message.edns import NSID, list_option_codes
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
"""AD and CD in all combinations. They have no meaning for an authoritative server."""

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
"""Map octets 2 to 12 of an ordinary query to the header variant of its reply and to the number of
octets after the name if there are no EDNS options."""
_WITH_EDNS: Final = 2

_TYPES: Final = frozenset(rrtypes.MNEMONICS) - {rrtypes.DS}
_MAX_NAME_END: Final = HEADER + MAX_OCTETS
_OPTS: Final = tuple(encode_opt(Edns(DATAGRAM, 0, do, b"")) for do in (False, True))

Ending = tuple[int, int, bool, bytes]
"""The octets after the name, decoded: the type, the maximum size of the reply, whether DO is set,
and the OPT record of the reply."""
_MAX_ENDINGS: Final = 4_096
_endings: dict[bytes, Ending] = {}
"""Decoded endings by their octets. Clients use few different ones. Made-up ones can evict the
others, but cannot fill the memory."""


def respond(wire: bytes, zones: ZoneTable, peer: str, limit: int) -> bytes | None:
    """Return the reply to a message, by the fast path where that is possible.

    Args, result and exceptions are those of :func:`zonegit.nameserver.answer.responder.respond`.
    """
    reply = try_fast(wire, zones, peer, limit)
    return reply if reply is not None else responder.respond(wire, zones, peer, limit)


# One long function: function calls would take most of its time.
def try_fast(wire: bytes, zones: ZoneTable, peer: str, limit: int) -> bytes | None:
    """Return the reply to an ordinary query, or None if the responder has to answer."""
    shape = _SHAPES.get(wire[2:HEADER])
    if shape is None:
        return None
    variant, ending_size = shape
    end = len(wire) - ending_size
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

    # The octets before the ending are a name if labels lead from their start to an apex.
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

    state = served.common_state
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
        if fragment is None or kind is Dname or (fragment.cuts and zones.options.minimal_responses):
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
    """Return the kept fragment for a client that set DO in a signed zone.

    Only two outcomes need no proof for the name of the query: an RRset that the name itself owns,
    and a referral. None for the others.
    """
    if type(outcome) is RRsetData and outcome.rrset.owner == name:
        return outcome.signed_fragment
    if type(outcome) is Referral and outcome.proved and outcome.proved[0] is denial.version:
        return outcome.proved[1]
    return None


def _parse_ending(octets: bytes) -> Ending | None:
    """Decode an ending without EDNS options and keep it; None if no ordinary query ends so."""
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
    """Decode an ending with EDNS options.

    Returns:
        None if the options are malformed or need a reply that the fast path does not write (NSID).
    """
    if len(octets) < _BARE_ENDING:
        return None
    length, options = octets[_BARE_ENDING - 2 : _BARE_ENDING], octets[_BARE_ENDING:]
    found = list_option_codes(options)
    if found is None or int.from_bytes(length, "big") != len(options):
        return None
    if NSID in found and zones.options.nsid is not None:
        return None
    bare = octets[: _BARE_ENDING - 2] + bytes(2)
    return _endings.get(bare) or _parse_ending(bare)


def _choose_state(served: ServedBranches, peer: str) -> BranchState | None:
    """Return the state that a client with that address sees of a zone with a canary or an ACL.

    Returns:
        None if more than the client's address decides.
    """
    if not served.is_open:
        return None
    if (
        served.split is None
        or served.canary is None
        or not served.split.includes(peer_subnet(peer))
    ):
        return served.default
    return served.canary
