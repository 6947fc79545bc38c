"""``--wait``: return once every resolver that follows the branch serves the move.

The subscription stands before the branch moves, so no report can be missed. Awaited are the
resolvers that answer a status broadcast and follow the zone and branch, unpinned.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from zonegit.errors import Unavailable
from zonegit.store.protocols import Moved
from zonegit.wire import codec, subjects
from zonegit.wire.messages import AskStatus, ResolverStatus, Served
from zonegit.zone import names
from zonegit.zone.names import Name

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus

BROADCAST_S: Final = 0.3
"""How long resolvers have to answer the status broadcast, in seconds."""


class Waiter(msgspec.Struct):
    """Collects what resolvers report of one zone and branch."""

    zone: Name
    branch: str
    awaited: set[str]
    served: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)
    changed: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    def heard(self, _subject: str, octets: bytes) -> None:
        """Takes a report from the bus."""
        report = codec.decode(octets, Served)
        if report.zone == self.zone and report.branch == self.branch:
            self.served[report.resolver] = (report.epoch, report.sequence)
            self.changed.set()

    def lagging(self, moved: Moved) -> set[str]:
        """The awaited resolvers that have not reported the move yet."""
        return {
            resolver for resolver in self.awaited if not _reached(self.served.get(resolver), moved)
        }

    async def until(self, moved: Moved, timeout: float) -> list[str]:
        """The resolvers that now serve the move; none when nobody follows the branch.

        Raises:
            Unavailable: some still did not after ``timeout`` seconds; the move stands.
        """
        try:
            async with asyncio.timeout(timeout):
                while self.lagging(moved):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            late = ", ".join(sorted(self.lagging(moved)))
            raise Unavailable(
                f"the move stands, but after {timeout:g} s these do not serve it yet: {late}",
                hint="zonegit resolvers shows how far they are",
            ) from None
        return sorted(self.awaited)


def _reached(served: tuple[str, int] | None, moved: Moved) -> bool:
    return served is not None and served[0] == moved.epoch and served[1] >= moved.sequence


@asynccontextmanager
async def waiting(
    bus: "Bus", zone: Name, branch: str, *, wanted: bool
) -> AsyncIterator[Waiter | None]:
    """Listens from here on, and asks who will have to report; None where no wait is wanted."""
    if not wanted:
        yield None
        return
    waiter = Waiter(zone, branch, set())
    async with bus.subscribe(subjects.served(zone), waiter.heard):
        statuses = await status_of_all(bus, zone)
        waiter.awaited = {each.resolver for each in statuses if _follows(each, zone, branch)}
        yield waiter


async def status_of_all(bus: "Bus", zone: Name | None = None) -> list[ResolverStatus]:
    """What every resolver that answers in time says of itself, by name."""
    found = await bus.broadcast(
        subjects.resolvers("status"), AskStatus(zone=zone), ResolverStatus, BROADCAST_S
    )
    return sorted(found, key=lambda each: each.resolver)


def _follows(status: ResolverStatus, zone: Name, branch: str) -> bool:
    in_scope = not status.only or zone in status.only
    return status.at is None and branch in status.branches and in_scope


def report(waiter: Waiter | None, served: list[str]) -> list[str]:
    """What a wait came to, for people."""
    if waiter is None:
        return []
    if not served:
        return [f"no resolver follows {waiter.branch} of {names.text(waiter.zone)}"]
    return [f"served by {', '.join(served)}"]
