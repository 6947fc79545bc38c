"""Answer a query from a zone at any commit with the resolver's own code, without a resolver.

Only the part of the zone that decides the answer is read. The reply is made, the names in it are
read too, and it is made again, until it has no new name.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import msgspec

from zonegit.errors import Invalid, NotFound, ZonegitError
from zonegit.nameserver.answer import responder
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.zone_table import BranchState, ServedBranches, ZoneTable
from zonegit.nameserver.message.fragment import TC
from zonegit.nameserver.message.query import DATAGRAM, STREAM
from zonegit.nameserver.message.reply_names import find_names
from zonegit.nameserver.zone.compiler import RRsetChange, apply_changes
from zonegit.nameserver.zone.snapshot import ZoneSnapshot, empty_snapshot, find_node
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.name_scope import read_scope
from zonegit.repo import read_zone, refish
from zonegit.repo.commit import drafts
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.refs import ZoneRefs
from zonegit.zone import names, rrtypes
from zonegit.zone.names import ROOT, Name, Path

MAX_NAMES: Final = 4_096
"""Names that one answer may depend on. A message cannot name many more."""

PEER: Final = "127.0.0.1"
"""The peer address of a query without a client subnet."""


class QueryView(msgspec.Struct, frozen=True):
    """The state of each zone that answers.

    Attributes:
        branch: the branch whose tip answers, for zones in which ``at`` is no refish.
        at: a refish; None for the tip of ``branch``.
        canary_of: returns the canary of a zone, None if it has none.
        whole: read whole zones, which the proofs of a signed zone require.
    """

    branch: str
    at: str | None = None
    canary_of: Callable[[Name], Canary | None] = lambda zone: None
    whole: bool = False


class ZoneConsulted(msgspec.Struct, frozen=True):
    """A zone that was consulted, its commit and its SOA serial. ``branch`` is the resolver's
    name for that state."""

    zone: Name
    branch: str
    commit: ObjectId
    serial: int | None


class ResolvedQuery(msgspec.Struct, frozen=True):
    """The reply, its transport (udp or tcp), and the zones that were consulted, that of the
    question first."""

    reply: bytes
    transport: str
    zones: list[ZoneConsulted]


async def resolve(
    repo: Repo, query: bytes, name: Name, qtype: int, view: QueryView
) -> ResolvedQuery:
    """Return the reply to a query.

    Args:
        repo: the stores.
        query: the DNS message.
        name: the name in its question.
        qtype: the type in its question.
        view: the state of each zone that answers.

    Raises:
        NotFound: no zone has the name, it has no such branch, or the refish names nothing.
        Invalid: the refish is malformed or of another zone, or the answer depends on too many
            names.
        Corrupt, Denied, Unavailable: errors of the stores.
    """
    lookup = _Lookup(repo, view)
    await lookup.read_names([name], qtype)
    if lookup.zones.find(name, qtype) is None:
        raise _refused_error(name, view)
    while True:
        reply, transport = _make_reply(query, lookup.zones)
        if not await lookup.read_names(find_names(reply), qtype):
            return ResolvedQuery(reply, transport, lookup.list_zones())


def _make_reply(query: bytes, zones: ZoneTable) -> tuple[bytes, str]:
    """Return the reply by UDP, or by TCP if it is truncated."""
    reply = responder.respond(query, zones, PEER, DATAGRAM)
    if reply is not None and not int.from_bytes(reply[2:4], "big") & TC:
        return reply, "udp"
    reply = responder.respond(query, zones, PEER, STREAM)
    if reply is None:
        raise Invalid("not a DNS query")
    return reply, "tcp"


def _refused_error(name: Name, view: QueryView) -> NotFound:
    return NotFound(
        f"no zone has {names.text(name)} on a branch {view.branch}: the answer would be REFUSED",
        hint="zonegit zone list shows the zones; a name is absolute, with or without a final dot",
    )


class _Lookup:
    """The parts of zones that were read."""

    def __init__(self, repo: Repo, view: QueryView) -> None:
        self.zones = ZoneTable()
        self._repo = repo
        self._view = view
        self._reader = Reader(repo.objects)
        self._refs: dict[Name, ZoneRefs | ZonegitError] = {}
        self._seen: set[Name] = set()
        self._read: set[tuple[Name, Name]] = set()

    def list_zones(self) -> list[ZoneConsulted]:
        """Return the zones that were consulted, in order."""
        return [
            ZoneConsulted(Name(zone), state.branch, state.commit, state.snapshot.serial)
            for zone, served in self.zones
            for state in (served.default, served.canary)
            if state is not None
        ]

    async def read_names(self, found: Iterable[Name], qtype: int) -> bool:
        """Read what decides the answer about these names, in every open zone that they are within;
        return whether there was anything to read.

        Raises:
            Invalid: there are too many names.
        """
        new = [name for name in found if name not in self._seen]
        self._seen.update(new)
        if len(self._seen) > MAX_NAMES:
            raise Invalid(f"the answer depends on more than {MAX_NAMES} names")
        for name in new:
            if qtype == rrtypes.DS and name != ROOT:  # its parent's to answer, if that is here
                await self._open_zone_of(names.parent(name))
            await self._open_zone_of(name)
        pairs = {
            (Name(zone), name)
            for zone, _ in self.zones
            for name in self._seen
            if names.is_within(name, Name(zone))
        }
        for zone, name in pairs - self._read:
            await self._extend(zone, name)
        is_more = not pairs <= self._read
        self._read = pairs
        return is_more

    async def _open_zone_of(self, name: Name) -> None:
        """Open the deepest zone that holds a name and would be served. All candidates are looked
        up at once."""
        above = [name]
        while above[-1] != ROOT:
            above.append(names.parent(above[-1]))
        unknown = [each for each in above if each not in self._refs]
        answers = await asyncio.gather(*(self._read_refs(each) for each in unknown))
        self._refs.update(zip(unknown, answers, strict=True))
        for each in above:
            refs = self._refs[each]
            if isinstance(refs, ZoneRefs):
                if await self._open_zone(refs):
                    return
            elif not isinstance(refs, NotFound):
                raise refs  # only if it matters: a tenant may not read the zones above its own

    async def _read_refs(self, zone: Name) -> ZoneRefs | ZonegitError:
        try:
            return await self._repo.refs.zone(zone, self._repo.actor)
        except ZonegitError as error:
            return error

    async def _open_zone(self, refs: ZoneRefs) -> bool:
        """Open a zone if a resolver would serve it; return whether it is open."""
        if refs.zone in self.zones.by_apex:
            return True
        default = await self._read_default(refs)
        if default is None:
            return False
        canary = self._view.canary_of(refs.zone)
        tip = refs.heads.get(canary.branch) if canary is not None else None
        canary_state = (
            await self._read_state(refs.zone, canary.branch, tip.target) if tip and canary else None
        )
        self.zones.replace(refs.zone, ServedBranches(default, canary_state, canary))
        return True

    async def _read_default(self, refs: ZoneRefs) -> BranchState | None:
        """Return the state that clients outside the canary see."""
        view, is_first = self._view, not self.zones.by_apex
        if view.at is not None:
            try:
                there = await refish.resolve(
                    self._repo, view.at, zone=refs.zone, branch=view.branch
                )
                return await self._read_state(refs.zone, view.at, there.commit)
            except (NotFound, Invalid):
                if is_first:
                    raise
        tip = refs.heads.get(view.branch)
        return (
            await self._read_state(refs.zone, view.branch, tip.target) if tip is not None else None
        )

    async def _read_state(self, zone: Name, branch: str, commit: ObjectId) -> BranchState:
        """Return a state of a zone, of which only the apex has been read."""
        found = await drafts.read_state(self._reader, CommitId(commit), zone)
        assert found.tree is not None  # that of a commit
        snapshot = empty_snapshot(zone)
        if self._view.whole:
            rrsets = await read_zone.read_whole_zone(self._reader, found.tree)
            changes = (
                RRsetChange(names.path(each.owner, zone), each.rdtype, each) for each in rrsets
            )
            snapshot = apply_changes(snapshot, changes)
        return self.zones.make_state(zone, branch, commit, snapshot)

    async def _extend(self, zone: Name, name: Name) -> None:
        """Add what decides the answer about a name to all states of a zone."""
        if self._view.whole:
            return
        served = self.zones.by_apex[zone]
        path = names.path(name, zone)
        default = await self._extend_state(served.default, path)
        canary = (
            await self._extend_state(served.canary, path) if served.canary is not None else None
        )
        self.zones.replace(zone, replace(served, default=default, canary=canary))

    async def _extend_state(self, state: BranchState, path: Path) -> BranchState:
        commit = await read_zone.read_commit(self._reader, CommitId(state.commit))
        found = await self._reader.answer(read_scope(commit.tree, path))
        new = {key: blob for key, blob in found.items() if not _has_rrset(state.snapshot, *key)}
        rrsets = await read_zone.read_rrsets(self._reader, set(new.values()))
        changes = (RRsetChange(*key, rrsets[blob]) for key, blob in new.items())
        return replace(state, snapshot=apply_changes(state.snapshot, changes))


def _has_rrset(snapshot: ZoneSnapshot, path: Path, rdtype: int) -> bool:
    node = find_node(snapshot, path)
    return node is not None and rdtype in node.data
