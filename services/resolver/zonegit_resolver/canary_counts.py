"""Count the queries that each branch of a zone with a canary has answered.

The query path counts every query by zone and branch. The counts at the time when the canary was set
are subtracted here, so that queries do not look up anything for this.
"""

from collections.abc import Mapping

from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.zone_table import QueryCounts
from zonegit.zone.names import Name

Counters = Mapping[tuple[Name, str], QueryCounts]


class CanaryCounts:
    """The queries of zones with a canary, since it was set.

    Args:
        queries: The counters of the query path, by zone and branch.
    """

    def __init__(self, queries: Counters) -> None:
        self._queries = queries
        self._starts: dict[Name, tuple[Canary, dict[str, int]]] = {}

    def restart(self, zone: Name, canary: Canary | None, branch: str) -> None:
        """Count from now on, unless the canary is the one that is counted already.

        Args:
            zone: The zone.
            canary: Its canary; None if it has none, so that nothing is counted.
            branch: The branch of its default state.
        """
        if canary is None:
            self._starts.pop(zone, None)
            return
        known = self._starts.get(zone)
        if known is None or known[0] != canary or branch not in known[1]:
            names = (branch, canary.branch)
            self._starts[zone] = canary, {each: self._sum(zone, each) for each in names}

    def count(self, zone: Name, branch: str) -> int | None:
        """Return the queries that a branch has answered; None if its zone has no canary."""
        start = self._starts.get(zone)
        if start is None or branch not in start[1]:
            return None
        return max(0, self._sum(zone, branch) - start[1][branch])

    def _sum(self, zone: Name, branch: str) -> int:
        return sum(list(self._queries.get((zone, branch), {}).values()))
