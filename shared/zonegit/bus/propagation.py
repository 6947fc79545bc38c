"""Wait until every resolver that follows a branch serves a move.

The caller subscribes to reports before the branch moves, so it cannot miss one. It waits for the
resolvers in the registry of the ref store that follow the zone and branch and are not pinned. A
resolver that is silent is among them, because it may still answer queries from the old zone; one
that announces that it leaves is not. A report may be lost: a resolver that announces itself before
its report arrived is asked for its status (docs/adr/0043-registry-of-resolvers.md).
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from zonegit.bus.connection import Bus
from zonegit.bus.lagging import describe_lagging
from zonegit.bus.resolver_status import KnownResolvers, ask_status, read_registry
from zonegit.errors import Denied, Invalid, Unavailable
from zonegit.store.ref_log import Moved
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    MAX_ANNOUNCEMENT,
    MAX_RESOLVERS,
    Announcement,
    ResolverStatus,
    ServedEvent,
)
from zonegit.zone.names import Name

ZoneBranch = tuple[Name, str | None]
"""A zone and a branch; None for any branch."""


class Waiter(msgspec.Struct):
    """Collects the reports of resolvers about one zone and branch.

    Args:
        zone: the zone.
        branch: the branch; None for any.
        timeout: in seconds.
        actor: the actor of the requests.
        expected: resolvers that the registry should list; see :func:`read_registry`.
        bus: the bus; None to wait for no resolver.
        awaited: the resolvers to wait for.
        served: the last report of each resolver, as epoch and sequence.
        to_ask: the resolvers to ask for their status.
        departed: resolvers and instances that announced that they leave.
        changed: set when one of these changes.
        denied: the error if the bus does not permit to ask a resolver.
        is_news: whether the move that is waited for was made by the caller.
    """

    zone: Name
    branch: str | None
    timeout: float
    actor: str
    expected: Collection[str] = ()
    bus: Bus | None = None
    awaited: set[str] = msgspec.field(default_factory=set)
    served: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)
    to_ask: set[str] = msgspec.field(default_factory=set)
    departed: set[tuple[str, str]] = msgspec.field(default_factory=set)
    changed: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    denied: Denied | None = None
    is_news: bool = True

    def handle_report(self, subject: str, octets: bytes) -> None:
        """Record a report from the bus."""
        try:
            report = codec.decode(octets, ServedEvent)
        except Invalid:
            return
        is_bound = subject == subjects.served(report.resolver, report.zone)
        if is_bound and report.zone == self.zone and self.branch in (None, report.branch):
            self.served[report.resolver] = (report.epoch, report.sequence)
            self.changed.set()

    def handle_announcement(self, announcement: Announcement) -> None:
        """Record an announcement: the resolver leaves, or its report may be lost.

        A resolver that leaves is remembered, because the ref store may still list it.
        """
        if announcement.is_leaving and len(self.departed) < MAX_RESOLVERS:
            self.departed.add((announcement.resolver, announcement.instance))
        if announcement.resolver in self.awaited:
            if announcement.is_leaving:
                self.awaited.discard(announcement.resolver)
            else:
                self.to_ask.add(announcement.resolver)
            self.changed.set()

    def find_lagging(self, moved: Moved) -> set[str]:
        """Return the resolvers that did not report the move yet."""
        return {
            resolver
            for resolver in self.awaited
            if not _has_reached(self.served.get(resolver), moved)
        }

    async def wait(self, moved: Moved | None, *, is_news: bool = True) -> list[str] | None:
        """Wait until every resolver serves the move. The move is committed also if this fails.

        Args:
            moved: the move; None if nothing moved.
            is_news: False for a move from before this waiter collected reports. Every resolver is
                asked then.

        Returns:
            The resolvers that serve it; None if nothing moved or no resolver is waited for.

        Raises:
            Unavailable: some resolvers do not serve it within the timeout, or the ref store does
                not list the resolvers.
            Denied: the bus does not permit this user to list the resolvers.
        """
        if self.bus is None or moved is None:
            return None
        self.is_news = is_news
        deadline = asyncio.get_running_loop().time() + self.timeout
        try:
            registry = await read_registry(
                self.bus, self.actor, expected=self.expected, timeout=self.timeout
            )
        except (Denied, Unavailable) as error:
            raise self._unknown_outcome_error(error) from error
        return await self._wait_for(moved, registry, deadline)

    async def _wait_for(self, moved: Moved, registry: KnownResolvers, deadline: float) -> list[str]:
        self._add_registered(registry)
        if not self.is_news:
            self.to_ask |= self.awaited
        try:
            async with asyncio.timeout_at(deadline), asyncio.TaskGroup() as group:
                asking = []
                while self.denied is None and (lagging := self.find_lagging(moved)):
                    to_ask, self.to_ask = self.to_ask & lagging, set()
                    asking += [group.create_task(self._ask(each, moved)) for each in to_ask]
                    self.changed.clear()
                    await self.changed.wait()
                for task in asking:
                    task.cancel()
        except TimeoutError:
            raise await self._make_late_error(sorted(self.find_lagging(moved))) from None
        if self.denied is not None:
            raise self._unknown_outcome_error(self.denied)
        if registry.is_full:
            raise self._unknown_outcome_error(
                Unavailable(
                    "more resolvers announce themselves than the ref store can register",
                    hint="see zonegit doctor",
                )
            )
        return sorted(self.awaited)

    async def _make_late_error(self, late: Sequence[str]) -> Unavailable:
        assert self.bus is not None  # else nothing is waited for
        doing = await describe_lagging(self.bus, self.actor, late, self.zone, self.branch)
        return Unavailable(
            f"{self._effect}not yet served after {self.timeout:g} s; {'; '.join(doing)}",
            hint="zonegit resolvers shows how far they lag",
        )

    @property
    def _effect(self) -> str:
        return "committed, but " if self.is_news else ""

    def _unknown_outcome_error(self, error: Denied | Unavailable) -> Denied | Unavailable:
        return type(error)(
            f"{self._effect}it is not known which resolvers serve it: {error.message}",
            hint=error.hint,
        )

    def _add_registered(self, registry: KnownResolvers) -> None:
        """Wait for the registered resolvers, except those that do not follow the branch. Ask those
        for which the registry does not show it."""
        self.awaited |= set(registry.missing)
        for each in registry.resolvers:
            if (each.last.resolver, each.last.instance) in self.departed:
                continue
            does_follow = _may_follow(each.last, self.branch)
            if does_follow is not False:
                self.awaited.add(each.last.resolver)
            if does_follow is None:
                self.to_ask.add(each.last.resolver)

    async def _ask(self, resolver: str, moved: Moved) -> None:
        """Ask a resolver whether it answers queries, follows the branch and serves the move."""
        assert self.bus is not None  # else there is no resolver to ask
        try:
            status = await ask_status(self.bus, resolver, self.zone)
        except Denied as error:
            self.denied = error
            self.changed.set()
            return
        if status is None:
            return
        if not status.listen or not _is_following(status, self.zone, self.branch):
            self.awaited.discard(resolver)
        elif _is_past(status, self.branch, moved):
            self.served[resolver] = (moved.epoch, moved.sequence)
        self.changed.set()


def _has_reached(served: tuple[str, int] | None, moved: Moved) -> bool:
    return served is not None and served[0] == moved.epoch and served[1] >= moved.sequence


def _is_past(status: ResolverStatus, branch: str | None, moved: Moved) -> bool:
    """Return whether a resolver serves a move, according to its status."""
    if status.epoch != moved.epoch or status.sequence < moved.sequence:
        return False
    ours = [each for each in status.zones if branch in (None, each.branch)]
    return status.lag == 0 or any(each.sequence >= moved.sequence for each in ours)


def _may_follow(announcement: Announcement, branch: str | None) -> bool | None:
    """Return whether a resolver follows a branch; None if it has to be asked, because it depends on
    the zone or the resolver was still loading its zones."""
    if announcement.own_settings or announcement.only or not announcement.is_serving:
        return None
    return not announcement.is_pinned and (branch is None or branch in announcement.branches)


@asynccontextmanager
async def watch_branches(
    bus: Bus,
    places: Sequence[ZoneBranch],
    actor: str,
    *,
    expected: Collection[str] = (),
    timeout: float,
    wanted: bool = True,
) -> AsyncIterator[list[Waiter]]:
    """Collect the reports about branches while the context is open.

    Args:
        bus: the bus.
        places: the branches.
        actor: the actor of the requests.
        expected: resolvers that the registry should list; see :func:`read_registry`.
        timeout: of each request, and of the wait, in seconds.
        wanted: False to collect nothing; then no waiter waits.

    Yields:
        A waiter for each branch, in their order.
    """
    listening_bus = bus if wanted else None
    waiters = [
        Waiter(zone, branch, timeout, actor, expected, listening_bus) for zone, branch in places
    ]

    def handle_announcement(subject: str, octets: bytes) -> None:
        try:
            announcement = codec.decode(octets, Announcement, MAX_ANNOUNCEMENT)
        except Invalid:
            return
        if subject == subjects.announcement(announcement.resolver):
            for each in waiters:
                each.handle_announcement(announcement)

    async with AsyncExitStack() as stack:
        if wanted:
            for each in waiters:
                listening = bus.subscribe(subjects.served_by_any(each.zone), each.handle_report)
                await stack.enter_async_context(listening)
            announced = bus.subscribe(subjects.ANNOUNCEMENTS, handle_announcement)
            await stack.enter_async_context(announced)
        yield waiters


async def wait_all(
    waiters: Sequence[Waiter], moved: Mapping[ZoneBranch, Moved]
) -> dict[ZoneBranch, list[str] | None]:
    """Wait until the resolvers serve all moves, and return the resolvers of each.

    Args:
        waiters: a waiter for each branch that may have moved.
        moved: the branches that moved; waiters for others are ignored.

    Raises:
        Unavailable, Denied: see :meth:`Waiter.wait`.
    """
    places = [(each.zone, each.branch) for each in waiters if (each.zone, each.branch) in moved]
    moving = [each for each in waiters if (each.zone, each.branch) in moved]
    results = await asyncio.gather(
        *(waiter.wait(moved[place]) for waiter, place in zip(moving, places, strict=True))
    )
    return dict(zip(places, results, strict=True))


def _is_following(status: ResolverStatus, zone: Name, branch: str | None) -> bool:
    if status.only and zone not in status.only:
        return False
    serving = status.asked or status
    return serving.at is None and (branch is None or branch in serving.branches)
