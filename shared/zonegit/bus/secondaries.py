"""Ask the resolvers what their secondaries were notified of and transferred."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from zonegit.bus.connection import Bus
from zonegit.bus.resolver_status import ask_each, read_registry, try_request
from zonegit.wire import subjects
from zonegit.wire.messages import AskSecondaries, Secondaries, SecondaryReport
from zonegit.zone.names import Name

IN_STEP: Final = "in step"
"""The progress of a secondary that has the serial of the last NOTIFY."""


MAX_PAGES: Final = 2_000
"""Pages that one resolver is asked for: it may be hostile. A page has up to 500 secondaries."""


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
    return SecondarySurvey(
        list(join_transfers(found).items()), sorted(registry.names - found.keys())
    )


def join_transfers(
    found: Mapping[str, Sequence[SecondaryReport]],
) -> dict[str, list[SecondaryReport]]:
    """Return the reports of all resolvers, with what each secondary transferred from any of them.

    A secondary that several resolvers notify of a serial transfers it from one of them, and the
    others do not learn that it has it.

    Args:
        found: The reports of each resolver by name.
    """
    reports = [each for of_resolver in found.values() for each in of_resolver]
    has = {(each.zone, each.secondary, each.has): each for each in reports if each.has is not None}

    def join(report: SecondaryReport) -> SecondaryReport:
        if report.progress not in ("answered", "behind") or report.notified is None:
            return report
        other = has.get((report.zone, report.secondary, report.notified))
        if other is None:
            return report
        return msgspec.structs.replace(
            report,
            progress=IN_STEP,
            has=other.has,
            transfer=other.transfer,
            transfer_age=other.transfer_age,
        )

    return {name: [join(each) for each in of_resolver] for name, of_resolver in found.items()}


async def _ask_secondaries(
    bus: Bus, resolver: str, zone: Name | None, *, timeout: float
) -> list[SecondaryReport] | None:
    """Ask one resolver, page by page; None if it does not answer."""

    async def ask() -> list[SecondaryReport] | None:
        found: list[SecondaryReport] = []
        after: tuple[Name, str] | None = None
        for _ in range(MAX_PAGES):
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
        return found

    return await try_request(ask)
