"""Write a diff as text, one record a line, and read it as edits. Pure.

    diff foo.com. 0f3a8c41d2e7..9b21c07754aa
    - www.foo.com. 300 IN A 192.0.2.7
    + www.foo.com. 300 IN A 192.0.2.8

A diff lists the records that differ; if the TTL of an RRset differs, all of its records. Empty
lines and lines that begin with ``#``, ``;`` or ``diff `` are ignored.
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
from zonegit.zone.rrset import (
    RRset,
    describe,
    is_same_except_serial,
    rdata_to_text,
    rrset,
    ttl_from_text,
)
from zonegit.zonefile.conflict_markers import refuse_markers
from zonegit.zonefile.writer import rdata_from_words, write_record_head

MAX_OCTETS: Final = 64 << 20
MAX_RECORDS: Final = 1_000_000
HEADER: Final = "diff "
COMMENTS: Final = ("#", ";")


def write(deltas: Iterable[RRsetDelta]) -> Iterator[str]:
    """Yield the lines of a diff, without line ends.

    For each RRset, the removed records come before the added ones. :func:`read` returns edits with
    the same octets.
    """
    for delta in deltas:
        unchanged = _find_unchanged(delta.old, delta.new)
        yield from _format_side("-", delta.old, unchanged)
        yield from _format_side("+", delta.new, unchanged)


def count_records(delta: RRsetDelta) -> tuple[int, int]:
    """Return the number of removed records and the number of added ones."""
    unchanged = _find_unchanged(delta.old, delta.new)
    old, new = ((value.rdatas if value else ()) for value in (delta.old, delta.new))
    return len(old) - len(unchanged), len(new) - len(unchanged)


def _find_unchanged(old: RRset | None, new: RRset | None) -> set[bytes]:
    if old is None or new is None or old.ttl != new.ttl:
        return set()
    return set(old.rdatas) & set(new.rdatas)


def _format_side(sign: str, value: RRset | None, unchanged: set[bytes]) -> Iterator[str]:
    if value is None:
        return
    head = f"{sign} {write_record_head(value)}"
    for rdata in value.rdatas:
        if rdata not in unchanged:
            yield f"{head} {rdata_to_text(value.rdtype, rdata)}"


def is_patch(octets: bytes) -> bool:
    """Return whether the input is a diff: its first line, except for empty lines and comments, is
    one of a diff."""
    for _, line in _iter_lines(octets):
        if not line.startswith(COMMENTS):
            return line.startswith(("+", "-", HEADER))
    return False


def read(octets: bytes, apex: Name, source: str) -> list[RRsetEdit]:
    """Read a diff of the zone as edits, one per line.

    A removed record must exist, with its TTL, when the edits are applied. An added one may exist
    already. The added SOA replaces the zone's, with a serial by the rules for serials. Two SOAs
    that differ in the serial only give no edit.

    Args:
        octets: the content of the file.
        apex: the zone's name.
        source: the name of the file, for errors.

    Raises:
        Invalid: it is not a diff, or one of another zone; names ``source`` and the line.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"{source}: more than {MAX_OCTETS} octets")
    refuse_markers(octets, source)
    found: list[RRsetEdit] = []
    soas: dict[str, Set] = {}
    for number, line in _iter_lines(octets):
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
                removal = Remove(value.owner, value.rdtype, value.rdatas, value.ttl, where=where)
                found.append(removal)
            if len(found) > MAX_RECORDS:
                raise Invalid(f"more than {MAX_RECORDS} records")
        except Invalid as error:
            raise lexer.error_at(source, number, error.message, error.hint) from None
    return [*found, *_make_soa_edit(soas)]


def _take_soa(soas: dict[str, Set], sign: str, found: Set) -> None:
    if sign in soas:
        raise Invalid(f"a second {sign} line of {describe(found.rrset)}")
    soas[sign] = found


def _make_soa_edit(soas: dict[str, Set]) -> list[RRsetEdit]:
    match soas:
        case {"+": added, "-": removed} if is_same_except_serial(added.rrset, removed.rrset):
            return []
        case {"+": added}:
            return [added]
        case {"-": removed}:  # a zone needs an SOA, so this will be refused
            return [Delete(removed.rrset.owner, rrtypes.SOA, where=removed.where)]
        case _:
            return []


def _iter_lines(octets: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, numbered from 1."""
    for number, raw in enumerate(io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")), 1):
        if line := lexer.decode_line(raw.removesuffix(b"\n").removesuffix(b"\r")).strip(" \t"):
            yield number, line


def _parse_line(line: str, apex: Name) -> tuple[str, RRset]:
    """Return the sign and the record of a line: ``+ OWNER TTL IN TYPE RDATA``."""
    if len(line) > lexer.MAX_ENTRY:
        raise Invalid(f"a line of more than {lexer.MAX_ENTRY} octets")
    words = lexer.split(line)
    match words:
        case [("+" | "-") as sign, owner, ttl, "IN", rdtype, *rdata] if not _has_quoted(words[:5]):
            number = rrtypes.from_text(rdtype)
            found = rdata_from_words(number, rdata, apex)
            name = names.parse(owner, apex)
            rules.check_within(name, apex)
            return sign, rrset(name, number, ttl_from_text(ttl), [found])
        case _:
            raise Invalid(
                f"invalid line of a diff: {lexer.show_words(words)!r}",
                hint="a line is + or -, then a record: OWNER TTL IN TYPE RDATA",
            )


def _has_quoted(words: list[str]) -> bool:
    return any(isinstance(word, Quoted) for word in words)
