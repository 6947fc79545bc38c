"""Ask the resolvers what they serve and answered, and describe their replies."""

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from zonegit.store.recovery import AnsweredSerial
from zonegit.wire.messages import AnsweredSerials, ServedZone
from zonegit.zone.names import Name
from zonegit.zone.serial import is_later
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus
    from zonegit.bus.resolver_status import ResolverSurvey


async def survey_resolvers(
    session: Session, bus: "Bus", zone: Name | None = None
) -> "ResolverSurvey":
    """Ask every resolver what it serves of a zone; None for all zones.

    Raises:
        Unavailable: the ref store does not list the resolvers.
    """
    from zonegit.bus import resolver_status  # imports NATS, not needed for --help

    return await resolver_status.survey(
        bus,
        session.settings.actor,
        zone,
        expected=session.list_local_resolvers(),
        timeout=session.timeout,
    )


async def read_answered_serials(
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
    from zonegit.bus.resolver_status import ask_answered  # imports NATS, not needed for --help

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


def describe_serial_behind(served: ServedZone) -> str | None:
    """Return the problem if a resolver answers a serial earlier than one before, else None."""
    if served.highest is None or served.serial is None:
        return None
    if not is_later(served.highest, served.serial):
        return None
    return f"serial {served.highest} was answered before, secondaries keep it: use a later serial"


def format_branch(served: ServedZone) -> str:
    """Return the branch of a served state; for a canary with its share of clients."""
    return served.branch if served.percent is None else f"{served.branch} ({served.percent} %)"
