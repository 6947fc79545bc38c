"""What a question is told: the part that answers it, behind those of the aliases that lead there.

A chain is joined for each query, from parts of one zone each, so a change in one zone never makes
what is kept of another one wrong.
"""

from collections.abc import Callable
from typing import Final

from zonegit.nameserver.answer.lookup import everything, lookup
from zonegit.nameserver.answer.nsec_proofs import proof
from zonegit.nameserver.answer.render import rendered
from zonegit.nameserver.answer.response import Response, ResponseBuilder
from zonegit.nameserver.message.fragment import (
    AA,
    HEADER,
    REACH,
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
"""How many aliases of a chain are followed."""

_POINTER: Final = 2
_FIXED: Final = 10
"""Octets of a record between its owner and its RDATA."""
_SPARE: Final = 1_024
"""Octets of a message on a stream that are left for what stands behind its records."""

_ENDS: Final = (rrtypes.CNAME, rrtypes.ANY)
"""Questions that an alias itself answers."""

Find = Callable[[Name, int], ZoneSnapshot | None]
"""The state of the deepest zone here that holds a name, as a client and type see it."""


def follow(
    query: Query, snapshot: ZoneSnapshot, find: Find, *, is_stream: bool, is_minimal: bool
) -> Response:
    """The answer to ``query`` from ``snapshot``, and from other zones where aliases lead there; a
    minimal one without courtesy.

    A chain ends early, with the aliases found so far, where it leaves the zones that are served
    here or meets a name again. One that is too long, in links or (its signatures are huge) in
    octets, fails with what was found: it has an end that nobody here is going to tell.
    """
    chain = _Chain(query, is_stream=is_stream, is_minimal=is_minimal)
    onward: ZoneSnapshot | None = snapshot
    while onward is not None and chain.goes_on(onward):
        onward = find(chain.name, query.qtype)
    return chain.told()


class _Chain:
    """The links so far, and the ``name`` that the last one leads to."""

    def __init__(self, query: Query, *, is_stream: bool, is_minimal: bool) -> None:
        self.name = query.name
        self._written = query.question[:-4]
        self._at = HEADER
        self._qtype = query.qtype
        self._is_signed = query.edns is not None and query.edns.do
        self._is_stream = is_stream
        self._joined = ResponseBuilder(len(query.question), is_minimal=is_minimal)
        self._rcode: int | None = None
        self._seen = {query.name}
        self._redirects: set[int] = set()

    def told(self) -> Response:
        """What the client is told."""
        return self._joined.told(self._rcode)

    def goes_on(self, snapshot: ZoneSnapshot) -> bool:
        """Adds what ``name`` is in its zone; whether another name is to be looked for now."""
        path = _path(self.name, snapshot.apex)
        outcome = lookup(snapshot, path, self._qtype)
        target = self._target(outcome)
        if self._joined.end > REACH or (target is not None and len(self._seen) > MAX_ALIASES):
            self._rcode = SERVFAIL
            return False
        if target is not None and self._at == HEADER:
            self._joined.is_alias = isinstance(outcome, Cname) and outcome.rrset.owner == self.name
        here = self._add(snapshot, path, outcome)
        if target is None:
            return False
        if len(target) > MAX_OCTETS:
            self._rcode = YXDOMAIN  # RFC 6672 section 2.2
            return False
        if isinstance(outcome, Dname):
            here = self._synthesise(outcome.rrset, target)
        return self._go(target, here + _target_at(self.name))

    def _target(self, outcome: LookupOutcome) -> bytes | None:
        """Where the search goes on, None where it ends."""
        match outcome:
            case Cname(rrset) if self._qtype not in _ENDS:
                return rrset.rdatas[0]
            case Dname(rrset, target):
                return self._written[: len(self._written) - len(rrset.owner)] + target
            case _:
                return None

    def _add(self, snapshot: ZoneSnapshot, path: Path, outcome: LookupOutcome) -> int:
        """Adds an outcome and its proof; where in the message it begins."""
        here = self._joined.end
        if self._qtype == rrtypes.ANY and isinstance(outcome, RRsetData | Cname):
            self._add_any(snapshot, path, outcome)
        elif id(outcome) not in self._redirects:  # a DNAME that is met again has been told
            part = rendered(snapshot, outcome, signed=self._is_signed)
            self._joined.add(part, self._at, len(self._written))
        if self._is_signed:
            for denying in proof(snapshot, path, outcome):
                self._joined.prove(snapshot, denying, self._at, len(self._written))
        if isinstance(outcome, Dname):
            self._redirects.add(id(outcome))
        return here

    def _add_any(self, snapshot: ZoneSnapshot, path: Path, outcome: Data) -> None:
        """In a datagram one RRset with its RRSIGs, whether DO is set or not (RFC 8482 section 4.1,
        RFC 3225 section 3); on a stream all of them, as far as they fit a message."""
        joined, length = self._joined, len(self._written)
        if not self._is_stream:
            part = rendered(snapshot, outcome, signed=True)
            joined.add(part, HEADER, length, is_bare=True)
            return
        for held in everything(snapshot, path):
            part = rendered(snapshot, held)
            if joined.is_empty or joined.end + part.needed[0] <= STREAM - _SPARE:
                joined.add(part, HEADER, length, is_bare=True)

    def _synthesise(self, dname: RRset, target: bytes) -> int:
        """Adds the CNAME that a DNAME stands for (RFC 6672 section 3.1), which nobody signs; where
        in the message it begins."""
        here = self._joined.end
        writer = Writer(self.name)
        writer.owner()
        writer.fixed(rrtypes.CNAME, dname.ttl, len(target))
        writer.octets += target
        self._joined.add(Fragment(writer, AA, (1, 0, 0)), self._at, len(self._written))
        return here

    def _go(self, target: bytes, at: int) -> bool:
        """To a name that is written at offset ``at``, unless the chain was there or ends here."""
        self._written, self._at = target, at
        self.name = Name(target.lower())
        is_new = self.name not in self._seen
        self._seen.add(self.name)
        return is_new and self._qtype not in _ENDS


def _path(name: Name, apex: Name) -> Path:
    return names.labels(Name(name[: len(name) - len(apex)] + names.ROOT))[::-1]


def _target_at(name: Name) -> int:
    """Where in a CNAME record of ``name`` its target stands: behind a pointer and what is fixed."""
    return (_POINTER if name != names.ROOT else 1) + _FIXED
