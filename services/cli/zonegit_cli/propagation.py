"""``--wait``: return once every resolver that follows the branch serves the move.

The subscription stands before the branch moves, so no report can be missed. Awaited are the
resolvers in the registry of the ref store that follow the zone and branch, unpinned: also one that
is silent, for it may be answering queries from the old zone. One that says goodbye is awaited no
more. A report that was lost is made up for: an announcement that shows a resolver to be past the
move has it asked (docs/adr/0043-registry-of-resolvers.md).
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from zonegit.errors import Denied, Invalid, Unavailable
from zonegit.store.protocols import Moved
from zonegit.store.recovery import AnsweredSerial
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    MAX_ANNOUNCEMENT,
    MAX_RESOLVERS,
    Announcement,
    AnsweredSerials,
    ResolverStatus,
    ServedEvent,
    ServedZone,
)
from zonegit.zone.names import Name
from zonegit.zone.serial import later
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus
    from zonegit.bus.resolver_status import KnownResolvers, ResolverSurvey

ZoneBranch = tuple[Name, str | None]
"""A zone and its branch, None: any of its branches."""


class Propagated(msgspec.Struct, frozen=True):
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
    ``timeout`` in seconds; ``bus`` None: no wait is wanted."""

    zone: Name
    branch: str | None
    timeout: float
    session: Session
    bus: "Bus | None" = None
    awaited: set[str] = msgspec.field(default_factory=set)
    served: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)
    due: set[str] = msgspec.field(default_factory=set)
    left: set[tuple[str, str]] = msgspec.field(default_factory=set)
    changed: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    denied: Denied | None = None

    def hear(self, subject: str, octets: bytes) -> None:
        """Take a report from the bus."""
        try:
            report = codec.decode(octets, ServedEvent)
        except Invalid:
            return
        is_bound = subject == subjects.served(report.resolver, report.zone)
        if is_bound and report.zone == self.zone and self.branch in (None, report.branch):
            self.served[report.resolver] = (report.epoch, report.sequence)
            self.changed.set()

    def hear_announcement(self, said: Announcement) -> None:
        """Take an announcement: a goodbye, or a sign that a report was lost.

        The ref store may list a resolver whose goodbye it has not heard yet, and this one has.
        """
        if said.is_leaving and len(self.left) < MAX_RESOLVERS:
            self.left.add((said.resolver, said.instance))
        if said.resolver in self.awaited:
            if said.is_leaving:
                self.awaited.discard(said.resolver)
            else:
                self.due.add(said.resolver)
            self.changed.set()

    def lagging(self, moved: Moved) -> set[str]:
        """The awaited resolvers that have not reported the move yet."""
        return {
            resolver for resolver in self.awaited if not _reached(self.served.get(resolver), moved)
        }

    async def until(self, moved: Moved) -> Propagated:
        """Return when every resolver that is awaited serves the move.

        Raises:
            Unavailable: some still did not when the time was over, or the ref store does not say
                which there are; the move stands.
            Denied: the bus does not let this user ask which there are; the move stands.
        """
        if self.bus is None:
            return Propagated()
        deadline = asyncio.get_running_loop().time() + self.timeout
        try:
            registry = await _read_registry(self.session, self.bus)
        except (Denied, Unavailable) as error:
            raise _unknown(error) from error
        return await self._until(moved, registry, deadline)

    async def _until(self, moved: Moved, registry: "KnownResolvers", deadline: float) -> Propagated:
        self._await(registry)
        try:
            async with asyncio.timeout_at(deadline), asyncio.TaskGroup() as group:
                asking = []
                while self.denied is None and (lagging := self.lagging(moved)):
                    due, self.due = self.due & lagging, set()
                    asking += [group.create_task(self._ask(each, moved)) for each in due]
                    self.changed.clear()
                    await self.changed.wait()
                for task in asking:
                    task.cancel()
        except TimeoutError:
            late = ", ".join(sorted(self.lagging(moved)))
            raise Unavailable(
                f"the move stands, but after {self.timeout:g} s these do not serve it yet: {late}",
                hint="zonegit resolvers shows how far they are",
            ) from None
        if self.denied is not None:
            raise _unknown(self.denied)
        if registry.is_full:
            raise _unknown(
                Unavailable(
                    "more resolvers announce themselves than the ref store has room for",
                    hint="zonegit doctor says what to do",
                )
            )
        return Propagated(sorted(self.awaited))

    def _await(self, registry: "KnownResolvers") -> None:
        """Await what is registered, but for those known not to follow the branch; ask those of
        which the registry does not know it."""
        self.awaited |= set(registry.missing)
        for each in registry.resolvers:
            if (each.last.resolver, each.last.instance) in self.left:
                continue
            does_follow = _may_follow(each.last, self.branch)
            if does_follow is not False:
                self.awaited.add(each.last.resolver)
            if does_follow is None:
                self.due.add(each.last.resolver)

    async def _ask(self, resolver: str, moved: Moved) -> None:
        """Ask a resolver whether it answers queries and follows the branch, and how far it is."""
        from zonegit.bus.resolver_status import ask_status  # brings in NATS, which help must not

        assert self.bus is not None  # else nothing is awaited
        try:
            status = await ask_status(self.bus, resolver, self.zone)
        except Denied as error:
            self.denied = error
            self.changed.set()
            return
        if status is None:
            return
        if not status.listen or not _follows(status, self.zone, self.branch):
            self.awaited.discard(resolver)
        elif _is_past(status, self.branch, moved):
            self.served[resolver] = (moved.epoch, moved.sequence)
        self.changed.set()


