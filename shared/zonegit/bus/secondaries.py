"""Ask the resolvers what their secondaries were notified of and transferred."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from zonegit.bus.connection import Bus
from zonegit.bus.resolver_status import ask_each, read_registry, try_request
from zonegit.wire import subjects
from zonegit.wire.messages import AskSecondaries, Secondaries, SecondaryReport
from zonegit.zone.names import Name


@dataclass(frozen=True, slots=True)
class SecondarySurvey:
    """The answers of resolvers.

    Attributes:
        reports: Each resolver that answered, and its secondaries by zone and address.
        silent: The resolvers that did not answer.
    """

    reports: Sequence[tuple[str, Sequence[SecondaryReport]]]
    silent: Sequence[str]


async def survey_secondaries(
    bus: Bus,
    actor: str,
    zone: Name | None = None,
    *,
    expected: Collection[str] = (),
    timeout: float,
) -> SecondarySurvey:
    """Ask every registered resolver for the secondaries of one zone, or of all zones (None).

    Args:
        bus: The connection.
        actor: The actor of the request to the ref store.
        zone: The zone; None for all.
        expected: Resolvers that should be registered.
        timeout: The timeout of each request, in seconds.

    Raises:
        Unavailable: The ref store does not answer.
        Denied: The permissions of this user on the bus do not allow it.
    """
    registry = await read_registry(bus, actor, expected=expected, timeout=timeout)
    found = await ask_each(
        registry, lambda resolver: _ask_secondaries(bus, resolver, zone, timeout=timeout)
    )
    return SecondarySurvey(list(found.items()), sorted(registry.names - found.keys()))


async def _ask_secondaries(
    bus: Bus, resolver: str, zone: Name | None, *, timeout: float
) -> list[SecondaryReport] | None:
    """Ask one resolver, page by page; None if it does not answer."""

    async def ask() -> list[SecondaryReport] | None:
        found: list[SecondaryReport] = []
        after: tuple[Name, str] | None = None
        while True:
            subject = subjects.resolver(resolver, "secondaries")
            question = AskSecondaries(zone=zone, after=after)
            page = await bus.request(subject, question, Secondaries, timeout=timeout)
            if page.resolver != resolver:
                return None
            found += page.secondaries
            if not page.more or not page.secondaries:
                return found
            last = (page.secondaries[-1].zone, page.secondaries[-1].secondary)
            if after is not None and last <= after:  # a resolver that repeats itself
                return found
            after = last

    return await try_request(ask)
