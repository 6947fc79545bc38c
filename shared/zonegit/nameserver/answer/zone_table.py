"""What is served right now: for each zone its default state, and the canary's.

States are immutable. A query reads one reference; a change replaces it: one assignment.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from zonegit.nameserver.acl import LOOPBACK, Access
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.response import Response
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.edns import NOT_AUTHORITATIVE, NOT_READY
from zonegit.nameserver.message.query import Query
from zonegit.nameserver.message.tsig import Clock
from zonegit.nameserver.zone.records import ZoneDelta
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.objects.ids import ObjectId
from zonegit.zone import names, rrtypes
from zonegit.zone.names import ROOT, Name

QueryCounts = dict[int, int]
"""How many queries by ``type << 4 | rcode``. Plain ints: a labelled counter costs ten times this,
and this is paid for every query."""

COUNTED_TYPES: Final = frozenset((*rrtypes.MNEMONICS, *rrtypes.QUESTION_ONLY.values()))
OTHER_TYPES: Final = 0
"""What types without a mnemonic are counted as, so that nobody can fill memory with them."""

MAX_ALIAS_REPLIES: Final = 8_192
"""Replies about alias_replies that are kept; all are freed at once when anything changes."""
MAX_ALIAS_REPLY: Final = 1_232
"""Octets of such a reply's records: a larger one fits no datagram, and is not worth its memory."""

KEY_SUFFIXES: Final = (b"", b"\1", b"\2", b"\3")
"""What ends the key of such a reply: DO sets the first bit, the canary's state the second."""


@dataclass(frozen=True, slots=True)
class BranchState:
    """A branch of a zone at one commit."""

    branch: str
    commit: ObjectId
    snapshot: ZoneSnapshot
    queries: QueryCounts


@dataclass(frozen=True, slots=True)
class ServedBranches:
    """A zone that is served. ``split`` says which clients are to see the canary, None: all get
    the default state; so they do where it has no branch, and ``canary`` is None. ``query_from``
    None: everybody may ask. ``is_stale``: it has not been known to be current for longer than its
    SOA's expire. ``is_open``: everybody may ask, and is response nothing but what a state says;
    ``for_all`` is that state where it is the same for everybody, else None."""

    default: BranchState
    canary: BranchState | None = None
    split: Canary | None = None
    query_from: Access | None = None
    transfer_to: Access = LOOPBACK
    is_stale: bool = False
    is_open: bool = field(init=False)
    for_all: BranchState | None = field(init=False)

    def __post_init__(self) -> None:
        is_open = self.query_from is None and not self.is_stale
        object.__setattr__(self, "is_open", is_open)
        for_all = self.default if is_open and self.split is None else None
        object.__setattr__(self, "for_all", for_all)

    def choose_state(self, client: Client) -> BranchState:
        """What a client sees of the zone. A secondary that signs asks for what it is to have a copy
        of, which is the default.

        Raises:
            Invalid: what the query says of its client is malformed.
        """
        if self.is_stale:
            client.warn_of_staleness()
        if self.split is None or client.key in self.transfer_to.keys:
            return self.default
        client.parse_subnet()
        if self.canary is not None and client.is_in_canary(self.split):
            return self.canary
        return self.default


FindDeltas = Callable[[Name, BranchState, int], list[ZoneDelta] | None]
"""What leads a secondary from the serial it has to a state, one after the other; None: that is not
at hand."""


def _no_deltas(apex: Name, state: BranchState, serial: int) -> list[ZoneDelta] | None:
    return None


def _epoch() -> float:
    return 0.0


