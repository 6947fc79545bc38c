"""Render records as octets that can be placed anywhere in a message.

An answer is rendered once, as if its name came right after the header. If it is used for another
name (below a zone cut, from a wildcard, at the end of a CNAME chain), only its compression pointers
(RFC 1035 section 4.1.4) differ, each by one of three distances. A fragment keeps its octets as one
large integer, and for each distance an integer with a 1 at every such pointer: one multiplication
and one addition adjust them all.
"""

import struct
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NewType, TypeVar

from zonegit.zone.names import ROOT, Name
from zonegit.zone.rrset import IN, RRset

HEADER: Final = 12
QUESTION_TAIL: Final = 4
"""Octets of type and class after a question's name."""

NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
NOTIMP: Final = 4
REFUSED: Final = 5
YXDOMAIN: Final = 6
NOTAUTH: Final = 9
BADVERS: Final = 16

QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100

_POINTER: Final = 0xC000
MAX_POINTER_TARGET: Final = 0x1C00
"""Offset of a fragment up to which names are pointed at."""
MAX_NEAR_START: Final = 0x3FFF - MAX_POINTER_TARGET
"""Offset up to which a fragment may begin. A fragment that begins later must be written as a far
one, because a pointer reaches 0x3FFF. The longest chain of aliases without signatures (16 times a
DNAME, its CNAME and their longest names) takes some 8,700 octets."""

Numbers = TypeVar("Numbers", bound=tuple[Any, ...])

_FIXED: Final = struct.Struct("!HHIH")
_COUNTS: Final = struct.Struct("!HHHHH")

Distance = NewType("Distance", int)
OWNER: Final = Distance(0)
"""Points at the name of the question itself."""
SUFFIX: Final = Distance(1)
"""Points at the end of that name, whatever labels precede it."""
BODY: Final = Distance(2)
"""Points into the fragment's own records."""


@lru_cache(maxsize=4096)
def encode_headers(flags: int, answers: int, authority: int, additional: int) -> tuple[bytes, ...]:
    """Return octets 2 to 12 of the header, indexed by ``recursion desired + 2 * with EDNS``."""
    return tuple(
        _COUNTS.pack(
            flags | QR | (RD if index & 1 else 0), 1, answers, authority, additional + (index >> 1)
        )
        for index in range(4)
    )


@lru_cache(maxsize=4096)
def _intern(numbers: Numbers) -> Numbers:
    """Return the same object for equal tuples: most fragments are one record that points at its
    owner."""
    return numbers


class Fragment:
    """Rendered records of all sections, with the header fields that describe them.

    Attributes:
        octets: the records, for a message whose question has a name of ``length`` octets.
        cuts: offsets at which the fragment may end if space is short, last first, each with the
            number of additional records before it.
        needed: an entry of ``cuts``, or the end. The records after it are optional: the client can
            query for them.
    """

    __slots__ = (
        "_masks",
        "_number",
        "_pointers",
        "additional",
        "answers",
        "authority",
        "cuts",
        "flags",
        "heads",
        "length",
        "needed",
        "octets",
    )

    def __init__(
        self,
        writer: "Writer",
        flags: int,
        counts: tuple[int, int, int],
        cuts: tuple[tuple[int, int], ...] = (),
        needed: tuple[int, int] | None = None,
    ) -> None:
        self.octets = bytes(writer.octets)
        self.length = writer.length
        self.flags = flags
        self.answers, self.authority, self.additional = counts
        self.cuts = cuts
        self.needed = _intern(needed or (len(self.octets), self.additional))
        self.heads = encode_headers(flags, *counts)
        self._pointers = _intern(tuple(writer.pointers))
        self._number: int | None = None
        self._masks: tuple[int, int, int] = (0, 0, 0)

    def shift(self, distance: int) -> bytes:
        """Return the octets for a question that is ``distance`` octets longer than ``length``."""
        if not distance:
            return self.octets
        if self._number is None:
            self._prepare()
        _, suffix, body = self._masks
        shifted: int = self._number + distance * (suffix + body)  # type: ignore[operator]
        return shifted.to_bytes(len(self.octets), "big")

    def place(self, name_at: int, name_length: int, start: int) -> bytes:
        """Return the octets for a position in a message.

        Args:
            name_at: offset of the name, which is written there without compression.
            name_length: octets of that name.
            start: offset at which the fragment begins.
        """
        if start == HEADER + name_length + QUESTION_TAIL:
            return self.shift(name_length - self.length)
        if self._number is None:
            self._prepare()
        owner, suffix, body = self._masks
        by_name = name_at - HEADER
        by_start = start - (HEADER + self.length + QUESTION_TAIL)
        shifted: int = self._number + (  # type: ignore[operator]
            by_name * owner + (by_name + name_length - self.length) * suffix + by_start * body
        )
        return shifted.to_bytes(len(self.octets), "big")

    def _prepare(self) -> None:
        masks = [0, 0, 0]
        for at, distance in self._pointers:
            masks[distance] |= 1 << 8 * (len(self.octets) - at - 2)
        self._masks = (masks[OWNER], masks[SUFFIX], masks[BODY])
        self._number = int.from_bytes(self.octets, "big")


