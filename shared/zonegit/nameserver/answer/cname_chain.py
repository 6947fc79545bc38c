"""Answer a question from the zones of a chain of CNAMEs and DNAMEs.

The chain is built for each query, from fragments that belong to one zone each. A change in one zone
therefore never invalidates what is kept for another.
"""

from collections.abc import Callable
from typing import Final

from zonegit.nameserver.answer.lookup import list_rrsets, lookup
from zonegit.nameserver.answer.nsec_proofs import find_proof
from zonegit.nameserver.answer.render import render
from zonegit.nameserver.answer.response import Response, ResponseBuilder
from zonegit.nameserver.message.fragment import (
    AA,
    HEADER,
    MAX_NEAR_START,
    SERVFAIL,
    YXDOMAIN,
    Fragment,
    Writer,
)
from zonegit.nameserver.message.query import STREAM, Query
from zonegit.nameserver.zone.snapshot import (
    Cname,
    Data,
    Dname,
    LookupOutcome,
    RRsetData,
    ZoneSnapshot,
)
from zonegit.zone import names, rrtypes
from zonegit.zone.names import MAX_OCTETS, Name, Path
from zonegit.zone.rrset import RRset

MAX_ALIASES: Final = 16
"""Aliases that are followed in one chain."""

_POINTER: Final = 2
_FIXED_FIELDS: Final = 10
"""Octets of a record between its owner and its RDATA."""
_STREAM_RESERVE: Final = 1_024
"""Octets of a message on a stream that are reserved for what follows its records."""

_ALIAS_TYPES: Final = (rrtypes.CNAME, rrtypes.ANY)
"""Types whose question a CNAME itself answers."""

FindSnapshot = Callable[[Name, int], ZoneSnapshot | None]
"""Returns the state that a client sees of the deepest zone here that holds a name, for a type."""


def follow(
    query: Query, snapshot: ZoneSnapshot, find: FindSnapshot, *, is_stream: bool, is_minimal: bool
) -> Response:
    """Return the answer to ``query`` from ``snapshot``, and from other zones if aliases lead there.

    A chain ends early, with the aliases found so far, if it leaves the zones that are served here
    or returns to a name. A chain that is too long, in links or in octets (signatures may be huge),
    gives SERVFAIL with what was found: its end exists, but is not sent.

    Args:
        query: the query.
        snapshot: the zone that holds the name of the question.
        find: returns the snapshot of another zone.
        is_stream: the reply goes to a stream.
        is_minimal: leave out optional additional records.
    """
    chain = _Chain(query, is_stream=is_stream, is_minimal=is_minimal)
    current: ZoneSnapshot | None = snapshot
    while current is not None and chain.add_link(current):
        current = find(chain.name, query.qtype)
    return chain.build_response()


class _Chain:
    """The links so far, and the ``name`` that the last one leads to."""

    def __init__(self, query: Query, *, is_stream: bool, is_minimal: bool) -> None:
        self.name = query.name
        self._written = query.question[:-4]
        self._at = HEADER
        self._qtype = query.qtype
        self._is_signed = query.edns is not None and query.edns.do
        self._is_stream = is_stream
        self._builder = ResponseBuilder(len(query.question), is_minimal=is_minimal)
        self._rcode: int | None = None
        self._seen = {query.name}
        self._redirects: set[int] = set()

    def build_response(self) -> Response:
        """Return the response that was built."""
        return self._builder.build(self._rcode)

    def add_link(self, snapshot: ZoneSnapshot) -> bool:
        """Add the outcome of ``name`` in its zone, and return whether another name must be looked
        up."""
        path = _make_path(self.name, snapshot.apex)
        outcome = lookup(snapshot, path, self._qtype)
        target = self._find_target(outcome)
        if self._builder.end > MAX_NEAR_START or (
            target is not None and len(self._seen) > MAX_ALIASES
        ):
            self._rcode = SERVFAIL
            return False
        if target is not None and self._at == HEADER:
            self._builder.is_alias = isinstance(outcome, Cname) and outcome.rrset.owner == self.name
        here = self._add(snapshot, path, outcome)
        if target is None:
            return False
        if len(target) > MAX_OCTETS:
            self._rcode = YXDOMAIN  # RFC 6672 section 2.2
            return False
        if isinstance(outcome, Dname):
            here = self._synthesise(outcome.rrset, target)
        return self._move_to(target, here + _compute_target_offset(self.name))

    def _find_target(self, outcome: LookupOutcome) -> bytes | None:
        """Return the name at which the search continues; None if it ends."""
        match outcome:
            case Cname(rrset) if self._qtype not in _ALIAS_TYPES:
                return rrset.rdatas[0]
            case Dname(rrset, target):
                return self._written[: len(self._written) - len(rrset.owner)] + target
            case _:
                return None

    def _add(self, snapshot: ZoneSnapshot, path: Path, outcome: LookupOutcome) -> int:
        """Add an outcome and its proof, and return the offset in the message at which it begins."""
        here = self._builder.end
        if self._qtype == rrtypes.ANY and isinstance(outcome, RRsetData | Cname):
            self._add_any(snapshot, path, outcome)
        elif id(outcome) not in self._redirects:  # a DNAME that was followed before is in the reply
            fragment = render(snapshot, outcome, signed=self._is_signed)
            self._builder.add(fragment, self._at, len(self._written))
        if self._is_signed:
            for nsec in find_proof(snapshot, path, outcome):
                self._builder.add_proof(snapshot, nsec, self._at, len(self._written))
        if isinstance(outcome, Dname):
            self._redirects.add(id(outcome))
        return here

    def _add_any(self, snapshot: ZoneSnapshot, path: Path, outcome: Data) -> None:
        """Add the answer to a question for ANY.

        In a datagram that is one RRset with its RRSIGs, whether DO is set or not (RFC 8482 section
        4.1, RFC 3225 section 3). On a stream it is all RRsets that fit a message.
        """
        builder, length = self._builder, len(self._written)
        if not self._is_stream:
            fragment = render(snapshot, outcome, signed=True)
            builder.add(fragment, HEADER, length, is_bare=True)
            return
        for data in list_rrsets(snapshot, path):
            fragment = render(snapshot, data)
            if builder.is_empty or builder.end + fragment.needed[0] <= STREAM - _STREAM_RESERVE:
                builder.add(fragment, HEADER, length, is_bare=True)

    def _synthesise(self, dname: RRset, target: bytes) -> int:
        """Add the unsigned CNAME of a DNAME (RFC 6672 section 3.1), and return its offset."""
        here = self._builder.end
        writer = Writer(self.name)
        writer.write_owner()
        writer.write_fixed(rrtypes.CNAME, dname.ttl, len(target))
        writer.octets += target
        self._builder.add(Fragment(writer, AA, (1, 0, 0)), self._at, len(self._written))
        return here

    def _move_to(self, target: bytes, at: int) -> bool:
        """Continue at a name that is written at offset ``at``.

        Returns:
            False if the chain ends, or was at this name before.
        """
        self._written, self._at = target, at
        self.name = Name(target.lower())
        is_new = self.name not in self._seen
        self._seen.add(self.name)
        return is_new and self._qtype not in _ALIAS_TYPES


def _make_path(name: Name, apex: Name) -> Path:
    return names.labels(Name(name[: len(name) - len(apex)] + names.ROOT))[::-1]


def _compute_target_offset(name: Name) -> int:
    """Return the offset of the target in a CNAME record of ``name``."""
    return (_POINTER if name != names.ROOT else 1) + _FIXED_FIELDS