@dataclass(slots=True)
class ZoneTable:
    """All zones that are served, and how. By the default ``clock`` no signature is of now.
    ``is_complete``: there are no others that are still to be loaded."""

    clock: Clock = _epoch
    options: ServerOptions = field(default_factory=ServerOptions)
    by_apex: dict[bytes, ServedBranches] = field(default_factory=dict)
    queries: dict[tuple[Name, str], QueryCounts] = field(default_factory=dict)
    is_complete: bool = True
    find_deltas: FindDeltas = _no_deltas
    increments: int = 0
    """Differences given in datagrams (IXFR)."""
    refused: int = 0
    denied: int = 0
    """Queries of those who may not ask, or signed in a way that does not hold."""
    malformed: int = 0
    """Queries that are none, or ask for an operation, a type or a version of EDNS that is not
    known."""
    alias_replies: dict[bytes, Response] = field(default_factory=dict)
    """What ordinary questions about alias_replies were response, by name, type and one of ``KEY_SUFFIXES``, until
    anything that is served changes: a chain may lead anywhere."""

    @property
    def unknown_zone_error(self) -> int:
        """The extended error about names in no zone here (RFC 8914 sections 4.15 and 4.21)."""
        return NOT_AUTHORITATIVE if self.is_complete else NOT_READY

    def find(self, name: Name, qtype: int) -> ServedBranches | None:
        """The deepest zone that holds ``name``, None when there is none here.

        The DS of an apex is its parent's to answer, where that is served here too (RFC 4035
        section 3.1.4.1).
        """
        found = self._deepest(name)
        if (
            qtype == rrtypes.DS
            and found is not None
            and found.default.snapshot.apex == name != ROOT
        ):
            return self._deepest(names.parent(name)) or found
        return found

    def _deepest(self, name: Name) -> ServedBranches | None:
        while True:
            found = self.by_apex.get(name)
            if found is not None or name == ROOT:
                return found
            name = names.parent(name)

    def make_state(
        self, zone: Name, branch: str, commit: ObjectId, snapshot: ZoneSnapshot
    ) -> BranchState:
        """A state to be served, counted with those of the same branch before it."""
        return BranchState(branch, commit, snapshot, self.queries.setdefault((zone, branch), {}))

    def replace(self, zone: Name, served: ServedBranches | None) -> None:
        """From now on queries see this; None: the zone is not served."""
        self.alias_replies.clear()
        if served is None:
            self.by_apex.pop(zone, None)
        else:
            self.by_apex[zone] = served

    def set_options(self, options: ServerOptions) -> None:
        """From now on queries are answered so."""
        self.alias_replies.clear()
        self.options = options

    def set_stale(self, zone: Name, *, is_stale: bool) -> None:
        """From now on queries about a zone that is served are response that it is stale, or not."""
        served = self.by_apex.get(zone)
        if served is not None and served.is_stale != is_stale:
            self.replace(zone, replace(served, is_stale=is_stale))

    def keep_alias(
        self, query: Query, response: Response, met: Sequence[ServedBranches], *, is_canary: bool
    ) -> None:
        """Keeps what a question about an alias was response, if it was the same for everybody who sees
        that state of the first of the zones that were ``met``. What made-up types were response is not
        kept, or else there would soon be nothing but that."""
        first = met[0]
        is_alike = all(zone.for_all is not None or zone is first for zone in met)
        is_small = (
            len(response.octets) <= MAX_ALIAS_REPLY and len(self.alias_replies) < MAX_ALIAS_REPLIES
        )
        if first.is_open and is_alike and is_small and query.qtype in COUNTED_TYPES:
            do = query.edns is not None and query.edns.do
            key = query.name + query.qtype.to_bytes(2, "big") + KEY_SUFFIXES[do | is_canary << 1]
            self.alias_replies[key] = response

    def drop_counters(self, zone: Name) -> None:
        """Drops the counters of a zone that is gone."""
        for key in [key for key in self.queries if key[0] == zone]:
            del self.queries[key]

    def __iter__(self) -> Iterator[tuple[bytes, ServedBranches]]:
        return iter(list(self.by_apex.items()))


def count_query(queries: QueryCounts, qtype: int, rcode: int) -> None:
    """Counts one query."""
    key = (qtype if qtype in COUNTED_TYPES else OTHER_TYPES) << 4 | rcode
    queries[key] = queries.get(key, 0) + 1
