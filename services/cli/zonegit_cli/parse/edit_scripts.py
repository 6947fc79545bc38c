"""Parse files of edits: one edit a line, in the words of the commands, quoted as in a shell.

# mail moves
set @ MX 1h '10 mail1' '20 mail2'
add www A 300 192.0.2.8
remove www A 192.0.2.7
delete old
delete 'dhcp-*' A
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
from zonegit.repo.commit.edits import DeleteMatching, Edit
from zonegit.zone import rrtypes, rules
from zonegit.zone.findings import Finding
from zonegit.zone.lexer import MAX_ENTRY, error_at
from zonegit.zone.names import Name
from zonegit.zonefile import typed_records
from zonegit.zonefile.conflict_markers import refuse_markers
from zonegit_cli.parse.records import parse_add, parse_delete, parse_remove, parse_set

_BLANKS: Final = " \t\r\n"
_PLAIN: Final = re.compile(r"[!$-&(-\[\]-~ \t]*")
"""Words without quotes, backslashes or comments; most lines have no others."""
_UNCOMMENTED: Final = re.compile(
    r"""(?:[ \t]*+(?!\#)(?:[^ \t\\'"]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")++)*+""", re.DOTALL
)
"""The text before a # that begins a word (shlex also treats a # within a word as a comment)."""

MAX_EDITS: Final = 1_000_000
USAGE: Final = {
    "set": "set NAME TYPE [TTL] RDATA..., or set NAME [TTL] [IN] TYPE RDATA...",
    "add": "add NAME TYPE [TTL] RDATA..., or add NAME [TTL] [IN] TYPE RDATA...",
    "remove": "remove NAME TYPE RDATA...",
    "delete": "delete NAME [TYPE]",
}


class Script(msgspec.Struct, frozen=True):
    """The edits of a script, in order, and the findings about them."""

    edits: list[Edit]
    findings: list[Finding]


def is_script(octets: bytes) -> bool:
    """Return whether the first line that is neither empty nor a comment is an edit."""
    for line in io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")):
        if (words := line.split()) and not words[0].startswith((b"#", b";")):
            return words[0].decode("ascii", "replace") in USAGE
    return False


def read(octets: bytes, zone: Name, source: str, ttl: int | None = None) -> Script:
    """Return the edits in order, each with its line.

    Args:
        octets: the script.
        zone: the origin of relative names.
        source: the name of the script in errors.
        ttl: the TTL of a new RRset without one; None for the MINIMUM field of the SOA.

    Raises:
        Invalid: a line is not an edit; names ``source`` and the line.
    """
    if len(octets) > patch.MAX_OCTETS:
        raise Invalid(f"{source}: more than {patch.MAX_OCTETS} octets")
    refuse_markers(octets, source)
    found: list[Edit] = []
    notes: list[Finding] = []
    for number, line in enumerate(io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")), 1):
        try:
            words = _split_words(line)
            if words:
                where = f"{source}:{number}"
                edit = msgspec.structs.replace(_parse_edit(words, zone, ttl), where=where)
                if not isinstance(edit, DeleteMatching):
                    rules.check_within(edits.get_owner(edit), zone)
                found.append(edit)
                notes += _find_notes(words, where)
            if len(found) > MAX_EDITS:
                raise Invalid(f"more than {MAX_EDITS} edits")
        except Invalid as error:
            raise error_at(source, number, error.message, error.hint) from None
    return Script(found, _merge_notes(notes))


def _find_notes(words: list[str], where: str) -> Iterator[Finding]:
    """Yield the findings about a line."""
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


def _merge_notes(notes: list[Finding]) -> list[Finding]:
    """Return the first note of each rule, with the number of the others."""
    counts = Counter(each.rule for each in notes)
    firsts = {each.rule: each for each in reversed(notes)}.values()
    return [
        msgspec.structs.replace(
            each, message=f"{each.message} (and {counts[each.rule] - 1} more lines)"
        )
        if counts[each.rule] > 1
        else each
        for each in firsts
    ]


def _split_words(line: bytes) -> list[str]:
    if len(line) > MAX_ENTRY:
        raise Invalid(f"a line of more than {MAX_ENTRY} octets")
    # As in command line arguments: octets that are not UTF-8 are kept.
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
        raise Invalid(reason, hint="quote words as in a shell; \\ quotes one character") from None


def _parse_edit(words: list[str], zone: Name, ttl: int | None) -> Edit:
    match words:
        case ["set", name, *typed] if len(typed) > 1:
            return parse_set(zone, name, typed_records.split_words(typed), ttl)
        case ["add", name, *typed] if len(typed) > 1:
            return parse_add(zone, name, typed_records.split_words(typed), ttl)
        case ["remove", name, rdtype, *rdata] if rdata:
            return parse_remove(zone, name, rdtype, rdata)
        case ["delete", name]:
            return parse_delete(zone, name)
        case ["delete", name, rdtype]:
            return parse_delete(zone, name, rdtype)
        case [verb, *_] if verb in USAGE:
            raise Invalid(f"{verb} has too few or too many words", hint=USAGE[verb])
        case _:
            known = ", ".join(USAGE)
            raise Invalid(f"{words[0][:40]!r} is not an edit", hint=f"a line begins with {known}")
