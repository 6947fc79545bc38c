"""Lines of master files that were read before, and what they said: the versions of a zone hold much
the same ones, and each is taken apart once.

What is kept is what a line says by itself: an owner or a TTL that it leaves out is left out here,
too, and comes from wherever it stands when it is met again. What its names mean depends on the
origin, so a line is known under one origin alone.
"""

from typing import Final, NamedTuple

from zonegit.zone.names import Name

MAX_OCTETS: Final = 256 << 20
"""Octets that a memory takes, roughly; one that is full is emptied."""
MAX_LINE: Final = 4_096
"""Octets of a line that is kept."""

_OVERHEAD: Final = 400
"""Octets that a kept line takes beside its own and its RDATA's, roughly."""


class LineRecord(NamedTuple):
    """The record that one line holds. ``owner`` None: that of the record before; ``ttl`` in
    seconds, None: not stated."""

    owner: Name | None
    rdtype: int
    ttl: int | None
    rdata: bytes


class Lines:
    """Records by origin and by the octets of their line, its line end included."""

    def __init__(self, most: int = MAX_OCTETS) -> None:
        """``most``: about how many octets it may take."""
        self._most = most
        self._octets = 0
        self._said: dict[Name, dict[bytes, LineRecord]] = {}

    def recall(self, origin: Name, line: bytes) -> LineRecord | None:
        """Return the record of a line, or None if it is not known."""
        known = self._said.get(origin)
        return known.get(line) if known is not None else None

    def keep(self, origin: Name, line: bytes, said: LineRecord) -> None:
        """Remembers a line that is no part of a longer record."""
        if len(line) > MAX_LINE:
            return
        size = len(line) + len(said.rdata) + _OVERHEAD
        if self._octets + size > self._most:
            self._said.clear()
            self._octets = 0
        self._said.setdefault(origin, {})[line] = said
        self._octets += size
