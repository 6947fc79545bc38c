"""Find out from resolvers whether this store was restored from a backup.

Announcements build the registry. Each announcement, and each report of what is served, names the
row of the log that the resolver applied last. When this store starts, it calls resolvers to
announce themselves. Moves wait until a resolver that followed the log before this start confirms
it, or until all resolvers had the time to contradict it. If a request hints that a resolver has
rows that the log lacks, the store requests the status of all registered resolvers.

Only messages of resolvers count, and the broker allows each resolver to report on itself only. A
faulty or hostile resolver can stop moves until an operator finishes a recovery, but not after that:
an epoch that began in this process cannot have lost rows (docs/adr/0030-recovery.md).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog

from zonegit.bus.connection import Bus
from zonegit.containment import contain, keep_running
from zonegit.errors import ZonegitError
from zonegit.store.backends import RefBackend
from zonegit.store.recovery import Witness
from zonegit.wire import subjects
from zonegit.wire.messages import Announcement, AskStatus, ResolverStatus, ServedEvent
from zonegit.zone import names
from zonegit_refs.listener import ResolverListener
from zonegit_refs.registry import SETTLED_AFTER_S

ANSWER_TIMEOUT_S: Final = 2.0
"""Seconds for a resolver to answer; a slower one gets a new request at the next hint."""
RECONNECT_S: Final = 1.0
"""Seconds after which a resolver has reconnected, if this store started together with the bus."""
PAUSE_S: Final = 1.0
"""Seconds between two rounds of requests because of hints."""
MAX_CLAIMS: Final = 1_000
"""The maximum number of waiting claims, and of resolvers whose refusal was logged; further ones are
dropped."""

log = structlog.get_logger()


class Witnesses:
    """Evaluates what resolvers report of the log while :meth:`running`. ``listener`` has the
    registry."""

    def __init__(self, bus: Bus, refs: RefBackend) -> None:
        self._bus = bus
        self._refs = refs
        self.listener = ResolverListener(bus, self._receive)
        self._may_move = asyncio.Event()
        self._hinted = asyncio.Event()
        self._is_doubted = True
        self._claims: asyncio.Queue[Announcement | ServedEvent] = asyncio.Queue(MAX_CLAIMS)
        self._refused: set[str] = set()
        self._status_requests: dict[str, tuple[str, str]] = {}

    async def wait_until_asked(self) -> None:
        """Wait until resolvers had the time to report; moves wait for this."""
        await self._may_move.wait()

    def hint(self) -> None:
        """Request the status of resolvers soon, because a follower has rows that the log lacks."""
        self._hinted.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen and send requests from entry to exit."""
        tasks = (self._ask_when_hinted, self._record_claims, self._let_move)
        async with self.listener.running(), asyncio.TaskGroup() as group:
            running = [group.create_task(keep_running("witness", each)) for each in tasks]
            try:
                yield
            finally:
                for task in running:
                    task.cancel()

    async def _let_move(self) -> None:
        """Allow moves once a resolver confirms the log, or all had the time to contradict it."""
        if self._refs.latest:
            is_answered = await self.listener.has_answer
            try:
                async with asyncio.timeout(SETTLED_AFTER_S if is_answered else RECONNECT_S):
                    await self._may_move.wait()
            except TimeoutError:
                pass
        self._may_move.set()

    async def ask(self) -> None:
        """Request the status of the registered resolvers, and record a proof of a restore."""
        await self._may_move.wait()
        await self._ask([each.last.resolver for each in self.listener.list_responsive()])

    async def _ask(self, resolvers: Sequence[str]) -> None:
        found = await asyncio.gather(*map(self._ask_one, resolvers))
        for each in found:
            if each is not None:
                claim = Witness(each.resolver, each.epoch, each.sequence, each.operation)
                await self._try_take(claim, each.past)

    async def _ask_one(self, resolver: str) -> ResolverStatus | None:
        about = AskStatus(zone=names.ROOT)  # a single zone, so that the reply is short
        subject = subjects.resolver(resolver, "status")
        try:
            found = await self._bus.request(
                subject, about, ResolverStatus, timeout=ANSWER_TIMEOUT_S
            )
        except ZonegitError as error:
            log.warning("resolver.not-asked", resolver=resolver, error=error.message)
            return None
        return found if found.resolver == resolver else None

    async def _ask_when_hinted(self) -> None:
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            await self.ask()
            await asyncio.sleep(PAUSE_S)

    def _receive(self, report: Announcement | ServedEvent) -> None:
        is_news = self._is_later(report.epoch, report.sequence)
        if isinstance(report, Announcement):
            is_news |= self._is_doubted or not self._may_move.is_set() or self._needs_status(report)
        if is_news and not self._claims.full():
            self._claims.put_nowait(report)

    def _is_later(self, epoch: str, sequence: int) -> bool:
        return epoch == self._refs.epoch and sequence > self._refs.latest

    def _needs_status(self, report: Announcement) -> bool:
        """Return whether a resolver is in another epoch and its status was not requested for that
        yet."""
        is_other = bool(report.epoch) and report.epoch != self._refs.epoch
        requested = self._status_requests.get(report.resolver)
        return is_other and requested != (report.instance, report.epoch)

    async def _record_claims(self) -> None:
        while True:
            report = await self._claims.get()
            try:
                with contain("witness"):
                    await self._evaluate(report)
            except ZonegitError as error:
                log.warning("report.not-kept", error=error.message)

    async def _evaluate(self, report: Announcement | ServedEvent) -> None:
        operation = report.operation if isinstance(report, Announcement) else ""
        await self.take(Witness(report.resolver, report.epoch, report.sequence, operation))
        if isinstance(report, ServedEvent):
            return
        if self._needs_status(report):
            if len(self._status_requests) >= MAX_CLAIMS:
                self._status_requests.clear()
            self._status_requests[report.resolver] = (report.instance, report.epoch)
            await self._ask([report.resolver])
        doubted = await self._refs.list_doubted()
        if self._confirms(report, doubted):
            if doubted:
                await self._refs.record_confirmation()
            if report.sequence == self._refs.latest:
                self._may_move.set()
            doubted = []
        self._is_doubted = bool(doubted)

    def _confirms(self, report: Announcement, doubted: Sequence[str]) -> bool:
        """Return whether a resolver confirms the log: it has no rows that the log lacks, and it
        followed the log before the runs that are doubted."""
        is_old = report.began is not None and report.began not in doubted
        is_ours = report.epoch == self._refs.epoch and not report.held
        return is_old and is_ours and report.sequence <= self._refs.latest

    async def _try_take(self, claim: Witness, before: Sequence[str]) -> None:
        try:
            with contain("witness"):
                await self.take(claim, before)
        except ZonegitError as error:
            log.warning("report.not-kept", error=error.message)

    async def take(self, claim: Witness, before: Sequence[str] = ()) -> None:
        """Record the claim of a resolver, if it proves that the store was restored."""
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
        if await self._refs.record_claim(claim, before):
            log.error(
                "store.was-restored",
                **_fields(claim),
                here=self._refs.latest,
                hint="no ref can be moved until an operator runs zonegit recover --finish",
            )


def _fields(claim: Witness) -> dict[str, object]:
    return {"resolver": claim.resolver, "epoch": claim.epoch, "sequence": claim.sequence}
