"""Store refs with SQL. Each request is one read, each change one durable transaction."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from zonegit.objects.ids import ObjectId
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
from zonegit.store.sqlite_driver import open_driver
from zonegit.store.transaction import Driver, Transaction
from zonegit.store.v03_slots import Slots
from zonegit.zone.names import Name
from zonegit_refs.sql import chain, operations, pending_names, reads, recovery, schema, writes
from zonegit_refs.sql.writes import OperationWriter, WriteOutcome


class SqlRefs:
    """Implements :class:`zonegit.store.backends.RefBackend`."""

    def __init__(self, driver: Driver, end: LogEnd, run: str) -> None:
        self._driver = driver
        self.epoch = end.epoch
        self.installation = end.installation
        self.run = run
        """The id of this run of the service."""
        self.latest = end.sequence
        """The last sequence of the log."""
        self.begun: set[str] = set()
        """The epochs that began in this process."""

    async def where(self, actor: str) -> HeadsOfOperator:
        return await self._driver.query(reads.read_heads(actor))

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        return await self._driver.query(reads.read_zone(zone, actor))

    async def snapshot(self, after: Name | None = None) -> RefsSnapshot:
        found = await self._driver.query(reads.read_snapshot(after))
        return msgspec.structs.replace(found, start=self.run)

    async def since(self, epoch: str, sequence: int, operation: str = "") -> LogPage:
        return await self._driver.query(reads.read_since(epoch, sequence, operation))

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        return await self._driver.query(reads.read_reflog(ref, limit, serial))

    async def at(self, ref: RefName, when: When, now: float) -> RefAt:
        return await self._driver.query(reads.read_at(ref, when, now))

    async def operations(
        self,
        limit: int,
        before: int | None = None,
        *,
        zone: Name | None = None,
        actor: str | None = None,
    ) -> Operations:
        wanted = operations.OperationFilter(before, zone, actor)
        return await self._driver.query(operations.list_operations(limit, wanted))

    async def operation(
        self, actor: str, prefix: str | None, after: int = 0, *, redo: bool = False
    ) -> OperationDetails:
        return await self._driver.query(operations.read_details(actor, prefix, after, redo=redo))

    async def check_file(self) -> list[str]:
        """Return the faults of the file, except those of the rows of its log."""
        return await self._driver.find_damage()

    async def check_log(self, after: int) -> CheckedPage:
        """Check a page of the log after a sequence."""
        return await self._driver.query(chain.find_damage(after, schema.read_entry))

    async def recovery(self) -> Recovery:
        """Return the state of the recovery after a restore."""
        return await self._driver.query(recovery.read_state())

    async def record_claim(self, claim: Witness, before: Sequence[str]) -> bool:
        """Record the claim of a resolver, if it proves that this store was restored.

        Returns:
            Whether this is the first proof.
        """
        return await self._driver.change(recovery.record_claim(claim, before))

    async def list_doubted(self) -> list[str]:
        """Return the runs of the service before which this store may have been restored."""
        return await self._driver.query(recovery.list_doubted())

    async def record_confirmation(self) -> None:
        """Record that a resolver has confirmed the log, so that no run is doubted."""
        await self._driver.change(recovery.record_confirmation())

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
        return await self._driver.change(writes.replace(installation, origin, time))

    async def read_end(self) -> LogEnd:
        """Return the end of the log."""
        return await self._driver.query(_read_end())

    async def sequence(self) -> int:
        """Return the last sequence of the log."""
        return await self._driver.query(schema.read_last_sequence())

    async def state(self, ref: RefName) -> RefState:
        """Return the state of a branch or tag on which a move of it depends."""
        return await self._driver.query(writes.read_state(ref))

    async def list_accepted(self, zone: Name, commits: Collection[ObjectId]) -> list[ObjectId]:
        """Return those of ``commits`` that the log has as tips of a zone."""
        return await self._driver.query(reads.list_accepted(zone, commits))

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
        return await self._driver.query(pending_names.read())

    async def keep(
        self, slots: Slots, served: Mapping[RefName, ServedTree], origin: Origin
    ) -> None:
        """Store names as :func:`zonegit_refs.sql.pending_names.keep` does."""
        await self._driver.change(pending_names.keep(slots, served, origin))

    async def drop(self, name: str) -> None:
        await self._driver.change(pending_names.drop(name))

    async def _change(
        self,
        verb: str,
        ref: RefName,
        origin: Origin,
        time: float,
        on_logged: OnLogged,
        work: Callable[[OperationWriter], Transaction[WriteOutcome]],
    ) -> Moved:
        def then(outcome: WriteOutcome) -> None:
            if outcome.moved.epoch != self.epoch:
                self.epoch = outcome.moved.epoch
                self.begun.add(self.epoch)
            self.latest = max(self.latest, outcome.moved.sequence)
            on_logged(outcome.news)

        operation = OperationWriter(verb, ref, origin, time)
        outcome = await self._driver.change(writes.run_operation(operation, work), then)
        return outcome.moved


@asynccontextmanager
async def open_refs(path: Path) -> AsyncIterator[SqlRefs]:
    """Open the store in a file, which is created if it does not exist.

    Raises:
        Unavailable, Corrupt, Invalid: The file cannot be used.
    """
    is_new, run = await asyncio.to_thread(_is_absent, path), secrets.token_hex(8)
    async with open_driver(
        path, schema.SCHEMA, schema.VERSION, schema.UPGRADES, schema.WATCHED
    ) as driver:
        yield await start_refs(driver, run, is_new=is_new)


async def start_refs(driver: Driver, run: str, *, is_new: bool) -> SqlRefs:
    """Check the end of the log of an open store, and record a new run of the service.

    Args:
        driver: The database.
        run: The id of this run.
        is_new: Whether the store was just created, so it cannot have been restored.

    Raises:
        Unavailable, Corrupt: The store cannot be used.
    """
    await driver.query(schema.check_end())
    if not is_new:
        await driver.change(recovery.record_start(run))
    return SqlRefs(driver, await driver.query(_read_end()), run)


def _read_end() -> Transaction[LogEnd]:
    proof = yield from recovery.read_witness()
    return LogEnd(
        (yield from schema.read_epoch()),
        (yield from schema.read_last_sequence()),
        (yield from recovery.count_awaiting()),
        proof is not None,
        (yield from schema.read_installation()),
        (yield from schema.read_replaced()),
    )


def _is_absent(path: Path) -> bool:
    """Return whether the file does not exist: a new store cannot have been restored."""
    return not path.exists()
