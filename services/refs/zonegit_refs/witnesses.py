"""Resolvers as witnesses of whether this store was restored from a backup.

Resolvers are asked at start which row of the log they applied last, and again when a request hints
that one of them holds more than the log has; each report of what is served says it, too. Only what
comes from resolvers counts, which the broker lets speak of themselves alone. One that is faulty or
hostile can stop moves until an operator finishes a recovery, not after that: of an epoch that began
in this process nothing can have been lost (docs/adr/0030-recovery.md).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import structlog

from zonegit.bus.connection import Bus
from zonegit.containment import contain, keep_running
from zonegit.errors import Denied, Invalid, ZonegitError
from zonegit.store.protocols import Witness
from zonegit.wire import codec, subjects
from zonegit.wire.messages import AskStatus, ResolverStatus, Served
from zonegit.zone import names
from zonegit_refs.sqlite import SqliteRefs

ANSWER_TIMEOUT_S: Final = 0.5
"""Seconds that resolvers have to answer."""
PAUSE_S: Final = 1.0
"""Between two times that they are asked because of a hint."""
MAX_CLAIMS: Final = 1_000
"""Claims that wait, and resolvers whose claims are refused, before further ones are dropped."""

log = structlog.get_logger()


class Witnesses:
    """A listener that also asks resolvers, while :meth:`running`."""

    def __init__(self, bus: Bus, refs: SqliteRefs) -> None:
        self._bus = bus
        self._refs = refs
        self._asked = asyncio.Event()
        self._hinted = asyncio.Event()
        self._claims: asyncio.Queue[Witness] = asyncio.Queue(MAX_CLAIMS)
        self._refused: set[str] = set()

    async def wait_until_asked(self) -> None:
        """Wait until resolvers were asked once; moves wait for this."""
        await self._asked.wait()

    def hint(self) -> None:
        """Ask resolvers soon, since a follower of the log holds more than there is."""
        self._hinted.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen and ask from entry to exit."""
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(asyncio.TaskGroup())
            running = (
                keep_running("witness", each) for each in (self._ask_when_hinted, self._note)
            )
            tasks = [group.create_task(each) for each in running]
            try:
                await stack.enter_async_context(self._bus.subscribe(subjects.SERVED, self._hear))
            except Denied as error:
                _warn(error)
            self._hinted.set()
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def ask(self) -> None:
        """Ask all resolvers, and keep what proves a restore; say so where it is not possible."""
        try:
            with contain("witness"):
                await self._ask()
        except ZonegitError as error:
            _warn(error)

    async def _ask(self) -> None:
        about = AskStatus(zone=names.ROOT)  # one zone: the answers are short
        subject = subjects.resolvers("status")
        found = await self._bus.broadcast(subject, about, ResolverStatus, ANSWER_TIMEOUT_S)
        for each in found:
            claim = Witness(each.resolver, each.epoch, each.sequence, each.operation)
            await self.take(claim, each.past)
        doubted = await self._refs.list_doubted()
        if doubted and any(self._confirms(each, doubted) for each in found):
            await self._refs.confirm()

    def _confirms(self, status: ResolverStatus, doubted: Sequence[str]) -> bool:
        """Return whether a resolver that knows the log from before holds no more than there is."""
        is_old = status.began is not None and status.began not in doubted
        is_ours = status.epoch == self._refs.epoch and not status.held
        return is_old and is_ours and status.sequence <= self._refs.latest

    async def _ask_when_hinted(self) -> None:
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            await self.ask()
            self._asked.set()
            await asyncio.sleep(PAUSE_S)

    def _hear(self, subject: str, octets: bytes) -> None:
        try:
            report = codec.decode(octets, Served)
        except Invalid as error:
            log.warning("report.malformed", subject=subject[:300], error=error.message)
            return
        if self._is_later(report.epoch, report.sequence) and not self._claims.full():
            self._claims.put_nowait(Witness(report.resolver, report.epoch, report.sequence))

    def _is_later(self, epoch: str, sequence: int) -> bool:
        return epoch == self._refs.epoch and sequence > self._refs.latest

    async def _note(self) -> None:
        while True:
            claim = await self._claims.get()
            try:
                with contain("witness"):
                    await self.take(claim, ())
            except ZonegitError as error:
                log.warning("report.not-kept", error=error.message)

    async def take(self, claim: Witness, before: Sequence[str] = ()) -> None:
        """Keep what a resolver claims, if it proves that the store was restored."""
        is_ours = claim.epoch == self._refs.epoch
        if not (is_ours or self._refs.epoch in before):
            return
        if self._refs.epoch in self._refs.begun:
            if not self._is_later(claim.epoch, claim.sequence):
                return
            if claim.resolver not in self._refused and len(self._refused) < MAX_CLAIMS:
                self._refused.add(claim.resolver)
                log.warning("report.refused", **_fields(claim), reason="this epoch lost nothing")
            return
        if await self._refs.note(claim, before):
            log.error(
                "store.was-restored",
                **_fields(claim),
                here=self._refs.latest,
                hint="nothing moves until: zonegit recover --finish",
            )


def _fields(claim: Witness) -> dict[str, object]:
    return {"resolver": claim.resolver, "epoch": claim.epoch, "sequence": claim.sequence}


def _warn(error: ZonegitError) -> None:
    log.warning(
        "resolvers.not-asked",
        error=error.message,
        hint="refs has to publish zg.resolvers.status and subscribe to zg.served.>",
    )
