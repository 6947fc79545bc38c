"""The ref store: what a ref may become is checked against the objects, then moved by SQLite.

Objects are read before the transaction begins, so the one writer never waits for the bus; inside
it only what may have changed meanwhile is compared, and where it has, policy is asked anew.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Final

from zonegit.errors import Conflict, Denied, Invalid, NotFound
from zonegit.history import trees
from zonegit.objects.canonical import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject, short, verify_all
from zonegit.objects.model import Blob, Commit, Object, Symref, Tag
from zonegit.store.expected import Expected, holds
from zonegit.store.protocols import (
    Aftermath,
    LogEntry,
    Moved,
    ObjectStore,
    Operations,
    Origin,
    Since,
    Snapshot,
    Stood,
    Where,
    ZoneRefs,
)
from zonegit.store.reading import Reader
from zonegit.store.refnames import RefName
from zonegit.store.when import When
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import soa
from zonegit_refs.changes import Overtaken
from zonegit_refs.judging import Judge, Known
from zonegit_refs.policy import USUAL, Limits, Served
from zonegit_refs.sqlite import SqliteRefs
from zonegit_refs.turns import Turns

Announce = Callable[[Sequence[RawObject], Sequence[LogEntry]], None]
"""Tells the world of durable log rows, with the new objects of a commit; returns at once."""

MOST_JUDGED: Final = 20
"""How often policy is asked about one move, when the branch moves on each time meanwhile."""


class Keeper:
    """Implements :class:`zonegit.store.protocols.RefStore`."""

    def __init__(
        self,
        refs: SqliteRefs,
        objects: ObjectStore,
        announce: Announce,
        clock: Callable[[], float] = time.time,
        limits: Limits = USUAL,
    ) -> None:
        self._refs = refs
        self._objects = objects
        self._announce = announce
        self._clock = clock
        self._turns = Turns()
        self._judge = Judge(objects, limits)

    async def where(self, actor: str) -> Where:
        return await self._refs.where(actor)

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        return await self._refs.zone(zone, actor)

    async def snapshot(self, after: Name | None = None) -> Snapshot:
        return await self._refs.snapshot(after)

    async def since(self, epoch: str, sequence: int) -> Since:
        return await self._refs.since(epoch, sequence)

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        return await self._refs.reflog(ref, limit, serial)

    async def at(self, ref: RefName, when: When) -> Stood:
        return await self._refs.at(ref, when, self._clock())

    async def operations(
        self,
        limit: int,
        before: int | None = None,
        *,
        zone: Name | None = None,
        actor: str | None = None,
    ) -> Operations:
        return await self._refs.operations(limit, before, zone, actor)

    async def operation(self, actor: str, prefix: str | None, after: int = 0) -> Aftermath:
        return await self._refs.operation(actor, prefix, after)

    async def register(self, zone: Name, origin: Origin) -> Moved:
        return await self._refs.register(zone, origin, self._clock(), self._tell())

    async def unregister(self, zone: Name, origin: Origin) -> Moved:
        return await self._refs.unregister(zone, origin, self._clock(), self._tell())

    async def move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        origin: Origin,
        objects: Sequence[RawObject] = (),
        seen: Sequence[RawObject] = (),
    ) -> Moved:
        if ref.zone is None or ref.space not in ("heads", "tags"):
            raise Invalid(f"{ref.path()} is neither a branch nor a tag")
        known = {raw.id: raw for raw in verify_all([*objects, *seen])}
        served = None
        if new is not None:
            served = await self.admit(ref, new, known)
        await self._turns.wait(ref, origin.turn)
        try:
            moved = await self._move(ref, expected, new, served, origin, objects, known)
        except Conflict:
            self._turns.lost(ref, origin.turn)
            raise
        self._turns.leave(ref, origin.turn)
        return moved

    async def _move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        served: Served | None,
        origin: Origin,
        objects: Sequence[RawObject],
        known: Known,
    ) -> Moved:
        """Asks policy about the tip there is, then moves the ref if it still has that tip."""
        for _ in range(MOST_JUDGED):
            tip = await self._refs.target(ref) if served is not None else None
            if served is not None and tip not in (None, new) and holds(expected, tip):
                await self._judge.admit(ref, tip, served, origin, known)
            with suppress(Overtaken):
                return await self._refs.move(
                    ref, expected, new, served, tip, origin, self._clock(), self._tell(objects)
                )
        raise Conflict(
            f"{ref.path()} moved {MOST_JUDGED} times while this was tried",
            hint="somebody moves it without pause; try again later",
        )

    async def point(self, head: RefName, branch: RefName, origin: Origin) -> Moved:
        _require_own(head, origin)
        if head.zone not in (None, branch.zone) or branch.space != "heads":
            raise Invalid(f"a HEAD stands for a branch, not {head.path()} for {branch.path()}")
        symref = encode(Symref(branch.path())).id
        if await self._objects.missing([symref]):
            raise NotFound(
                f"the symref to {branch.path()} is not stored",
                hint="it is put into the object store before a HEAD may name it",
                object=symref.hex(),
            )
        return await self._refs.point(head, branch, symref, origin, self._clock(), self._tell())

    async def unpoint(self, head: RefName, origin: Origin) -> Moved:
        _require_own(head, origin)
        return await self._refs.unpoint(head, origin, self._clock(), self._tell())

    async def admit(
        self, ref: RefName, new: ObjectId, known: Known = MappingProxyType({})
    ) -> Served | None:
        """What a branch that moves to ``new`` would serve; None for a tag.

        Raises:
            NotFound: ``new`` is not stored, or not what such a ref may hold.
            Invalid: it is a commit of another zone, or without a SOA.
        """
        reader = Reader(self._objects, known.values())
        # What rides along is true, but only what is stored may be named by a ref.
        if new in known and await self._objects.missing([new]):
            raise _not_stored(new)
        value = (await reader.get([new]))[new]
        if ref.space == "tags":
            _require(value, (Tag, Commit), new, "a tag or a commit")
        else:
            _require(value, (Commit,), new, "a commit")
        assert ref.zone is not None
        commit = value.target if isinstance(value, Tag) else CommitId(new)
        served = await _served(reader, ref.zone, commit)
        return served if ref.space == "heads" else None

    def _tell(self, objects: Sequence[RawObject] = ()) -> Callable[[list[LogEntry]], None]:
        return partial(self._announce, objects)


def _require_own(head: RefName, origin: Origin) -> None:
    """Raises:
    Invalid: it is no HEAD, and nothing that is remembered.
    Denied: it is somebody else's.
    """
    if head.space != "head":
        raise Invalid(f"{head.path()} is no HEAD")
    if head.short not in ("", origin.actor):
        raise Denied(f"{head.path()} is not the HEAD of {origin.actor}")


async def _served(reader: Reader, zone: Name, commit_id: CommitId) -> Served:
    commit = (await reader.get([commit_id]))[commit_id]
    _require(commit, (Commit,), commit_id, "a commit")
    assert isinstance(commit, Commit)
    found = await reader.answer(trees.find_one(commit.tree, (), rrtypes.SOA))
    if found is None:
        raise Invalid(
            f"commit {short(commit_id)} has no SOA at its apex",
            hint="a zone cannot be served without one (RFC 1035 section 5.2)",
        )
    blob = (await reader.get([found]))[found]
    if not isinstance(blob, Blob) or blob.rrset.owner != zone:
        raise Invalid(f"commit {short(commit_id)} is not one of zone {names.text(zone)}")
    return Served(soa(blob.rrset).serial, commit.tree)


def _require(value: Object, kinds: tuple[type, ...], new: ObjectId, what: str) -> None:
    if not isinstance(value, kinds):
        raise NotFound(f"{short(new)} is a {type(value).__name__.lower()}, not {what}")


def _not_stored(object_id: ObjectId) -> NotFound:
    return NotFound(
        f"commit {short(object_id)} is not stored",
        hint="objects are put before a ref may name them",
        object=object_id.hex(),
    )
