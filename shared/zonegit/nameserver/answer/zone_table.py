"""Hold the zones that are served, each with its default state and the state of its canary.

States are immutable. A query reads one reference; a change replaces it by one assignment.
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
"""Queries by ``type << 4 | rcode``. Plain ints: a labelled Prometheus counter costs ten times as
much, for every query."""

COUNTED_TYPES: Final = frozenset((*rrtypes.MNEMONICS, *rrtypes.QUESTION_ONLY.values()))
OTHER_TYPES: Final = 0
"""The type under which types without a mnemonic are counted. Otherwise made-up types would fill the
memory."""

MAX_ALIAS_REPLIES: Final = 8_192
"""Replies to questions about CNAMEs that are kept. All are dropped when anything changes."""
MAX_ALIAS_REPLY: Final = 1_232
"""Maximum size of such a reply's records in octets. Larger ones fit no datagram."""

KEY_SUFFIXES: Final = (b"", b"\1", b"\2", b"\3")
"""The last part of the key of such a reply: bit 0 is DO, bit 1 is set for the canary's state."""


@dataclass(frozen=True, slots=True)
class BranchState:
    """A branch of a zone at one commit."""

    branch: str
    commit: ObjectId
    snapshot: ZoneSnapshot
    queries: QueryCounts


@dataclass(frozen=True, slots=True)
class ServedBranches:
    """A zone that is served.

    Attributes:
        default: the state of the default branch.
        canary: the state of the canary; None if the zone has no such branch, so that all clients
            see the default.
        split: the clients that see the canary; None if all see the default.
        query_from: the clients that may query; None for all.
        transfer_to: the clients that may transfer the zone.
        is_stale: whether the zone was last known to be current longer ago than the expire field of
            its SOA.
        is_open: whether every client may query, and the answer depends on the state only.
        common_state: the state that all clients see; None if it depends on the client.
    """

    default: BranchState
    canary: BranchState | None = None
    split: Canary | None = None
    query_from: Access | None = None
    transfer_to: Access = LOOPBACK
    is_stale: bool = False
    is_open: bool = field(init=False)
    common_state: BranchState | None = field(init=False)

    def __post_init__(self) -> None:
        is_open = self.query_from is None and not self.is_stale
        object.__setattr__(self, "is_open", is_open)
        common_state = self.default if is_open and self.split is None else None
        object.__setattr__(self, "common_state", common_state)

    def choose_state(self, client: Client) -> BranchState:
        """Return the state that a client sees. A secondary that signs its query sees the default
        state, because that is what it transfers.

        Raises:
            Invalid: the client subnet of the query is malformed.
        """
        if self.is_stale:
            client.add_stale_error()
        if self.split is None or client.key in self.transfer_to.keys:
            return self.default
        client.parse_subnet()
        if self.canary is not None and client.is_in_canary(self.split):
            return self.canary
        return self.default


FindDeltas = Callable[[Name, BranchState, int], list[ZoneDelta] | None]
"""Returns the deltas that lead from a secondary's serial to a state, in order; None if they are not
in memory."""


RecordIncrement = Callable[[Name, str, Name | None, int | None], None]
"""Called with the zone, the client's address and key, and the serial that it has after an IXFR in
a datagram. The address of an unsigned datagram is not verified."""


def _find_no_deltas(apex: Name, state: BranchState, serial: int) -> list[ZoneDelta] | None:
    return None


def _record_nothing(apex: Name, peer: str, key: Name | None, serial: int | None) -> None:
    pass


def _read_epoch() -> float:
    return 0.0


