"""Describe what resolvers that do not serve a move are doing."""

import asyncio
from collections.abc import Sequence
from typing import Final

from zonegit.bus.connection import Bus
from zonegit.bus.resolver_status import ask_status, read_registry
from zonegit.errors import Denied, ZonegitError
from zonegit.wire.messages import ResolverStatus
from zonegit.zone.names import Name

ASK_TIMEOUT_S: Final = 1.0
"""Timeout of each request; the caller has waited already."""
MAX_DESCRIBED: Final = 10
"""Resolvers that are asked; the others are counted."""


async def describe_lagging(
    bus: Bus, actor: str, lagging: Sequence[str], zone: Name, branch: str | None
) -> list[str]:
    """Return what each resolver is doing, for example ``resolver-2: at serial 5, loading``.

    Args:
        bus: the bus.
        actor: the actor of the requests.
        lagging: the names of the resolvers.
        zone: the zone.
        branch: the branch; None for any.
    """
    asked = lagging[:MAX_DESCRIBED]
    statuses = await asyncio.gather(*(_try_status(bus, each, zone) for each in asked))
    silences = await _read_silences(bus, actor) if None in statuses else {}
    texts = [
        f"{name}: {_describe(status, branch) if status else silences.get(name, 'does not answer')}"
        for name, status in zip(asked, statuses, strict=True)
    ]
    more = len(lagging) - len(asked)
    return [*texts, f"{more} more"] if more else texts


async def _try_status(bus: Bus, resolver: str, zone: Name) -> ResolverStatus | None:
    try:
        return await ask_status(bus, resolver, zone, timeout=ASK_TIMEOUT_S)
    except Denied:
        return None


async def _read_silences(bus: Bus, actor: str) -> dict[str, str]:
    """Return for each registered resolver for how long it has been silent."""
    try:
        registry = await read_registry(bus, actor, timeout=ASK_TIMEOUT_S)
    except ZonegitError:
        return {}
    return {
        each.last.resolver: f"silent for {each.age:.0f} s"
        if each.is_silent
        else f"does not answer, heard {each.age:.0f} s ago"
        for each in registry.resolvers
    }


def _describe(status: ResolverStatus, branch: str | None) -> str:
    states = [each for each in status.zones if branch in (None, each.branch)]
    if not states:
        return "loading, no commit is served yet" if status.lag else "does not serve the zone"
    state = states[0]
    at = f"at serial {state.serial}" if state.serial is not None else "no commit is served yet"
    return f"{at}, {state.problem or 'loading'}"
