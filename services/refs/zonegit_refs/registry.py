"""Maintain the registry of resolvers: which ones announce themselves, and when each was last heard.

It is in memory, and built from announcements only. A resolver that misses three of them is silent.
It stays listed, because it may be answering queries from an old zone, until it has been silent for
a minute. One that says goodbye is removed at once. Pure: the caller provides the time
(docs/adr/0043-registry-of-resolvers.md).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from zonegit.wire.messages import (
    ANNOUNCE_INTERVAL_S,
    FORGET_AFTER_S,
    MAX_RESOLVERS,
    MAX_RESOLVERS_LISTED,
    SILENT_AFTER_S,
    Announcement,
    Registered,
    RegisteredResolvers,
)

SETTLED_AFTER_S: Final = ANNOUNCE_INTERVAL_S + 0.5
"""After so many seconds of listening every running resolver has announced itself."""


@dataclass(slots=True)
class _Entry:
    """An entry for one name.

    Attributes:
        last: The last announcement.
        heard: The time of the last announcement.
        former: The process that had the name before.
        contested: The time when the former process was heard after the present one; None if never.
    """

    last: Announcement
    heard: float
    former: str = ""
    contested: float | None = None


class Registry:
    """The entries by name. All times are seconds of one monotonic clock."""

    def __init__(self, now: float) -> None:
        self._entries: dict[str, _Entry] = {}
        self._began = now
        self._refused: dict[str, float] = {}  # refused names, and the time of the last refusal

    def __len__(self) -> int:
        return len(self._entries)

    def resume(self, now: float) -> None:
        """Restart the silence of each resolver, because announcements may have been lost."""
        self._began = now
        for entry in self._entries.values():
            entry.heard = now

    def record(self, announcement: Announcement, now: float) -> bool:
        """Record an announcement.

        Returns:
            False if the registry is full; it keeps the first ``MAX_RESOLVERS`` names.
        """
        entry = self._entries.get(announcement.resolver)
        if announcement.is_leaving:
            if entry is not None and entry.last.instance == announcement.instance:
                del self._entries[announcement.resolver]
            return True
        if entry is None:
            if len(self._entries) >= MAX_RESOLVERS:
                self._forget(now)
            if len(self._entries) >= MAX_RESOLVERS:
                if announcement.resolver in self._refused or len(self._refused) < MAX_RESOLVERS:
                    self._refused[announcement.resolver] = now
                return False
            self._refused.pop(announcement.resolver, None)
            self._entries[announcement.resolver] = _Entry(announcement, now)
            return True
        if announcement.instance != entry.last.instance:
            if announcement.instance == entry.former:
                entry.contested = now
            entry.former = entry.last.instance
        entry.last, entry.heard = announcement, now
        return True

    def is_settled(self, now: float, expected: Collection[str] = ()) -> bool:
        """Return whether the registry is complete: it has listened long enough, or has heard all of
        ``expected`` if there are any."""
        if now - self._began >= SETTLED_AFTER_S:
            return True
        return bool(expected) and all(name in self._entries for name in expected)

    def settles_in(self, now: float) -> float:
        """Return the seconds until the registry is complete in any case."""
        return max(0.0, self._began + SETTLED_AFTER_S - now)

    def page(self, now: float, after: str = "") -> RegisteredResolvers:
        """Return a page of resolvers after a name, sorted by name."""
        self._forget(now)
        names = sorted(name for name in self._entries if name > after)
        listed = names[:MAX_RESOLVERS_LISTED]
        return RegisteredResolvers(
            resolvers=[_registered(self._entries[name], now) for name in listed],
            listening=now - self._began,
            after=listed[-1] if len(names) > len(listed) else None,
            full=bool(self._refused),
        )

    def list_responsive(self, now: float) -> list[Registered]:
        """Return the resolvers that are not silent."""
        found = (_registered(entry, now) for entry in self._entries.values())
        return [each for each in found if not each.is_silent]

    def _forget(self, now: float) -> None:
        for name, entry in list(self._entries.items()):
            if now - entry.heard >= FORGET_AFTER_S:
                del self._entries[name]
        for name, refused in list(self._refused.items()):
            if now - refused >= FORGET_AFTER_S:
                del self._refused[name]


def _registered(entry: _Entry, now: float) -> Registered:
    age = now - entry.heard
    is_contested = entry.contested is not None and now - entry.contested < SILENT_AFTER_S
    return Registered(
        last=entry.last, age=age, is_silent=age >= SILENT_AFTER_S, is_contested=is_contested
    )
