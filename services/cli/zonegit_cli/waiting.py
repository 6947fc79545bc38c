"""``--wait``: return once every resolver that follows the branch serves the move.

The subscription stands before the branch moves, so no report can be missed. Awaited are the
resolvers that answer a status broadcast and follow the zone and branch, unpinned, and those of the
local stack that should answer and do not.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from zonegit.errors import Unavailable
from zonegit.store.protocols import Moved
from zonegit.store.recovery import Answer
from zonegit.store.refnames import DEFAULT_BRANCH
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    Answered,
    AskAnswered,
    AskStatus,
    ResolverStatus,
    Served,
    ServedZone,
)
from zonegit.zone.names import Name
from zonegit.zone.serial import later
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus

Place = tuple[Name, str | None]
"""A zone and its branch, None: any of its branches."""

BROADCAST_S: Final = 0.3
"""Seconds that resolvers have to answer the status broadcast."""
SURVEY_S: Final = 1.0
"""Seconds to answer for a recovery, where a missed answer costs most."""

BROADCASTS: Final = 10
"""Broadcasts to resolvers of a running local stack that have not answered: a
busy machine may need longer."""


class Heard(msgspec.Struct, frozen=True):
    """What a wait came to: who serves the move now; None where nobody wanted to know."""

    served_by: list[str] | None = None

    def json(self) -> dict[str, Any]:
        """For ``--json``, beside the command's own fields."""
        return {} if self.served_by is None else {"served_by": self.served_by}

    def lines(self, verb: str = "served by") -> list[str]:
        """For people."""
        if self.served_by is None:
            return []
        return [f"{verb} {', '.join(self.served_by) or 'nobody: no resolver follows it'}"]


class Waiter(msgspec.Struct):
    """Collects what resolvers report of one zone and branch; ``branch`` None: of any.
    ``timeout`` in seconds."""

    zone: Name
    branch: str | None
    timeout: float
    wanted: bool = True
    awaited: set[str] = msgspec.field(default_factory=set)
    served: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)
    changed: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    def heard(self, _subject: str, octets: bytes) -> None:
        """Takes a report from the bus."""
        report = codec.decode(octets, Served)
        if report.zone == self.zone and self.branch in (None, report.branch):
            self.served[report.resolver] = (report.epoch, report.sequence)
            self.changed.set()

    def lagging(self, moved: Moved) -> set[str]:
        """The awaited resolvers that have not reported the move yet."""
        return {
            resolver for resolver in self.awaited if not _reached(self.served.get(resolver), moved)
        }

    async def until(self, moved: Moved) -> Heard:
        """Returns when every resolver that is awaited serves the move.

        Raises:
            Unavailable: some still did not when the time was over; the move stands.
        """
        if not self.wanted:
            return Heard()
        try:
            async with asyncio.timeout(self.timeout):
                while self.lagging(moved):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            late = ", ".join(sorted(self.lagging(moved)))
            raise Unavailable(
                f"the move stands, but after {self.timeout:g} s these do not serve it yet: {late}",
                hint="zonegit resolvers shows how far they are",
            ) from None
        return Heard(sorted(self.awaited))


def _reached(served: tuple[str, int] | None, moved: Moved) -> bool:
    return served is not None and served[0] == moved.epoch and served[1] >= moved.sequence


@asynccontextmanager
async def waiting(
    session: Session, bus: "Bus", zone: Name, branch: str | None, *, wanted: bool
) -> AsyncIterator[Waiter]:
    """Listens from here on, and asks who will have to report on ``branch`` (None: on any)."""
    async with waiting_for(session, bus, [(zone, branch)], wanted=wanted) as (waiter,):
        yield waiter


@asynccontextmanager
async def waiting_for(
    session: Session, bus: "Bus", places: Sequence[Place], *, wanted: bool
) -> AsyncIterator[list[Waiter]]:
    """As :func:`waiting`, for several zones and branches; a waiter each, in their order."""
    waiters = [Waiter(zone, branch, session.timeout, wanted) for zone, branch in places]
    async with AsyncExitStack() as stack:
        if wanted:
            for each in waiters:
                listening = bus.subscribe(subjects.served(each.zone), each.heard)
                await stack.enter_async_context(listening)
            await asyncio.gather(*(_ask_who_reports(session, bus, each) for each in waiters))
        yield waiters


async def until_all(waiters: Sequence[Waiter], moved: Mapping[Place, Moved]) -> dict[Place, Heard]:
    """Wait until what ``moved`` is served by all that are awaited, and return who serves each; the
    places of ``waiters`` that did not move do not count.

    Raises:
        Unavailable: as :meth:`Waiter.until`.
    """
    places = [(each.zone, each.branch) for each in waiters if (each.zone, each.branch) in moved]
    mine = [each for each in waiters if (each.zone, each.branch) in moved]
    heard = await asyncio.gather(
        *(waiter.until(moved[place]) for waiter, place in zip(mine, places, strict=True))
    )
    return dict(zip(places, heard, strict=True))


