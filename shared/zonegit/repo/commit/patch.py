"""A diff as text, one record a line, and back to the edits that it stands for.

    diff foo.com. 0f3a8c41d2e7..9b21c07754aa
    - www.foo.com. 300 IN A 192.0.2.7
    + www.foo.com. 300 IN A 192.0.2.8

What differs is told by records; where the TTL of an RRset differs, by all of them. Empty lines and
lines that begin with ``#``, ``;`` or ``diff `` say nothing. All pure.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.errors import Invalid
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.edits import Add, Delete, Remove, RRsetEdit, Set
from zonegit.zone import lexer, names, rrtypes, rules
from zonegit.zone.lexer import Quoted
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, describe, rdata_to_text, rrset, ttl_from_text, with_serial
from zonegit.zonefile.conflict_markers import refuse_markers
from zonegit.zonefile.writer import rdata_from_words, record_head

MAX_OCTETS: Final = 64 << 20
MAX_RECORDS: Final = 1_000_000
HEADER: Final = "diff "
COMMENTS: Final = ("#", ";")


def write(deltas: Iterable[RRsetDelta]) -> Iterator[str]:
    """The lines of a diff, without line ends: of each RRset first what went, then what came, as
    the records are stored. :func:`read` gives the same octets back."""
    for delta in deltas:
        stays = _unchanged_records(delta.old, delta.new)
        yield from _format_side("-", delta.old, stays)
        yield from _format_side("+", delta.new, stays)


def count_records(delta: RRsetDelta) -> tuple[int, int]:
    """How many records went, and how many came."""
    stays = _unchanged_records(delta.old, delta.new)
    old, new = ((value.rdatas if value else ()) for value in (delta.old, delta.new))
    return len(old) - len(stays), len(new) - len(stays)


def _unchanged_records(old: RRset | None, new: RRset | None) -> set[bytes]:
    if old is None or new is None or old.ttl != new.ttl:
        return set()
    return set(old.rdatas) & set(new.rdatas)


def _format_side(sign: str, value: RRset | None, stays: set[bytes]) -> Iterator[str]:
    if value is None:
        return
    head = f"{sign} {record_head(value)}"
    for rdata in value.rdatas:
        if rdata not in stays:
            yield f"{head} {rdata_to_text(value.rdtype, rdata)}"


def is_patch(octets: bytes) -> bool:
    """Whether the first line that is neither empty nor a comment is one of a diff."""
    for _, line in _lines(octets):
        if not line.startswith(COMMENTS):
            return line.startswith(("+", "-", HEADER))
    return False


def read(octets: bytes, apex: Name, source: str) -> list[RRsetEdit]:
    """The edits that a diff of the zone stands for, one a line, each knowing its line.

    A record that goes must be there, with its TTL, when the edits are applied; one that comes may
    be there already. The zone's SOA becomes the one that comes, its serial as the rules for
    serials say; two that differ in the serial alone are no edit.

    Raises:
        Invalid: it is no diff, or one of another zone; names ``source`` and the line.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"{source}: more than {MAX_OCTETS} octets")
    refuse_markers(octets, source)
    found: list[RRsetEdit] = []
    soas: dict[str, Set] = {}
    for number, line in _lines(octets):
        if line.startswith((*COMMENTS, HEADER)):
            continue
        try:
            sign, value = _parse_line(line, apex)
            where = f"{source}:{number}"
            if value.rdtype == rrtypes.SOA:
                _take_soa(soas, sign, Set(value, where=where))
            elif sign == "+":
                found.append(Add(value, where=where))
            else:
                gone = Remove(value.owner, value.rdtype, value.rdatas, value.ttl, where=where)
                found.append(gone)
            if len(found) > MAX_RECORDS:
                raise Invalid(f"more than {MAX_RECORDS} records")
        except Invalid as error:
            raise lexer.failure(source, number, error.message, error.hint) from None
    return [*found, *_soa_edit(soas)]


def _take_soa(soas: dict[str, Set], sign: str, found: Set) -> None:
    if sign in soas:
        raise Invalid(f"a second {sign} line of {describe(found.rrset)}")
    soas[sign] = found


def _soa_edit(soas: dict[str, Set]) -> list[RRsetEdit]:
    match soas:
        case {"+": comes, "-": goes} if _without_serial(comes.rrset) == _without_serial(goes.rrset):
            return []
        case {"+": comes}:
            return [comes]
        case {"-": goes}:  # no zone is without, so this will be refused
            return [Delete(goes.rrset.owner, rrtypes.SOA, where=goes.where)]
        case _:
            return []


def _without_serial(value: RRset) -> RRset:
    return with_serial(value, 0)


def _lines(octets: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, numbered from 1."""
    for number, raw in enumerate(io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")), 1):
        if line := lexer.text(raw.removesuffix(b"\n").removesuffix(b"\r")).strip(" \t"):
            yield number, line


def _parse_line(line: str, apex: Name) -> tuple[str, RRset]:
    """The sign and the record of a line: ``+ OWNER TTL IN TYPE RDATA``."""
    if len(line) > lexer.MAX_ENTRY:
        raise Invalid(f"a line of more than {lexer.MAX_ENTRY} octets")
    words = lexer.split(line)
    match words:
        case [("+" | "-") as sign, owner, ttl, "IN", rdtype, *rdata] if not _has_quoted(words[:5]):
            number = rrtypes.from_text(rdtype)
            found = rdata_from_words(number, rdata, apex)
            name = names.parse(owner, apex)
            rules.check_inside(name, apex)
            return sign, rrset(name, number, ttl_from_text(ttl), [found])
        case _:
            raise Invalid(
                f"{lexer.shown(words)!r} is no line of a diff",
                hint="a line is + or -, then a record: OWNER TTL IN TYPE RDATA",
            )


def _has_quoted(words: list[str]) -> bool:
    return any(isinstance(word, Quoted) for word in words)
