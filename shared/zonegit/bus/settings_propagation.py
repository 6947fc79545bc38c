"""Wait until every resolver serves a zone by its serving settings in the store.

A resolver has no report for settings, so each is asked for its status until it has applied them.
This also tells when nothing was moved.
"""

import asyncio
from collections.abc import Collection
from typing import Final

from zonegit.back_off import BackOff
from zonegit.bus.connection import Bus
from zonegit.bus.resolver_status import ask_status, read_registry
from zonegit.errors import Denied, Unavailable
from zonegit.objects.ids import ObjectId
from zonegit.wire.messages import ResolverStatus
from zonegit.zone.names import Name

MIN_PAUSE_S: Final = 0.02
MAX_PAUSE_S: Final = 0.5


async def wait_for_settings(
    bus: Bus,
    actor: str,
    zone: Name,
    settings: ObjectId | None,
    *,
    expected: Collection[str] = (),
    timeout: float,
) -> list[ResolverStatus]:
    """Wait until every resolver that serves a zone has applied its serving settings.

    A resolver whose options or configuration file decide about the canary has applied them when it
    has read them.

    Args:
        bus: the bus.
        actor: the actor of the requests.
        zone: the zone.
        settings: the doc of the settings; None if the zone has none.
        expected: resolvers that the registry should list; see :func:`read_registry`.
        timeout: in seconds.

    Returns:
        The statuses of these resolvers, by name. A resolver of an earlier release counts as one
        without settings.

    Raises:
        Unavailable: some resolvers have not applied them within the timeout, or the ref store does
            not list the resolvers.
        Denied: the bus does not permit this user to ask the resolvers.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    try:
        registry = await read_registry(bus, actor, expected=expected, timeout=timeout)
        waits = [_wait_for(bus, each, zone, settings) for each in sorted(registry.names)]
        tasks = [asyncio.ensure_future(each) for each in waits]
    except (Denied, Unavailable) as error:
        raise _unknown_outcome_error(error) from error
    if not tasks:
        return []
    try:
        _, late = await asyncio.wait(tasks, timeout=deadline - asyncio.get_running_loop().time())
        if late:
            names = [
                name
                for name, task in zip(sorted(registry.names), tasks, strict=True)
                if task in late
            ]
            raise Unavailable(
                f"stored, but not yet applied after {timeout:g} s by: {', '.join(names)}",
                hint="zonegit resolvers shows their problems",
            )
        found = [task.result() for task in tasks]
    except Denied as error:
        raise _unknown_outcome_error(error) from error
    finally:
        for task in tasks:
            task.cancel()
    return [each for each in found if each is not None]


async def _wait_for(
    bus: Bus, resolver: str, zone: Name, settings: ObjectId | None
) -> ResolverStatus | None:
    """Wait until one resolver has applied settings, and return its status; None if it does not
    serve the zone."""
    back_off = BackOff(MIN_PAUSE_S, MAX_PAUSE_S)
    while True:
        status = await ask_status(bus, resolver, zone)
        if status is not None:
            if not status.listen or status.asked is None:
                return None
            if _has_applied(status, settings):
                return status
        await asyncio.sleep(back_off.pause_s)
        back_off.grow()


def _has_applied(status: ResolverStatus, settings: ObjectId | None) -> bool:
    """Return whether a resolver has applied settings, and serves the branches that they name."""
    asked = status.asked
    if asked is None or asked.settings != settings or asked.problem is not None:
        return False
    if asked.source != "store":
        return True
    loaded = {each.branch for each in status.zones if each.commit is not None}
    return loaded.issuperset(asked.branches)


def _unknown_outcome_error(error: Denied | Unavailable) -> Denied | Unavailable:
    return type(error)(
        f"it is not known which resolvers serve so: {error.message}", hint=error.hint
    )
