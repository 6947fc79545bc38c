"""Track for each zone which serials stand for exactly one state that was served.

A zone can be served from another branch, or be forced back. Earlier serials may then name two
states, and a difference from the wrong one would damage a secondary permanently. So a mark is set
and kept: a secondary with an earlier serial gets the whole zone.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.zone.names import Name
from zonegit.zone.serial import increment, is_later, latest
from zonegit_resolver.cache.sqlite import LastServed

MAX_ZONES: Final = 1_000_000
"""Zones whose marks are kept, including removed zones."""


class SerialLineage:
    """The state that was served last by default, by zone, also before this process."""

    def __init__(self, last_served: Iterable[LastServed] = ()) -> None:
        self._last_served = {Name(each.zone): each for each in last_served}
        self._doubted: set[Name] = set()
        """Zones whose serials from before a restore may stand for two states."""

    def restore(self, last_served: LastServed) -> None:
        """Adopt what the file of a zone says."""
        self._last_served[Name(last_served.zone)] = last_served

    def get(self, zone: Name) -> LastServed | None:
        """Return what was served last of a zone; None if nothing is known of it."""
        return self._last_served.get(zone)

    def record(self, zone: Name, branch: str, tree: bytes, serial: int) -> LastServed | None:
        """Record what is served by default from now on.

        Returns:
            The record to write to disk; None if it is unchanged.
        """
        before = self._last_served.pop(zone, None)
        mark = before.mark if before is not None else None
        is_doubted = zone in self._doubted
        self._doubted.discard(zone)
        if before is not None and (is_doubted or not _is_continuous(before, branch, tree, serial)):
            is_same = before.tree == tree
            first = serial if is_same else latest(serial, increment(before.serial))
            mark = first if mark is None else latest(mark, first)
        now = self._last_served[zone] = LastServed(zone, branch, tree, serial, mark)
        if len(self._last_served) > MAX_ZONES:
            del self._last_served[next(iter(self._last_served))]
        return now if now != before else None

    def doubt_all(self) -> None:
        """Doubt all serials that were served so far, because the ref store was restored."""
        self._doubted = set(self._last_served)

    def is_base(self, zone: Name, serial: int) -> bool:
        """Return whether ``serial`` stands for exactly one state, so that a difference can start
        from it."""
        last_served = self._last_served.get(zone)
        mark = last_served.mark if last_served is not None else None
        return mark is None or serial == mark or is_later(serial, mark)


def _is_continuous(before: LastServed, branch: str, tree: bytes, serial: int) -> bool:
    return before.branch == branch and (before.tree == tree or is_later(serial, before.serial))
