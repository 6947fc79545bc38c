"""Ask the resolvers that the ref store's registry lists, each separately.

No answer is waited for in a fixed window, so that a busy resolver is never taken for one that does
not exist. One that the registry calls silent is not asked; one that does not answer within three
announcements is silent, too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from zonegit.bus.connection import Bus
from zonegit.errors import Denied, Invalid, Unavailable, ZonegitError
from zonegit.wire import subjects
from zonegit.wire.messages import (
    FORGET_AFTER_S,
    SILENT_AFTER_S,
    AnsweredSerials,
    AskAnswered,
    AskResolvers,
    AskStatus,
    Registered,
    RegisteredResolvers,
    ResolverStatus,
)
from zonegit.zone.names import Name

T = TypeVar("T")

ASK_CONCURRENCY: Final = 64
"""Resolvers that are asked at a time."""


@dataclass(frozen=True, slots=True)
class KnownResolvers:
    """The resolvers that the ref store knows, by name. ``missing`` are those that should be there
    and were not heard by a ref store that began to listen less than ``FORGET_AFTER_S`` ago.
    ``is_full``: there are more than it has room for."""

    resolvers: Sequence[Registered]
    missing: Sequence[str] = ()
    is_full: bool = False

    @property
    def names(self) -> set[str]:
        """Return the names of all resolvers that run, or may run."""
        return {each.last.resolver for each in self.resolvers} | set(self.missing)


@dataclass(frozen=True, slots=True)
class ResolverSurvey:
    """The answers of resolvers, by name; ``silent`` are those that did not. ``contested`` names are
    announced by two processes. ``is_full``: there are more than the ref store has room for."""

    statuses: Sequence[ResolverStatus]
    silent: Sequence[str]
    contested: Sequence[str] = ()
    is_full: bool = False


async def read_registry(
    bus: Bus, actor: str, *, expected: Collection[str] = (), timeout: float
) -> KnownResolvers:
    """Read the ref store's registry, which is complete.

    Args:
        bus: where the ref store listens.
        actor: on whose behalf.
        expected: resolvers that should be there; a ref store that has just started answers as soon
            as it has heard all of them.
        timeout: of each request, in seconds.

    Raises:
        Unavailable: the ref store does not answer.
        Denied: the bus does not let this user ask that.
    """
    found: list[Registered] = []
    after = ""
    while True:
        question = AskResolvers(expected=sorted(expected), after=after)
        page = await _read_page(bus, actor, question, timeout)
        found += page.resolvers
        if page.after is None or page.after <= after:
            break
        after = page.after
    known = {each.last.resolver for each in found}
    is_young = page.listening < FORGET_AFTER_S
    missing = sorted(set(expected) - known) if is_young else ()
    return KnownResolvers(found, missing, page.full)


async def _read_page(
    bus: Bus, actor: str, question: AskResolvers, timeout: float
) -> RegisteredResolvers:
    subject = subjects.request(actor, "refs", "resolvers")
    try:
        return await bus.request(subject, question, RegisteredResolvers, timeout=timeout)
    except Invalid as error:
        raise Unavailable(
            f"the ref store does not say which resolvers there are: {error.message}",
            hint="one of an earlier release does not know them: update it first",
        ) from error


async def ask_status(
    bus: Bus, resolver: str, zone: Name | None = None, *, timeout: float = SILENT_AFTER_S
) -> ResolverStatus | None:
    """Ask one resolver what it serves, of one zone or of all; None: it does not answer.

    Raises:
        Denied: the bus does not let this user ask that.
    """

    async def ask() -> ResolverStatus | None:
        subject = subjects.resolver(resolver, "status")
        found = await bus.request(subject, AskStatus(zone=zone), ResolverStatus, timeout=timeout)
        return found if found.resolver == resolver else None

    return await _or_none(ask)


async def survey(
    bus: Bus,
    actor: str,
    zone: Name | None = None,
    *,
    expected: Collection[str] = (),
    timeout: float,
) -> ResolverSurvey:
    """Ask every registered resolver what it serves; the parameters are those of
    :func:`read_registry` and :func:`ask_status`.

    Raises:
        Unavailable: the ref store does not answer.
        Denied: the bus does not let this user ask that.
    """
    registry = await read_registry(bus, actor, expected=expected, timeout=timeout)
    asked = [each.last.resolver for each in registry.resolvers if not each.is_silent]
    limit = asyncio.Semaphore(ASK_CONCURRENCY)

    async def ask(resolver: str) -> ResolverStatus | None:
        async with limit:
            wait_s = min(timeout, SILENT_AFTER_S)
            return await ask_status(bus, resolver, zone, timeout=wait_s)

    answers = await asyncio.gather(*map(ask, asked))
    statuses = {each.resolver: each for each in answers if each is not None}
    return ResolverSurvey(
        [statuses[name] for name in sorted(statuses)],
        sorted(registry.names - statuses.keys()),
        sorted(each.last.resolver for each in registry.resolvers if each.is_contested),
        registry.is_full,
    )


async def ask_answered(
    bus: Bus, resolver: str, zone: Name | None = None, *, timeout: float
) -> list[AnsweredSerials] | None:
    """Ask one resolver for the highest serials that it ever answered; None: it does not answer.

    Args:
        bus: where it listens.
        resolver: its name.
        zone: of this zone alone; None: of all.
        timeout: of each page, in seconds.

    Raises:
        Denied: the bus does not let this user ask that.
    """

    async def ask() -> list[AnsweredSerials] | None:
        pages: list[AnsweredSerials] = []
        after: tuple[Name, str] | None = None
        while True:
            question = AskAnswered(zone=zone, after=after)
            subject = subjects.resolver(resolver, "answered")
            page = await bus.request(subject, question, AnsweredSerials, timeout=timeout)
            if page.resolver != resolver:
                return None
            pages.append(page)
            if not page.more or not page.serials:
                return pages
            last = (page.serials[-1].zone, page.serials[-1].branch)
            if after is not None and last <= after:
                return pages
            after = last

    return await _or_none(ask)


async def _or_none(ask: Callable[[], Awaitable[T | None]]) -> T | None:
    try:
        return await ask()
    except Denied:
        raise
    except ZonegitError:
        return None
