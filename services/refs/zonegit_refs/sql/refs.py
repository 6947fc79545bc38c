"""Store refs in one SQLite file. Each request is one read, each change one durable transaction."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Final

import msgspec

from zonegit.objects.ids import ObjectId
from zonegit.store import digests
from zonegit.store.backends import CheckedPage, LogEnd, OnLogged, PendingNames
from zonegit.store.basis import RefState, ServedTree
from zonegit.store.recovery import Guard, Recovery, Renewal, Witness
from zonegit.store.ref_log import (
    LogEntry,
    LogPage,
    Moved,
    OperationDetails,
    Operations,
    Origin,
    RefAt,
    When,
)
from zonegit.store.ref_names import RefName, marker
from zonegit.store.refs import Expected, HeadsOfOperator, Installation, RefsSnapshot, ZoneRefs
from zonegit.store.sqlite import Database, open_database
from zonegit.store.stored_rows import DamagedFile
from zonegit.store.v03_slots import Slots
from zonegit.zone.names import Name
from zonegit_refs.sql import chain, operations, pending_names, reads, recovery, schema, writes
from zonegit_refs.sql.writes import OperationWriter, WriteOutcome

MAX_DAMAGE: Final = 100
"""The maximum number of faults of the file structure that a check reports."""
PAUSE_S: Final = 0.005
"""Seconds between two slices of a check, so that requests do not wait for it."""


class SqlRefs:
    """Implements :class:`zonegit.store.backends.RefBackend`."""

    def __init__(self, database: Database, end: LogEnd, run: str) -> None:
        self._database = database
        self.epoch = end.epoch
        self.installation = end.installation
        self.run = run
        """The id of this run of the service."""
        self.latest = end.sequence
        """The last sequence of the log."""
        self.begun: set[str] = set()
        """The epochs that began in this process."""

    async def where(self, actor: str) -> HeadsOfOperator:
        return await self._database.read(partial(reads.read_heads, actor=actor))

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        return await self._database.read(partial(reads.read_zone, zone=zone, actor=actor))

    async def snapshot(self, after: Name | None) -> RefsSnapshot:
        found = await self._database.read(partial(reads.read_snapshot, after=after))
        return msgspec.structs.replace(found, start=self.run)

    async def since(self, epoch: str, sequence: int, operation: str) -> LogPage:
        work = partial(reads.read_since, epoch=epoch, sequence=sequence, operation=operation)
        return await self._database.read(work)

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        work = partial(reads.read_reflog, ref=ref, limit=limit, serial=serial)
        return await self._database.read(work)

    async def at(self, ref: RefName, when: When, now: float) -> RefAt:
        work = partial(reads.read_at, ref=ref, when=when, now=now)
        return await self._database.read(work)

    async def operations(
        self, limit: int, before: int | None, zone: Name | None, actor: str | None
    ) -> Operations:
        wanted = operations.OperationFilter(before, zone, actor)
        return await self._database.read(
            partial(operations.list_operations, limit=limit, wanted=wanted)
        )

    async def operation(
        self, actor: str, prefix: str | None, after: int, *, redo: bool
    ) -> OperationDetails:
        work = partial(operations.read_details, actor=actor, prefix=prefix, after=after, redo=redo)
        return await self._database.read(work)

    async def check_file(self) -> list[str]:
        """Return the faults of the file, except those of the rows of its log."""
        return await self._database.check(_check_file)

    async def check_log(self, after: int) -> CheckedPage:
        """Check a page of the log after a sequence."""
        work = partial(chain.find_damage, after=after, read=schema.read_entry)
        return await self._database.read(work)

    async def recovery(self) -> Recovery:
        """Return the state of the recovery after a restore."""
        return await self._database.read(recovery.read_state)

    async def record_claim(self, claim: Witness, before: Sequence[str]) -> bool:
        """Record the claim of a resolver, if it proves that this store was restored.

        Returns:
            Whether this is the first proof.
        """
        return await self._database.write(
            partial(recovery.record_claim, claim=claim, before=before)
        )

    async def list_doubted(self) -> list[str]:
        """Return the runs of the service before which this store may have been restored."""
        return await self._database.read(recovery.list_doubted)

    async def record_confirmation(self) -> None:
        """Record that a resolver has confirmed the log, so that no run is doubted."""
        await self._database.write(recovery.record_confirmation)

    async def recover(
        self,
        zone: Name,
        renewals: Sequence[Renewal],
        served: Mapping[str, ServedTree],
        guards: Sequence[Guard],
        origin: Origin,
        time: float,
        on_logged: OnLogged,
    ) -> Moved:
        """Recover a zone (:func:`zonegit_refs.sql.writes.recover`)."""
        work = partial(writes.recover, zone=zone, renewals=renewals, served=served, guards=guards)
        return await self._change("recover", marker(zone), origin, time, on_logged, work)

    async def replace(self, installation: str, origin: Origin, time: float) -> Installation:
        """Record that this store replaces an installation (:func:`.writes.replace`)."""
        work = partial(writes.replace, installation=installation, origin=origin, time=time)
        return await self._database.write(work)

    async def read_end(self) -> LogEnd:
        """Return the end of the log."""
        return await self._database.read(_read_end)

    async def sequence(self) -> int:
        """Return the last sequence of the log."""
        return await self._database.read(schema.read_last_sequence)

    async def state(self, ref: RefName) -> RefState:
        """Return the state of a branch or tag on which a move of it depends."""
        return await self._database.read(partial(writes.read_state, ref=ref))

    async def list_accepted(self, zone: Name, commits: Collection[ObjectId]) -> list[ObjectId]:
        """Return those of ``commits`` that the log has as tips of a zone."""
        work = partial(reads.list_accepted, zone=zone, commits=commits)
        return await self._database.read(work)

    async def register(self, zone: Name, origin: Origin, time: float, on_logged: OnLogged) -> Moved:
        return await self._change(
            "register", marker(zone), origin, time, on_logged, partial(writes.register, zone=zone)
        )

    async def unregister(
        self, zone: Name, origin: Origin, time: float, on_logged: OnLogged
    ) -> Moved:
        work = partial(writes.unregister, zone=zone)
        return await self._change("unregister", marker(zone), origin, time, on_logged, work)

    async def move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        served: ServedTree | None,
        judged: ObjectId | None,
        origin: Origin,
        time: float,
        on_logged: OnLogged,
    ) -> Moved:
        work = partial(
            writes.move, ref=ref, expected=expected, new=new, served=served, judged=judged,
            force=origin.force,
        )  # fmt: skip
        return await self._change("move", ref, origin, time, on_logged, work)

    async def point(
        self,
        head: RefName,
        branch: RefName,
        symref: ObjectId,
        origin: Origin,
        time: float,
        on_logged: OnLogged,
    ) -> Moved:
        work = partial(writes.point, head=head, branch=branch, symref=symref)
        return await self._change("point", head, origin, time, on_logged, work)

    async def unpoint(
        self, head: RefName, origin: Origin, time: float, on_logged: OnLogged
    ) -> Moved:
        work = partial(writes.unpoint, head=head)
        return await self._change("unpoint", head, origin, time, on_logged, work)

    async def pending(self) -> PendingNames | None:
        return await self._database.read(pending_names.read)

    async def keep(
        self, slots: Slots, served: Mapping[RefName, ServedTree], origin: Origin
    ) -> None:
        """Store names as :func:`zonegit_refs.sql.pending_names.keep` does."""
        work = partial(pending_names.keep, slots=slots, served=served, origin=origin)
        await self._database.write(work)

    async def drop(self, name: str) -> None:
        await self._database.write(partial(pending_names.drop, name=name))

    async def _change(
        self,
        verb: str,
        ref: RefName,
        origin: Origin,
        time: float,
        on_logged: OnLogged,
        work: Callable[[OperationWriter], WriteOutcome],
    ) -> Moved:
        def then(outcome: WriteOutcome) -> None:
            if outcome.moved.epoch != self.epoch:
                self.epoch = outcome.moved.epoch
                self.begun.add(self.epoch)
            self.latest = max(self.latest, outcome.moved.sequence)
            on_logged(outcome.news)

        outcome = await self._database.write(
            lambda connection: work(OperationWriter(connection, verb, ref, origin, time)), then
        )
        return outcome.moved


@asynccontextmanager
async def open_refs(path: Path) -> AsyncIterator[SqlRefs]:
    """Open the store in a file, which is created if it does not exist.

    Raises:
        Unavailable, Corrupt, Invalid: The file cannot be used.
    """
    is_new, run = await asyncio.to_thread(_is_absent, path), secrets.token_hex(8)
    async with open_database(
        path, schema.SCHEMA, schema.VERSION, schema.UPGRADES, schema.WATCHED
    ) as database:
        await database.read(schema.check_end)
        if not is_new:
            await database.write(partial(recovery.record_start, run=run))
        yield SqlRefs(database, await database.read(_read_end), run)


def _read_end(connection: Connection) -> LogEnd:
    return LogEnd(
        schema.read_epoch(connection),
        schema.read_last_sequence(connection),
        recovery.count_awaiting(connection),
        recovery.read_witness(connection) is not None,
        schema.read_installation(connection),
        schema.read_replaced(connection),
    )


def _check_file(connection: Connection) -> list[str]:
    found = [each for (each,) in connection.execute(f"PRAGMA integrity_check({MAX_DAMAGE})")]
    damage = [each for each in found if each != "ok"]
    for table in (digests.SCHEMA, *schema.WATCHED.tables):
        try:
            digests.compare(connection, [table], pause=partial(time.sleep, PAUSE_S))
        except DamagedFile as error:
            damage.append(error.message)
    return damage


def _is_absent(path: Path) -> bool:
    """Return whether the file does not exist: a new store cannot have been restored."""
    return not path.exists()
