"""Files of edits, in the commands' own words: one edit a line, words quoted as a shell does.

# mail moves
set @ MX 1h '10 mail1' '20 mail2'
add www A 300 192.0.2.8
remove www A 192.0.2.7
delete old
"""

import io
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.repo.commit import edits, patch
from zonegit.repo.commit.edits import Delete, RRsetEdit
from zonegit.zone import names, rrtypes, rules
from zonegit.zone.findings import Finding
from zonegit.zone.lexer import MAX_ENTRY, failure
from zonegit.zone.names import Name
from zonegit.zonefile import typed_records
from zonegit.zonefile.conflict_markers import refuse_markers
from zonegit_cli.parse.records import parse_add, parse_remove, parse_set

_BLANKS: Final = " \t\r\n"
_PLAIN: Final = re.compile(r"[!$-&(-\[\]-~ \t]*")
"""Words without quotes, backslashes or comments, most lines by far."""
_UNCOMMENTED: Final = re.compile(
    r"""(?:[ \t]*+(?!\#)(?:[^ \t\\'"]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")++)*+""", re.DOTALL
)
"""Up to the # that begins a word (shlex would cut a word that has one inside)."""

MAX_EDITS: Final = 1_000_000
USAGE: Final = {
    "set": "set NAME TYPE [TTL] RDATA...",
    "add": "add NAME TYPE [TTL] RDATA...",
    "remove": "remove NAME TYPE RDATA...",
    "delete": "delete NAME [TYPE]",
}


class Script(msgspec.Struct, frozen=True):
    """The edits of a script, in order, and what the operator should know about them."""

    edits: list[RRsetEdit]
    findings: list[Finding]


def is_script(octets: bytes) -> bool:
    """Whether the first line that is neither empty nor a comment begins as an edit does."""
    for line in io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")):
        if (words := line.split()) and not words[0].startswith((b"#", b";")):
            return words[0].decode("ascii", "replace") in USAGE
    return False


def read(octets: bytes, zone: Name, source: str, ttl: int | None = None) -> Script:
    """Return the edits, in order; each knows its line.

    Args:
        octets: the script.
        zone: completes relative names.
        source: how errors name the script.
        ttl: the TTL of a new RRset where none is typed; None: the minimum of the zone's SOA.

    Raises:
        Invalid: a line is no edit; names ``source`` and the line.
    """
    if len(octets) > patch.MAX_OCTETS:
        raise Invalid(f"{source}: more than {patch.MAX_OCTETS} octets")
    refuse_markers(octets, source)
    found: list[RRsetEdit] = []
    notes: list[Finding] = []
    for number, line in enumerate(io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")), 1):
        try:
            words = _words(line)
            if words:
                where = f"{source}:{number}"
                edit = msgspec.structs.replace(_edit(words, zone, ttl), where=where)
                rules.check_inside(edits.owner(edit), zone)
                found.append(edit)
                notes += _notes(words, where)
            if len(found) > MAX_EDITS:
                raise Invalid(f"more than {MAX_EDITS} edits")
        except Invalid as error:
            raise failure(source, number, error.message, error.hint) from None
    return Script(found, _shorten(notes))


def _notes(words: list[str], where: str) -> Iterator[Finding]:
    """Yield what the operator should know about one line that is an edit."""
    match words:
        case ["set" | "add", _, *rest]:
            typed = typed_records.split_words(rest)
            found = typed_records.find_notes(typed.rdtype, typed.arguments)
        case ["remove", _, rdtype, *rdata]:
            found = typed_records.find_notes(rrtypes.from_text(rdtype), rdata)
        case _:
            found = []
    for each in found:
        yield msgspec.structs.replace(each, message=f"{where}: {each.message}")


def _shorten(notes: list[Finding]) -> list[Finding]:
    """Return the first note of each rule, which counts the others."""
    counts = Counter(each.rule for each in notes)
    firsts = {each.rule: each for each in reversed(notes)}.values()
    return [
        msgspec.structs.replace(
            each, message=f"{each.message} ({counts[each.rule] - 1} more lines likewise)"
        )
        if counts[each.rule] > 1
        else each
        for each in firsts
    ]


def _words(line: bytes) -> list[str]:
    if len(line) > MAX_ENTRY:
        raise Invalid(f"a line of more than {MAX_ENTRY} octets")
    # As the words of a command line come: what is not UTF-8 stays the octets it was.
    text = line.decode("utf-8", "surrogateescape").strip(_BLANKS)
    if _PLAIN.fullmatch(text):
        return text.split()
    words = _UNCOMMENTED.match(text)
    assert words is not None  # it may be empty
    if text[words.end() :].strip(_BLANKS).startswith("#"):
        text = words[0]
    try:
        return shlex.split(text)
    except ValueError as error:
        reason = str(error).lower()
        raise Invalid(reason, hint="words are quoted as in a shell; \\ quotes one sign") from None


def _edit(words: list[str], zone: Name, ttl: int | None) -> RRsetEdit:
    match words:
        case ["set", name, *typed] if len(typed) > 1:
            return parse_set(zone, name, typed_records.split_words(typed), ttl)
        case ["add", name, *typed] if len(typed) > 1:
            return parse_add(zone, name, typed_records.split_words(typed), ttl)
        case ["remove", name, rdtype, *rdata] if rdata:
            return parse_remove(zone, name, rdtype, rdata)
        case ["delete", name]:
            return Delete(names.parse(name, zone))
        case ["delete", name, rdtype]:
            return Delete(names.parse(name, zone), rrtypes.from_text(rdtype))
        case [verb, *_] if verb in USAGE:
            raise Invalid(f"{verb} has too few or too many words", hint=USAGE[verb])
        case _:
            known = ", ".join(USAGE)
            raise Invalid(f"{words[0][:40]!r} is no edit", hint=f"a line begins with {known}")