class Writer:
    """Writes the records of one fragment and compresses names.

    Args:
        about: the name of the question.
        is_below: the fragment also answers for names below ``about``, so pointers at it become
            pointers at the end of the question.
        furthest: offset from which on names are not pointed at.
    """

    def __init__(
        self, about: Name, *, is_below: bool = False, furthest: int = MAX_POINTER_TARGET
    ) -> None:
        self._furthest = furthest
        self.octets = bytearray()
        self.pointers: list[tuple[int, Distance]] = []
        self.length = len(about)
        self._owner = SUFFIX if is_below else OWNER
        self._start = HEADER + len(about) + QUESTION_TAIL
        self._seen: dict[bytes, int] = {}
        self._has_owner_label = about != ROOT
        at = 0
        while about[at]:
            # The message will hold the name that matched instead of the asterisk.
            if at or about[:2] != b"\x01*":
                self._seen[about[at:]] = HEADER + at
            at += about[at] + 1

    def write_owner(self) -> None:
        """Write the name of the question."""
        if self._has_owner_label:
            self._point(HEADER)
        else:
            self.octets += ROOT

    def write_name(self, name: bytes) -> None:
        """Write an uncompressed name with compression. A pointer's target has exactly the same
        octets."""
        while name[0]:
            if (seen := self._seen.get(name)) is not None:
                self._point(seen)
                return
            here = self._start + len(self.octets)
            if here < self._furthest:
                self._seen[name] = here
            end = name[0] + 1
            self.octets += name[:end]
            name = name[end:]
        self.octets += ROOT

    def write_fixed(self, rdtype: int, ttl: int, rdlength: int = 0) -> int:
        """Write the fields after an owner, and return the offset of the RDATA."""
        self.octets += _FIXED.pack(rdtype, IN, ttl, rdlength)
        return len(self.octets)

    def set_rdlength(self, start: int) -> None:
        """Set the length of RDATA that was written in pieces from ``start`` on."""
        length = len(self.octets) - start
        self.octets[start - 2 : start] = length.to_bytes(2, "big")

    def _point(self, target: int) -> None:
        within_name = self._owner if target == HEADER else SUFFIX
        distance = within_name if target < self._start else BODY
        self.pointers.append((len(self.octets), distance))
        self.octets += (_POINTER | target).to_bytes(2, "big")


def write_rrset(
    writer: Writer, rrset: RRset, *, is_owner: bool, ttls: tuple[int, ...] | None = None
) -> None:
    """Write all records of an RRset; ``ttls`` are those of its records if they differ."""
    for index, rdata in enumerate(rrset.rdatas):
        if is_owner:
            writer.write_owner()
        else:
            writer.write_name(rrset.owner)
        write_record(writer, rrset.rdtype, rrset.ttl if ttls is None else ttls[index], rdata)


def write_record(writer: Writer, rdtype: int, ttl: int, rdata: bytes) -> None:
    """Write a record without its owner."""
    layout = _LAYOUTS.get(rdtype)
    ends = _find_name_ends(rdata, *layout) if layout is not None else None
    if ends is None:
        writer.write_fixed(rdtype, ttl, len(rdata))
        writer.octets += rdata
    else:
        _write_compressed(writer, writer.write_fixed(rdtype, ttl), rdata, ends)


def _write_compressed(writer: Writer, start: int, rdata: bytes, ends: list[int]) -> None:
    writer.octets += rdata[: ends[0]]
    for begin, end in pairwise(ends):
        writer.write_name(rdata[begin:end])
    writer.octets += rdata[ends[-1] :]
    writer.set_rdlength(start)


_LAYOUTS: Final = {2: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1)}
"""NS, SOA, PTR, MX: octets before the names in their RDATA, and the number of names. Only types
of RFC 1035 may be compressed (RFC 3597 section 4). The target of a CNAME is never compressed,
because the next fragment of a chain points into it."""


def _find_name_ends(rdata: bytes, skip: int, count: int) -> list[int] | None:
    """Return the offsets at which each name begins and the last one ends. None for malformed
    RDATA, which is sent as it is."""
    ends = [skip]
    at = skip
    for _ in range(count):
        while at < len(rdata) and rdata[at]:
            if rdata[at] > 63:
                return None
            at += rdata[at] + 1
        at += 1
        if at > len(rdata):
            return None
        ends.append(at)
    return ends