def _unknown(error: Denied | Unavailable) -> Denied | Unavailable:
    return type(error)(
        f"the move stands, but it is not known which resolvers serve it: {error.message}",
        hint=error.hint,
    )


def _reached(served: tuple[str, int] | None, moved: Moved) -> bool:
    return served is not None and served[0] == moved.epoch and served[1] >= moved.sequence


def _is_past(status: ResolverStatus, branch: str | None, moved: Moved) -> bool:
    """Return whether a resolver serves a move, by its status about the zone."""
    if status.epoch != moved.epoch or status.sequence < moved.sequence:
        return False
    ours = [each for each in status.zones if branch in (None, each.branch)]
    return status.lag == 0 or any(each.sequence >= moved.sequence for each in ours)


def _may_follow(said: Announcement, branch: str | None) -> bool | None:
    """Return whether a resolver follows a branch of some zone; None: it has to be asked, since it
    depends on the zone, or since it was still loading its zones."""
    if said.own_settings or said.only or not said.is_serving:
        return None
    return not said.is_pinned and (branch is None or branch in said.branches)


@asynccontextmanager
async def waiting(
    session: Session, bus: "Bus", zone: Name, branch: str | None, *, wanted: bool
) -> AsyncIterator[Waiter]:
    """Listen from here on for reports about ``branch`` (None: about any)."""
    async with waiting_for(session, bus, [(zone, branch)], wanted=wanted) as (waiter,):
        yield waiter


@asynccontextmanager
async def waiting_for(
    session: Session, bus: "Bus", places: Sequence[ZoneBranch], *, wanted: bool
) -> AsyncIterator[list[Waiter]]:
    """Listen for reports about several zones and branches; a waiter each, in their order."""
    waiters = [
        Waiter(zone, branch, session.timeout, session, bus if wanted else None)
        for zone, branch in places
    ]

    def hear_announcement(subject: str, octets: bytes) -> None:
        try:
            said = codec.decode(octets, Announcement, MAX_ANNOUNCEMENT)
        except Invalid:
            return
        if subject == subjects.announcement(said.resolver):
            for each in waiters:
                each.hear_announcement(said)

    async with AsyncExitStack() as stack:
        if wanted:
            for each in waiters:
                listening = bus.subscribe(subjects.served_by_any(each.zone), each.hear)
                await stack.enter_async_context(listening)
            announced = bus.subscribe(subjects.ANNOUNCEMENTS, hear_announcement)
            await stack.enter_async_context(announced)
        yield waiters


async def until_all(
    waiters: Sequence[Waiter], moved: Mapping[ZoneBranch, Moved]
) -> dict[ZoneBranch, Propagated]:
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


def together(heard: Iterable[Propagated]) -> Propagated:
    """Return who serves at least one of several moves; None where it was not asked."""
    asked = [each.served_by for each in heard if each.served_by is not None]
    if not asked:
        return Propagated()
    return Propagated(sorted({name for each in asked for name in each}))


async def _read_registry(session: Session, bus: "Bus") -> "KnownResolvers":
    from zonegit.bus.resolver_status import read_registry  # brings in NATS, which help must not

    return await read_registry(
        bus,
        session.settings.actor,
        expected=session.local_resolvers(),
        timeout=session.timeout,
    )


async def survey(session: Session, bus: "Bus", zone: Name | None = None) -> "ResolverSurvey":
    """Ask every resolver what it serves: of one zone, None: of all.

    Raises:
        Unavailable: the ref store does not say which resolvers there are.
    """
    from zonegit.bus import resolver_status  # brings in NATS, which help must not

    return await resolver_status.survey(
        bus,
        session.settings.actor,
        zone,
        expected=session.local_resolvers(),
        timeout=session.timeout,
    )


async def answers_of_all(
    bus: "Bus",
    resolvers: Collection[str],
    zone: Name | None = None,
    ignored: Collection[str] = (),
    doubted: Collection[str] = (),
    *,
    timeout: float,
) -> tuple[set[str], dict[Name, dict[str, list[AnsweredSerial]]]]:
    """Ask resolvers for the highest serials that they ever answered.

    Args:
        bus: where they listen.
        resolvers: their names.
        zone: of this zone alone; None: of all.
        ignored: resolvers whose answers are left out.
        doubted: runs of the ref store: a cache that began in one does not know all.
        timeout: of each request, in seconds.

    Returns:
        The resolvers that answered, and what they said by zone and branch.
    """
    from zonegit.bus.resolver_status import ask_answered  # brings in NATS, which help must not

    names = sorted(resolvers)
    found = await asyncio.gather(
        *(ask_answered(bus, each, zone, timeout=timeout) for each in names)
    )
    answers: dict[Name, dict[str, list[AnsweredSerial]]] = {}
    for name, pages in zip(names, found, strict=True):
        for page in pages or () if name not in ignored else ():
            _take(page, answers, is_complete=page.began not in doubted)
    said = {name for name, pages in zip(names, found, strict=True) if pages is not None}
    return said, answers


def _take(
    page: AnsweredSerials,
    answers: dict[Name, dict[str, list[AnsweredSerial]]],
    *,
    is_complete: bool,
) -> None:
    for each in page.serials:
        given = answers.setdefault(each.zone, {}).setdefault(each.branch, [])
        answer = AnsweredSerial(page.resolver, each.serial, each.tree, is_complete)
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
