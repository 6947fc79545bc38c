"""A zone's master file that follows its changes: what stands at an owner is written again when it
changes, and at no other time."""

from collections.abc import Mapping

from zonegit.zone import names, zonetext
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

Ordered = tuple[tuple[bytes, ...], Name]
"""Sorts owners in canonical order (RFC 4034 section 6.1)."""


class LiveText:
    """The text of a zone that begins empty; what ``zonetext.write`` makes of the same RRsets."""

    def __init__(self, zone: Name) -> None:
        self._zone = zone
        self._owners: dict[Name, dict[int, RRset]] = {}
        self._texts: dict[Name, bytes] = {}
        self._order: list[Ordered] = []

    def apply(self, changes: Mapping[tuple[Name, int], RRset | None]) -> None:
        """What RRsets become; None: they go."""
        for (owner, rdtype), rrset in changes.items():
            types = self._owners.setdefault(owner, {})
            if rrset is None:
                types.pop(rdtype, None)
            else:
                types[rdtype] = rrset
        self._write({owner for owner, _ in changes})

    def _write(self, owners: set[Name]) -> None:
        new = [(names.canonical_key(each), each) for each in owners if each not in self._texts]
        gone = {each for each in owners if not self._owners[each]}
        for owner in owners:
            lines = zonetext.owner_lines(owner, self._owners[owner], self._zone)
            self._texts[owner] = "".join(lines).encode()
        if new:
            self._order += new
            self._order.sort()
        if gone:
            self._order = [each for each in self._order if each[1] not in gone]
            for owner in gone:
                del self._texts[owner], self._owners[owner]

    def octets(self) -> bytes:
        """The whole file."""
        head = zonetext.first_line(self._zone).encode()
        return b"".join([head, *[self._texts[owner] for _, owner in self._order]])
