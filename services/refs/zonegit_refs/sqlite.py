"""Refs in one SQLite file: each question one read, each change one durable transaction."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from zonegit.objects.ids import ObjectId
from zonegit.store.basis import RefState, ServedTree
from zonegit.store.database import Database, open_database
from zonegit.store.expected import Expected
from zonegit.store.legacy import Slots
from zonegit.store.protocols import (
    Aftermath,
    LogEntry,
    Moved,
    Operations,
    Origin,
    Since,
    Snapshot,
    Stood,
    Where,
    ZoneRefs,
)
from zonegit.store.refnames import RefName, marker
from zonegit.store.when import When
from zonegit.zone.names import Name
from zonegit_refs import changes, operations, pending, questions, rows
from zonegit_refs.changes import Operation, Outcome
from zonegit_refs.pending import Pending

Tell = Callable[[list[LogEntry]], None]
"""Hears of log rows once they are durable, in their order."""


class SqliteRefs:
    """The tables behind an open file. ``epoch`` is the name of its log."""

    def __init__(self, database: Database, epoch: str) -> None:
        self._database = database
        self.epoch = epoch

    async def where(self, actor: str) -> Where:
        return await self._database.read(partial(questions.where, actor=actor))

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        return await self._database.read(partial(questions.zone, zone=zone, actor=actor))

    async def snapshot(self, after: Name | None) -> Snapshot:
        return await self._database.read(partial(questions.snapshot, after=after))

    async def since(self, epoch: str, sequence: int) -> Since:
        return await self._database.read(partial(questions.since, epoch=epoch, sequence=sequence))

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        work = partial(questions.reflog, ref=ref, limit=limit, serial=serial)
        return await self._database.read(work)

    async def at(self, ref: RefName, when: When, now: float) -> Stood:
        work = partial(questions.at, ref=ref, when=when, now=now)
        return await self._database.read(work)

    async def operations(
        self, limit: int, before: int | None, zone: Name | None, actor: str | None
    ) -> Operations:
        wanted = operations.Wanted(before, zone, actor)
        return await self._database.read(partial(operations.latest, limit=limit, wanted=wanted))

    async def operation(
        self, actor: str, prefix: str | None, after: int, *, redo: bool
    ) -> Aftermath:
        work = partial(operations.aftermath, actor=actor, prefix=prefix, after=after, redo=redo)
        return await self._database.read(work)

    async def sequence(self) -> int:
        """Where the log stands."""
        return await self._database.read(rows.last_sequence)

    async def target(self, ref: RefName) -> ObjectId | None:
        """What a branch or tag holds now; None: it does not exist."""
        return await self._database.read(partial(changes.target, ref=ref))

    async def state(self, ref: RefName) -> RefState:
        """A branch or tag, as far as a move of it depends on that."""
        return await self._database.read(partial(changes.state, ref=ref))

    async def register(self, zone: Name, origin: Origin, time: float, tell: Tell) -> Moved:
        return await self._change(
            "register", marker(zone), origin, time, tell, partial(changes.register, zone=zone)
        )

    async def unregister(self, zone: Name, origin: Origin, time: float, tell: Tell) -> Moved:
        work = partial(changes.unregister, zone=zone, force=origin.force)
        return await self._change("unregister", marker(zone), origin, time, tell, work)

    async def move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        served: ServedTree | None,
        judged: ObjectId | None,
        origin: Origin,
        time: float,
        tell: Tell,
    ) -> Moved:
        work = partial(
            changes.move, ref=ref, expected=expected, new=new, served=served, judged=judged,
            force=origin.force,
        )  # fmt: skip
        return await self._change("move", ref, origin, time, tell, work)

    async def point(
        self,
        head: RefName,
        branch: RefName,
        symref: ObjectId,
        origin: Origin,
        time: float,
        tell: Tell,
    ) -> Moved:
        work = partial(changes.point, head=head, branch=branch, symref=symref)
        return await self._change("point", head, origin, time, tell, work)

    async def unpoint(self, head: RefName, origin: Origin, time: float, tell: Tell) -> Moved:
        work = partial(changes.unpoint, head=head)
        return await self._change("unpoint", head, origin, time, tell, work)

    async def pending(self) -> Pending | None:
        return await self._database.read(pending.read)

    async def keep(
        self, slots: Slots, served: Mapping[RefName, ServedTree], origin: Origin
    ) -> None:
        """As :func:`zonegit_refs.pending.keep`."""
        work = partial(pending.keep, slots=slots, served=served, origin=origin)
        await self._database.write(work)

    async def drop(self, name: str) -> None:
        await self._database.write(partial(pending.drop, name=name))

    async def _change(
        self,
        verb: str,
        ref: RefName,
        origin: Origin,
        time: float,
        tell: Tell,
        work: Callable[[Operation], Outcome],
    ) -> Moved:
        outcome = await self._database.write(
            lambda connection: work(Operation(connection, verb, ref, origin, time)),
            lambda outcome: tell(outcome.news),
        )
        return outcome.moved


@asynccontextmanager
async def open_refs(path: Path) -> AsyncIterator[SqliteRefs]:
    """Raises:
    Unavailable, Corrupt, Invalid: the file cannot be used.
    """
    async with open_database(path, rows.SCHEMA, rows.VERSION, rows.UPGRADES) as database:
        yield SqliteRefs(database, await database.read(rows.epoch))
