"""Request the status of each resolver in the registry of the ref store.

There is no fixed window for answers, so a busy resolver does not seem absent. A resolver that the
registry lists as silent gets no request; one that does not answer within three announcements counts
as silent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from zonegit.bus.connection import Bus
from zonegit.bus.verb_client import VerbClient
from zonegit.errors import Denied, Invalid, Unavailable, ZonegitError
from zonegit.store.recovery import AnsweredSerial
from zonegit.wire import subjects
from zonegit.wire.messages import (
    FORGET_AFTER_S,
    SILENT_AFTER_S,
    AnsweredSerials,
    AskAnswered,
    AskResolvers,
    AskStatus,
    ConfigReload,
    Registered,
    RegisteredResolvers,
    ReloadConfig,
    ResolverStatus,
)
from zonegit.wire.verbs import RefVerbs
from zonegit.zone.names import Name

T = TypeVar("T")

ASK_CONCURRENCY: Final = 64
"""Requests to resolvers at a time."""


@dataclass(frozen=True, slots=True)
class KnownResolvers:
    """The resolvers that the ref store knows, by name.

    Attributes:
        resolvers: The resolvers.
        missing: Expected resolvers that were not heard, if the ref store began to listen less than
            ``FORGET_AFTER_S`` ago.
        is_full: There are more than the registry has room for.
    """

    resolvers: Sequence[Registered]
    missing: Sequence[str] = ()
    is_full: bool = False

    @property
    def names(self) -> set[str]:
        """Return the names of all resolvers that run, or may run."""
        return {each.last.resolver for each in self.resolvers} | set(self.missing)


@dataclass(frozen=True, slots=True)
class ResolverSurvey:
    """The answers of resolvers, by name.

    Attributes:
        statuses: The answers.
        silent: The resolvers that did not answer.
        contested: Names that two processes announce.
        is_full: There are more than the registry has room for.
    """

    statuses: Sequence[ResolverStatus]
    silent: Sequence[str]
    contested: Sequence[str] = ()
    is_full: bool = False


async def read_registry(
    bus: Bus, actor: str, *, expected: Collection[str] = (), timeout: float
) -> KnownResolvers:
    """Read the registry of the ref store, once it is complete.

    Args:
        bus: The connection.
        actor: The actor of the request.
        expected: Resolvers that should be listed; a ref store that has just started answers as soon
            as it has heard all of them.
        timeout: The timeout of each request, in seconds.

    Raises:
        Unavailable: The ref store does not answer.
        Denied: The permissions of this user on the bus do not allow it.
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
    try:
        return await VerbClient(bus, actor, timeout=timeout).ask(RefVerbs.RESOLVERS, question)
    except Invalid as error:
        raise Unavailable(
            f"the ref store cannot list resolvers: {error.message}",
            hint="if it is of an earlier release, update it first",
        ) from error


async def ask_status(
    bus: Bus, resolver: str, zone: Name | None = None, *, timeout: float = SILENT_AFTER_S
) -> ResolverStatus | None:
    """Request the status of one resolver, for one zone or all; None if it does not answer.

    Raises:
        Denied: The permissions of this user on the bus do not allow it.
    """

    async def ask() -> ResolverStatus | None:
        subject = subjects.resolver(resolver, "status")
        found = await bus.request(subject, AskStatus(zone=zone), ResolverStatus, timeout=timeout)
        return found if found.resolver == resolver else None

    return await try_request(ask)


async def survey(
    bus: Bus,
    actor: str,
    zone: Name | None = None,
    *,
    expected: Collection[str] = (),
    timeout: float,
) -> ResolverSurvey:
    """Request the status of every registered resolver; the parameters are those of
    :func:`read_registry` and :func:`ask_status`.

    Raises:
        Unavailable: The ref store does not answer.
        Denied: The permissions of this user on the bus do not allow it.
    """
    registry = await read_registry(bus, actor, expected=expected, timeout=timeout)
    wait_s = min(timeout, SILENT_AFTER_S)
    statuses = await ask_each(
        registry, lambda resolver: ask_status(bus, resolver, zone, timeout=wait_s)
    )
    return ResolverSurvey(
        list(statuses.values()),
        sorted(registry.names - statuses.keys()),
        sorted(each.last.resolver for each in registry.resolvers if each.is_contested),
        registry.is_full,
    )


async def ask_reload(
    bus: Bus, resolver: str, *, is_check: bool, timeout: float
) -> ConfigReload | None:
    """Let one resolver read its configuration file again, or only check it; None if it does not
    answer.

    Raises:
        Denied: The permissions of this user on the bus do not allow it.
    """

    async def ask() -> ConfigReload | None:
        subject = subjects.resolver(resolver, "reload")
        question = ReloadConfig(is_check=is_check)
        found = await bus.request(subject, question, ConfigReload, timeout=timeout)
        return found if found.resolver == resolver else None

    return await try_request(ask)


async def ask_each(
    registry: KnownResolvers, ask: Callable[[str], Awaitable[T | None]]
) -> dict[str, T]:
    """Ask each resolver of the registry that is not silent, and return the answers by name.

    Args:
        registry: The registry.
        ask: Asks one resolver; it returns None if that does not answer.
    """
    limit = asyncio.Semaphore(ASK_CONCURRENCY)

    async def ask_one(resolver: str) -> T | None:
        async with limit:
            return await ask(resolver)

    asked = sorted(each.last.resolver for each in registry.resolvers if not each.is_silent)
    answers = await asyncio.gather(*map(ask_one, asked))
    return {name: answer for name, answer in zip(asked, answers, strict=True) if answer is not None}


async def ask_answered(
    bus: Bus, resolver: str, zone: Name | None = None, *, timeout: float
) -> list[AnsweredSerials] | None:
    """Request the highest serials that a resolver ever answered; None if it does not answer.

    Args:
        bus: The connection.
        resolver: The name of the resolver.
        zone: The zone; None for all.
        timeout: The timeout of each page, in seconds.

    Raises:
        Denied: The permissions of this user on the bus do not allow it.
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

    return await try_request(ask)


async def read_answered_serials(
    bus: Bus,
    resolvers: Collection[str],
    zone: Name | None = None,
    ignored: Collection[str] = (),
    doubted: Collection[str] = (),
    *,
    timeout: float,
) -> tuple[set[str], dict[Name, dict[str, list[AnsweredSerial]]]]:
    """Ask resolvers for the highest serials that they ever answered.

    Args:
        bus: the bus.
        resolvers: their names.
        zone: the zone; None for all.
        ignored: resolvers whose answers are discarded.
        doubted: epochs of the ref store; the cache of a resolver that began in one of them may not
            hold all serials.
        timeout: of each request, in seconds.

    Returns:
        The resolvers that answered, and their answers by zone and branch.
    """
    names = sorted(resolvers)
    found = await asyncio.gather(
        *(ask_answered(bus, each, zone, timeout=timeout) for each in names)
    )
    answers: dict[Name, dict[str, list[AnsweredSerial]]] = {}
    for name, pages in zip(names, found, strict=True):
        for page in pages or () if name not in ignored else ():
            _add_answers(page, answers, is_complete=page.began not in doubted)
    answered = {name for name, pages in zip(names, found, strict=True) if pages is not None}
    return answered, answers


def _add_answers(
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


async def try_request(ask: Callable[[], Awaitable[T | None]]) -> T | None:
    """Return the answer of a resolver, or None if it does not answer.

    Raises:
        Denied: The permissions of this user on the bus do not allow the request.
    """
    try:
        return await ask()
    except Denied:
        raise
    except ZonegitError:
        return None
