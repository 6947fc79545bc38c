"""What a serial stands for: which ones a secondary can have from here that mean one state alone.

A zone may come to be served from another branch, or be forced back. Earlier serials may name two
states ever after, and a difference from the wrong one would spoil a secondary for good. So a mark
is set there, and kept: whoever has an earlier serial gets the whole zone.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.zone.names import Name
from zonegit.zone.serial import following, later, latest
from zonegit_resolver.cache.sqlite import ServedToAll

MAX_ZONES: Final = 1_000_000
"""Whose serials are remembered, those of zones that are gone too."""


class SerialLineage:
    """By zone, what was served last to everybody, before this process too."""

    def __init__(self, standing: Iterable[ServedToAll] = ()) -> None:
        self._standing = {Name(each.zone): each for each in standing}
        self._doubted: set[Name] = set()
        """Zones whose serials of before a restore may stand for two states."""

    def restore(self, standing: ServedToAll) -> None:
        """Takes up what a zone's own file says."""
        self._standing[Name(standing.zone)] = standing

    def of(self, zone: Name) -> ServedToAll | None:
        """What was served last of a zone; None: nothing is known of it."""
        return self._standing.get(zone)

    def record(self, zone: Name, branch: str, tree: bytes, serial: int) -> ServedToAll | None:
        """From now on everybody is served this. What is then to be written down; None: nothing."""
        before = self._standing.pop(zone, None)
        mark = before.mark if before is not None else None
        is_doubted = zone in self._doubted
        self._doubted.discard(zone)
        if before is not None and (is_doubted or not _is_continuous(before, branch, tree, serial)):
            is_same = before.tree == tree
            first = serial if is_same else latest(serial, following(before.serial))
            mark = first if mark is None else latest(mark, first)
        now = self._standing[zone] = ServedToAll(zone, branch, tree, serial, mark)
        if len(self._standing) > MAX_ZONES:
            del self._standing[next(iter(self._standing))]
        return now if now != before else None

    def doubt_all(self) -> None:
        """Take it that the ref store was restored: whatever zones are served next, no serial before
        that is a base."""
        self._doubted = set(self._standing)

    def is_base(self, zone: Name, serial: int) -> bool:
        """Whether a secondary that has ``serial`` has one state and no other."""
        standing = self._standing.get(zone)
        mark = standing.mark if standing is not None else None
        return mark is None or serial == mark or later(serial, mark)


def _is_continuous(before: ServedToAll, branch: str, tree: bytes, serial: int) -> bool:
    return before.branch == branch and (before.tree == tree or later(serial, before.serial))
