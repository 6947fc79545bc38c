"""Keep the master file of a zone up to date through a series of changes.

Only the owners that a change touches are rendered again.
"""

from bisect import bisect_left
from collections.abc import Mapping

from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zonefile import writer


class LiveText:
    """The master file of a zone, in the form of ``writer.write``; the zone is empty at first."""

    def __init__(self, zone: Name) -> None:
        self._zone = zone
        self._owners: dict[Name, dict[int, RRset]] = {}
        # Parallel lists in canonical order (RFC 4034 section 6.1).
        self._keys: list[tuple[bytes, ...]] = []
        self._texts: list[bytes] = []

    def apply(self, changes: Mapping[tuple[Name, int], RRset | None]) -> None:
        """Replace RRsets by their new values; None removes an RRset."""
        for (owner, rdtype), rrset in changes.items():
            types = self._owners.setdefault(owner, {})
            if rrset is None:
                types.pop(rdtype, None)
            else:
                types[rdtype] = rrset
        owners = {owner for owner, _ in changes}
        for key, owner in sorted((names.canonical_key(owner), owner) for owner in owners):
            self._write(key, owner)

    def _write(self, key: tuple[bytes, ...], owner: Name) -> None:
        at = bisect_left(self._keys, key)
        is_there = at < len(self._keys) and self._keys[at] == key
        types = self._owners.get(owner)
        if not types:
            self._owners.pop(owner, None)
            if is_there:
                del self._keys[at], self._texts[at]
            return
        text = "".join(writer.write_owner(owner, types, self._zone)).encode()
        if is_there:
            self._texts[at] = text
        else:
            self._keys.insert(at, key)
            self._texts.insert(at, text)

    def octets(self) -> bytes:
        """Return the whole file."""
        return writer.write_origin(self._zone).encode() + b"".join(self._texts)
