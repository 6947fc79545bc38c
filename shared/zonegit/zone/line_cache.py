"""Caches the records of master-file lines.

The versions of a zone have most lines in common; with the cache, each line is parsed once.

A cached record has only what its line states. An owner or a TTL that the line omits is omitted
here, too, and is taken from the context when the line is read again. Relative names depend on the
origin, so the cache is keyed by origin and line.
"""

from typing import Final, NamedTuple

from zonegit.zone.names import Name

MAX_OCTETS: Final = 256 << 20
"""Approximate octets of a cache; a full cache is cleared."""
MAX_LINE: Final = 4_096
"""Octets of a line that is cached."""

_OVERHEAD: Final = 400
"""Approximate octets that a cached line takes in addition to the line and its RDATA."""


class LineRecord(NamedTuple):
    """The record of one line.

    Args:
        owner: the owner, or None if the line omits it.
        rdtype: the type.
        ttl: the TTL in seconds, or None if the line omits it.
        rdata: the RDATA in uncompressed wire form.
    """

    owner: Name | None
    rdtype: int
    ttl: int | None
    rdata: bytes


class LineCache:
    """Records by origin and line; a line includes its line end."""

    def __init__(self, most: int = MAX_OCTETS) -> None:
        """Create an empty cache.

        Args:
            most: the approximate number of octets that it may take.
        """
        self._most = most
        self._octets = 0
        self._said: dict[Name, dict[bytes, LineRecord]] = {}

    def recall(self, origin: Name, line: bytes) -> LineRecord | None:
        """Return the record of a line, or None if the line is not cached."""
        known = self._said.get(origin)
        return known.get(line) if known is not None else None

    def keep(self, origin: Name, line: bytes, said: LineRecord) -> None:
        """Add a line that holds a whole record."""
        if len(line) > MAX_LINE:
            return
        size = len(line) + len(said.rdata) + _OVERHEAD
        if self._octets + size > self._most:
            self._said.clear()
            self._octets = 0
        self._said.setdefault(origin, {})[line] = said
        self._octets += size
