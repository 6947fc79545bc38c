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
from typing import Final

from zonegit.errors import Invalid
from zonegit.repo.committing import edits, patch
from zonegit.repo.committing.edits import Add, Delete, Edit, Remove, Set
from zonegit.zone import names, rrtypes, rules
from zonegit.zone.lexer import MAX_ENTRY, failure
from zonegit.zone.names import Name
from zonegit_cli.typed.records import parse_rdatas, parse_rrset

_BLANKS: Final = " \t\r\n"
_PLAIN: Final = re.compile(r"[!$-&(-\[\]-~ \t]*")
"""Words without quotes, backslashes or comments, most lines by far."""
_UNCOMMENTED: Final = re.compile(
    r"""(?:[ \t]*+(?!\#)(?:[^ \t\\'"]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")++)*+""", re.DOTALL
)
"""Up to the # that begins a word (shlex would cut a word that has one inside)."""

MAX_EDITS: Final = 1_000_000
USAGE: Final = {
    "set": "set NAME TYPE TTL RDATA...",
    "add": "add NAME TYPE TTL RDATA...",
    "remove": "remove NAME TYPE RDATA...",
    "delete": "delete NAME [TYPE]",
}


def is_script(octets: bytes) -> bool:
    """Whether the first line that is neither empty nor a comment begins as an edit does."""
    for line in io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")):
        if (words := line.split()) and not words[0].startswith((b"#", b";")):
            return words[0].decode("ascii", "replace") in USAGE
    return False


def read(octets: bytes, zone: Name, source: str) -> list[Edit]:
    """The edits, in order; each knows its line.

    Raises:
        Invalid: a line is no edit; names ``source`` and the line.
    """
    if len(octets) > patch.MAX_OCTETS:
        raise Invalid(f"{source}: more than {patch.MAX_OCTETS} octets")
    found: list[Edit] = []
    for number, line in enumerate(io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")), 1):
        try:
            words = _words(line)
            if words:
                edit = _edit(words, zone, f"{source}:{number}")
                rules.check_inside(edits.owner(edit), zone)
                found.append(edit)
            if len(found) > MAX_EDITS:
                raise Invalid(f"more than {MAX_EDITS} edits")
        except Invalid as error:
            raise failure(source, number, error.message, error.hint) from None
    return found


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


def _edit(words: list[str], zone: Name, where: str) -> Edit:
    match words:
        case ["set", name, rdtype, ttl, *rdata] if rdata:
            return Set(parse_rrset(zone, name, rdtype, ttl, rdata), where=where)
        case ["add", name, rdtype, ttl, *rdata] if rdata:
            return Add(parse_rrset(zone, name, rdtype, ttl, rdata), where=where)
        case ["remove", name, rdtype, *rdata] if rdata:
            gone = tuple(parse_rdatas(zone, rdtype, rdata))
            return Remove(names.parse(name, zone), rrtypes.from_text(rdtype), gone, where=where)
        case ["delete", name]:
            return Delete(names.parse(name, zone), where=where)
        case ["delete", name, rdtype]:
            return Delete(names.parse(name, zone), rrtypes.from_text(rdtype), where=where)
        case [verb, *_] if verb in USAGE:
            raise Invalid(f"{verb} has too few or too many words", hint=USAGE[verb])
        case _:
            known = ", ".join(USAGE)
            raise Invalid(f"{words[0][:40]!r} is no edit", hint=f"a line begins with {known}")