def together(heard: Iterable[Heard]) -> Heard:
    """Return who serves at least one of several moves; None where it was not asked."""
    asked = [each.served_by for each in heard if each.served_by is not None]
    if not asked:
        return Heard()
    return Heard(sorted({name for each in asked for name in each}))


async def _ask_who_reports(session: Session, bus: "Bus", waiter: Waiter) -> None:
    zone, branch = waiter.zone, waiter.branch
    local = session.local_resolvers()
    statuses = await status_of_all(bus, zone, local)
    waiter.awaited = {each.resolver for each in statuses if _follows(each, zone, branch)}
    waiter.awaited |= _silent(local, statuses, zone, branch)


def _silent(
    local: frozenset[str], statuses: list[ResolverStatus], zone: Name, branch: str | None
) -> frozenset[str]:
    """Those of the local stack that should answer and do not. What they follow is what the others
    of the stack do, since all are set up alike; while none answers, the usual branch."""
    others = [each for each in statuses if each.resolver in local]
    follow = any(_follows(each, zone, branch) for each in others)
    if follow or (not others and branch in (None, DEFAULT_BRANCH)):
        return local - {each.resolver for each in others}
    return frozenset()


async def status_of_all(
    bus: "Bus", zone: Name | None = None, expected: AbstractSet[str] = frozenset()
) -> list[ResolverStatus]:
    """Return the status of every resolver that answers in time, by name.

    Args:
        zone: the only zone to report on; None: all zones.
        expected: resolvers that should answer. While one of them has not, all are asked again, up
            to ``BROADCASTS`` times.
    """
    found: dict[str, ResolverStatus] = {}
    for _ in range(BROADCASTS):
        answers = await bus.broadcast(
            subjects.resolvers("status"), AskStatus(zone=zone), ResolverStatus, BROADCAST_S
        )
        found |= {each.resolver: each for each in answers}
        if expected <= found.keys():
            break
    return [found[name] for name in sorted(found)]


async def answers_of_all(
    bus: "Bus",
    zone: Name | None = None,
    ignored: Collection[str] = (),
    doubted: Collection[str] = (),
) -> tuple[set[str], dict[Name, dict[str, list[Answer]]]]:
    """Ask every resolver for the highest serials that it ever answered.

    Args:
        bus: where they listen.
        zone: of this zone alone; None: of all.
        ignored: resolvers whose answers are left out.
        doubted: runs of the ref store: a cache that began in one does not know all.

    Returns:
        The resolvers that answered, and what they said by zone and branch.
    """
    said: set[str] = set()
    answers: dict[Name, dict[str, list[Answer]]] = {}
    after: tuple[Name, str] | None = None
    while True:
        question = AskAnswered(zone=zone, after=after)
        subject = subjects.resolvers("answered")
        pages = await bus.broadcast(subject, question, Answered, SURVEY_S)
        for page in pages:
            said.add(page.resolver)
            if page.resolver not in ignored:
                _take(page, answers, is_complete=page.began not in doubted)
        # Each resolver has its own pages; an answer that comes twice does no harm.
        ends = [(page.serials[-1].zone, page.serials[-1].branch) for page in pages if page.more]
        if not ends or (after is not None and min(ends) <= after):
            return said, answers
        after = min(ends)


def _take(
    page: Answered, answers: dict[Name, dict[str, list[Answer]]], *, is_complete: bool
) -> None:
    for each in page.serials:
        given = answers.setdefault(each.zone, {}).setdefault(each.branch, [])
        answer = Answer(page.resolver, each.serial, each.tree, is_complete)
        if answer not in given:
            given.append(answer)


def serial_behind(served: ServedZone) -> str | None:
    """Return what is wrong with a serial earlier than one answered before; None: nothing."""
    if served.highest is None or served.serial is None:
        return None
    if not later(served.highest, served.serial):
        return None
    return f"serial {served.highest} was answered before, and secondaries keep it: take a later one"


def branch_and_share(served: ServedZone) -> str:
    """What a state is called; a canary's with the share of clients that see it."""
    return served.branch if served.percent is None else f"{served.branch} ({served.percent} %)"


def _follows(status: ResolverStatus, zone: Name, branch: str | None) -> bool:
    if status.only and zone not in status.only:
        return False
    serving = status.asked or status
    return serving.at is None and (branch is None or branch in serving.branches)
