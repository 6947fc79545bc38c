"""Cache the records of master-file lines.

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

    def __init__(self, max_octets: int = MAX_OCTETS) -> None:
        """Create an empty cache.

        Args:
            max_octets: the approximate number of octets that it may take.
        """
        self._max_octets = max_octets
        self._octets = 0
        self._records: dict[Name, dict[bytes, LineRecord]] = {}

    def get(self, origin: Name, line: bytes) -> LineRecord | None:
        """Return the record of a line, or None if the line is not cached."""
        lines = self._records.get(origin)
        return lines.get(line) if lines is not None else None

    def add(self, origin: Name, line: bytes, record: LineRecord) -> None:
        """Add a line that is a whole record."""
        if len(line) > MAX_LINE:
            return
        size = len(line) + len(record.rdata) + _OVERHEAD
        if self._octets + size > self._max_octets:
            self._records.clear()
            self._octets = 0
        self._records.setdefault(origin, {})[line] = record
        self._octets += size