@dataclass(slots=True)
class ZoneTable:
    """All zones that are served, and the options of the server.

    Attributes:
        clock: returns the time by which signatures are checked. By default it is the epoch, so no
            signature is valid.
        is_complete: whether all zones are loaded.
    """

    clock: Clock = _read_epoch
    options: ServerOptions = field(default_factory=ServerOptions)
    by_apex: dict[bytes, ServedBranches] = field(default_factory=dict)
    queries: dict[tuple[Name, str], QueryCounts] = field(default_factory=dict)
    is_complete: bool = True
    find_deltas: FindDeltas = _find_no_deltas
    record_increment: RecordIncrement = _record_nothing
    increments: int = 0
    """IXFR answers in datagrams."""
    refused: int = 0
    denied: int = 0
    """Queries from clients that are not allowed, or with an invalid signature."""
    malformed: int = 0
    """Queries that are malformed, or of an unknown opcode, type or EDNS version."""
    alias_replies: dict[bytes, Response] = field(default_factory=dict)
    """Replies to ordinary questions about CNAMEs, by name, type and one of ``KEY_SUFFIXES``.
    All are dropped when any zone changes, because a chain may lead to any zone."""

    @property
    def unknown_zone_error(self) -> int:
        """Return the extended error for names in no zone here (RFC 8914 sections 4.15 and 4.21)."""
        return NOT_AUTHORITATIVE if self.is_complete else NOT_READY

    def find(self, name: Name, qtype: int) -> ServedBranches | None:
        """Return the deepest zone that holds ``name``; None if there is none here.

        A question for the DS of an apex is answered by the parent zone, if that is served here too
        (RFC 4035 section 3.1.4.1).
        """
        found = self._find_deepest(name)
        if (
            qtype == rrtypes.DS
            and found is not None
            and found.default.snapshot.apex == name != ROOT
        ):
            return self._find_deepest(names.parent(name)) or found
        return found

    def _find_deepest(self, name: Name) -> ServedBranches | None:
        while True:
            found = self.by_apex.get(name)
            if found is not None or name == ROOT:
                return found
            name = names.parent(name)

    def make_state(
        self, zone: Name, branch: str, commit: ObjectId, snapshot: ZoneSnapshot
    ) -> BranchState:
        """Return a state to serve, which shares its query counters with earlier states of the
        branch."""
        return BranchState(branch, commit, snapshot, self.queries.setdefault((zone, branch), {}))

    def replace(self, zone: Name, served: ServedBranches | None) -> None:
        """Serve this state of a zone from now on; None removes the zone."""
        self.alias_replies.clear()
        if served is None:
            self.by_apex.pop(zone, None)
        else:
            self.by_apex[zone] = served

    def set_options(self, options: ServerOptions) -> None:
        """Use these options from now on."""
        self.alias_replies.clear()
        self.options = options

    def set_stale(self, zone: Name, *, is_stale: bool) -> None:
        """Mark a zone that is served as stale or current."""
        served = self.by_apex.get(zone)
        if served is not None and served.is_stale != is_stale:
            self.replace(zone, replace(served, is_stale=is_stale))

    def keep_alias(
        self,
        query: Query,
        response: Response,
        chain_zones: Sequence[ServedBranches],
        *,
        is_canary: bool,
    ) -> None:
        """Keep the reply to a question about a CNAME.

        It is kept only if all clients that see that state of the first zone get the same reply.
        Types without a mnemonic are not kept, so made-up types cannot fill the table.

        Args:
            query: the query.
            response: the reply.
            chain_zones: the zones that the chain passed through, in order.
            is_canary: whether the state of the first zone is that of the canary.
        """
        first = chain_zones[0]
        is_alike = all(zone.common_state is not None or zone is first for zone in chain_zones)
        is_small = (
            len(response.octets) <= MAX_ALIAS_REPLY and len(self.alias_replies) < MAX_ALIAS_REPLIES
        )
        if first.is_open and is_alike and is_small and query.qtype in COUNTED_TYPES:
            do = query.edns is not None and query.edns.do
            key = query.name + query.qtype.to_bytes(2, "big") + KEY_SUFFIXES[do | is_canary << 1]
            self.alias_replies[key] = response

    def drop_counters(self, zone: Name) -> None:
        """Drop the counters of a zone that was removed."""
        for key in [key for key in self.queries if key[0] == zone]:
            del self.queries[key]

    def __iter__(self) -> Iterator[tuple[bytes, ServedBranches]]:
        return iter(list(self.by_apex.items()))


def count_query(queries: QueryCounts, qtype: int, rcode: int) -> None:
    """Count one query."""
    key = (qtype if qtype in COUNTED_TYPES else OTHER_TYPES) << 4 | rcode
    queries[key] = queries.get(key, 0) + 1
