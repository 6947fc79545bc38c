"""What a question is told: the part that answers it, behind those of the aliases that lead there.

A chain is joined for each query, from parts of one zone each, so a change in one zone never makes
what is kept of another one wrong.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from zonegit.zone import names, rrtypes
from zonegit.zone.names import MAX_OCTETS, Name
from zonegit.zone.rrset import RRset
from zonegit_resolver.answering.lookup import lookup
from zonegit_resolver.answering.sections import rendered
from zonegit_resolver.compiled.snapshot import Alias, Outcome, Redirect, Snapshot
from zonegit_resolver.messages.parts import AA, HEADER, YXDOMAIN, Part, Writer, heads
from zonegit_resolver.messages.query import RCODE, Query

MAX_ALIASES: Final = 16
"""How many aliases of a chain are followed."""

_ENDS: Final = (rrtypes.CNAME, rrtypes.ANY)
"""Questions that an alias itself answers."""

Find = Callable[[Name, int], Snapshot | None]
"""The state of the deepest zone here that holds a name, as a client and type see it."""


class Told(msgspec.Struct, frozen=True):
    """All sections of a reply. ``flags`` are AA and the RCODE; ``cuts`` as a part's.
    ``is_alias`` says that the name asked for is itself the owner of a CNAME, so there are no more
    such replies than aliases and types."""

    octets: bytes
    flags: int
    answers: int
    authority: int
    additional: int
    cuts: tuple[tuple[int, int], ...]
    is_alias: bool = False

    def heads(self) -> tuple[bytes, ...]:
        """As those of a part."""
        return heads(self.flags, self.answers, self.authority, self.additional)


def follow(query: Query, snapshot: Snapshot, find: Find) -> Told:
    """The answer to ``query`` from ``snapshot``, and from other zones where aliases lead there.

    A chain ends early, with the aliases found so far, where it leaves the zones that are served
    here or meets a name again.
    """
    written = query.question[:-4]
    joined = _Joined(len(query.question))
    seen: set[Name] = set()
    at = HEADER
    while True:
        name = Name(written.lower())
        seen.add(name)
        outcome = lookup(snapshot, _path(name, snapshot.apex), query.qtype)
        if at == HEADER:
            joined.is_alias = isinstance(outcome, Alias) and outcome.rrset.owner == name
        joined.add(rendered(snapshot, outcome), at, len(written))
        target = _target(outcome, written, query.qtype)
        if target is None:
            break
        if len(target) > MAX_OCTETS:
            return joined.told(YXDOMAIN)  # RFC 6672 section 2.2
        if isinstance(outcome, Redirect):
            joined.add(_synthesised(outcome.rrset, name, target), at, len(written))
            if query.qtype in _ENDS:
                break
        written, at = target, joined.end - len(target)
        name = Name(target.lower())
        onward = find(name, query.qtype) if name not in seen else None
        if onward is None or len(seen) > MAX_ALIASES:
            break
        snapshot = onward
    return joined.told()


def _path(name: Name, apex: Name) -> tuple[bytes, ...]:
    return names.labels(Name(name[: len(name) - len(apex)] + names.ROOT))[::-1]


def _target(outcome: Outcome, written: bytes, qtype: int) -> bytes | None:
    """Where the search goes on, None where it ends."""
    match outcome:
        case Alias(rrset) if qtype not in _ENDS:
            return rrset.rdatas[0]
        case Redirect(rrset, target):
            return written[: len(written) - len(rrset.owner)] + target
        case _:
            return None


def _synthesised(dname: RRset, name: Name, target: bytes) -> Part:
    """The CNAME that a DNAME stands for (RFC 6672 section 3.1)."""
    writer = Writer(name)
    writer.owner()
    writer.fixed(rrtypes.CNAME, dname.ttl, len(target))
    writer.octets += target
    return Part(writer, AA, (1, 0, 0))


class _Joined:
    """Parts one behind the other. The last one's authority and additional sections are the
    reply's; the answer is authoritative when its first owner is (RFC 1035 section 4.1.1)."""

    __slots__ = ("_answers", "_first", "_last", "_last_at", "_octets", "_start", "is_alias")

    def __init__(self, question: int) -> None:
        self.is_alias = False
        self._start = HEADER + question
        self._octets = bytearray()
        self._answers = self._last_at = 0
        self._first: Part | None = None
        self._last: Part | None = None

    @property
    def end(self) -> int:
        """The offset in the message of whatever comes next."""
        return self._start + len(self._octets)

    def add(self, part: Part, name_at: int, name_length: int) -> None:
        self._first = self._first or part
        self._last, self._last_at = part, len(self._octets)
        self._octets += part.placed(name_at, name_length, self.end)
        self._answers += part.answers

    def told(self, rcode: int | None = None) -> Told:
        first, last = self._first, self._last
        assert first is not None
        assert last is not None
        code = last.flags & RCODE if rcode is None else rcode
        cuts = tuple((self._last_at + end, count) for end, count in last.cuts)
        return Told(
            bytes(self._octets),
            first.flags & AA | code,
            self._answers,
            last.authority,
            last.additional,
            cuts,
            self.is_alias,
        )
