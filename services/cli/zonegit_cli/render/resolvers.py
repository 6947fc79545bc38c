"""Describe what resolvers serve, and which of them serve a move."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from zonegit.wire.messages import ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.serial import is_later

BAR_WIDTH: Final = 20
"""Characters of the bar of a canary."""


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


def format_canaries(served: Sequence[ServedZone]) -> list[str]:
    """Return a line for each canary: a bar with its share of the queries of its zone.

    Args:
        served: the states of zones that resolvers serve.
    """
    totals: Counter[Name] = Counter()
    canaries: dict[tuple[Name, str, int, str | None], int] = {}
    for each in served:
        totals[each.zone] += each.queries or 0
        if each.percent is not None and each.queries is not None:
            key = (each.zone, each.branch, each.percent, each.source)
            canaries[key] = canaries.get(key, 0) + each.queries
    return [
        f"canary {branch} of {names.text(zone)}: {format_query_share(count, totals[zone])};"
        f" set to {percent} % of subnets{f' by the {source}' if source else ''}"
        for (zone, branch, percent, source), count in canaries.items()
    ]


def format_query_share(count: int, total: int) -> str:
    """Return a bar with the share of ``count`` of ``total`` queries."""
    if total == 0:
        return f"[{'.' * BAR_WIDTH}] no queries yet"
    filled = round(BAR_WIDTH * count / total)
    bar = "#" * filled + "." * (BAR_WIDTH - filled)
    return f"[{bar}] {100 * count / total:.1f} % of {total:,} queries"


def format_served_by(served_by: Sequence[str] | None, verb: str = "served by") -> list[str]:
    """Return the line about the resolvers that serve a move; none without ``--wait``."""
    if served_by is None:
        return []
    return [f"{verb} {', '.join(served_by) or 'no resolver: none follows the branch'}"]


def served_by_to_json(served_by: Sequence[str] | None) -> dict[str, Any]:
    """Return the fields for ``--json``; none without ``--wait``."""
    return {} if served_by is None else {"served_by": served_by}


def merge_served_by(results: Iterable[Sequence[str] | None]) -> list[str] | None:
    """Return the resolvers that serve at least one of several moves; None without ``--wait``."""
    known = [each for each in results if each is not None]
    return sorted({name for each in known for name in each}) if known else None
