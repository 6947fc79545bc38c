"""Split master files into entries: the words of one record or directive, on one or more lines.

A word keeps its escapes; the parsers of RDATA (``zone.rdata``) interpret them. So no file is read
character by character, and one place defines the meaning of a word. dnspython parses SVCB and HTTPS
through :class:`Words`.

A line is UTF-8; octets that are not UTF-8 become lone surrogates. A word that is not ASCII is
converted by IDNA 2008 where a name is expected, and denotes its octets everywhere else.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import dns.exception
import dns.name
from dns.tokenizer import EOL, IDENTIFIER, QUOTED_STRING, WHITESPACE, Token, Tokenizer

from zonegit.errors import Invalid
from zonegit.zone import confusables, idn, names
from zonegit.zone.line_cache import LineRecord

MAX_ENTRY: Final = 1 << 20
"""Octets of one entry with its line breaks and comments; the longest RDATA takes a quarter."""
MAX_DEPTH: Final = 64
"""Nested parentheses."""

# A line without any of these characters is one entry, and blanks separate its words.
_SPECIAL: Final = re.compile(r'[\x00-\x08\x0a-\x1f"();\\]')
_PIECE: Final = re.compile(
    r"""(?P<blank>[ \t]++|;.*+)
    |(?P<bracket>[()])
    |"(?P<quoted>(?:[^"\\]++|\\.)*+)"
    |(?P<word>(?:[^ \t;()"\\\r]++|\\.)++)""",
    re.VERBOSE | re.DOTALL,
)
_LINE_END: Final = re.compile(r"[\x00\r\n]")
_LINE_ENDS: Final = {"\0": "a NUL", "\r": "a carriage return", "\n": "a line end"}
_PROBLEMS: Final = {
    '"': "a quoted string does not end on its line",
    "\r": "a carriage return is within the line",
    "\\": "a backslash ends the line",
}


class Quoted(str):
    """A quoted word, without its quotes."""

    __slots__ = ()


class Glued(Quoted):
    """A quoted string that follows a word without a blank: ``alpn="h2"`` (RFC 9460 section 2.1)."""

    __slots__ = ()


class MasterFileEntry(NamedTuple):
    """One record or directive.

    Args:
        line: the number of its first line, counted from 1.
        indented: whether that line begins with a blank.
        words: its words, at least one; none if ``cached`` is present.
        raw: the octets of its line; empty if it has several lines.
        cached: the cached record of the line, which then is not split.
    """

    line: int
    indented: bool
    words: list[str]
    raw: bytes = b""
    cached: LineRecord | None = None


def error_at(source: str, line: int, message: str, hint: str | None = None) -> Invalid:
    """Return an error in a master file, in the form ``FILE:LINE: MESSAGE`` of compilers."""
    return Invalid(f"{source}:{line}: {message}", hint=hint)


def split_entries(
    octets: bytes, source: str, find_cached: Callable[[bytes], LineRecord | None] | None = None
) -> Iterator[MasterFileEntry]:
    """Split a master file (RFC 1035 section 5.1) into entries; lines end in LF or CRLF.

    Args:
        octets: the content of the file.
        source: the name of the file, for errors.
        find_cached: returns the cached record of a line, or None if the line is not cached.

    Raises:
        Invalid: a quoted string or a parenthesis does not end, or an entry exceeds a bound.
    """
    start, indented, depth, size = 1, False, 0, 0
    words: list[str] = []
    for number, raw in enumerate(io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")), 1):
        if find_cached is not None and not depth and (cached := find_cached(raw)) is not None:
            yield MasterFileEntry(number, False, [], raw, cached)
            continue
        if depth:
            size += len(raw)
        else:
            start, size = number, len(raw)
        if size > MAX_ENTRY:
            raise error_at(source, start, f"a record of more than {MAX_ENTRY} octets")
        line = decode_line(raw.removesuffix(b"\n").removesuffix(b"\r"))
        if not depth:
            indented = line[:1] in (" ", "\t")
            if _SPECIAL.search(line) is None and line.isascii():
                if words := line.split():
                    yield MasterFileEntry(number, indented, words, raw)
                continue
            words = []
        try:
            depth = _split(line, words, depth)
        except Invalid as error:
            raise error_at(source, number, error.message, error.hint) from None
        if words and not depth:
            yield MasterFileEntry(start, indented, words, raw if start == number else b"")
    if depth:
        raise error_at(source, start, "a parenthesis is not closed before the file ends")


def split(text: str) -> list[str]:
    """Split one line into words.

    Raises:
        Invalid: as in :func:`split_entries`.
    """
    words: list[str] = []
    if _split(text, words, 0):
        raise Invalid("a parenthesis is not closed")
    return words


def split_rdata(text: str) -> list[str]:
    """Split RDATA that does not come from a file; comments and line ends are errors.

    Raises:
        Invalid: the text has a comment or a line end outside quotes, or is malformed as in
            :func:`split_entries`.
    """
    _check_nothing_skipped(text)
    return split(text)


def _check_nothing_skipped(text: str) -> None:
    """Refuse text that has a comment or a line end outside quotes.

    Raises:
        Invalid: the text has one.
    """
    at = 0
    while found := _PIECE.match(text, at):
        at = found.end()
        if found.lastgroup == "blank" and found[0].startswith(";"):
            raise Invalid(
                "a ';' outside quotes begins a comment",
                hint="put quotes around the string that holds it, or give it as an argument",
            )
        if found.lastgroup == "word" and (end := _LINE_END.search(found[0])):
            raise Invalid(f"it has {_LINE_ENDS[end[0]]} outside quotes")
    if text[at : at + 1] == "\r":
        raise Invalid(f"it has {_LINE_ENDS[text[at]]} outside quotes")


def show_words(words: Iterable[str]) -> str:
    """Return words as written, shortened for an error."""
    text = " ".join(f'"{word}"' if isinstance(word, Quoted) else word for word in words)
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if len(text) <= 100 else text[:97] + "..."


def decode_line(line: bytes) -> str:
    """Return the text of a line, with lone surrogates for octets that are not UTF-8."""
    return line.decode("utf-8", "surrogateescape")


def _split(line: str, words: list[str], depth: int) -> int:
    """Add the words of a line to ``words``.

    Args:
        line: the line.
        words: the words of the entry.
        depth: the number of open parentheses before the line.

    Returns:
        The number of open parentheses after the line.
    """
    at = 0
    previous: str | None = None
    while at < len(line):
        found = _PIECE.match(line, at)
        if found is None:
            raise Invalid(_PROBLEMS[line[at]], hint=_hint(line[at]))
        if found.lastgroup == "word":
            if not found[0].isascii():
                confusables.check_word(found[0])
            words.append(found[0])
        elif found.lastgroup == "quoted":
            words.append((Glued if previous == "word" else Quoted)(found["quoted"]))
        elif found.lastgroup == "bracket":
            depth = _update_depth(depth, found[0])
        previous = found.lastgroup
        at = found.end()
    return depth


def _update_depth(depth: int, bracket: str) -> int:
    depth += 1 if bracket == "(" else -1
    if depth < 0:
        raise Invalid("a closing parenthesis has no opening one")
    if depth > MAX_DEPTH:
        raise Invalid(f"parentheses are nested more than {MAX_DEPTH} deep")
    return depth


def _hint(character: str) -> str:
    if character == "\r":
        return "lines end in LF or CRLF; convert the file (dos2unix -c mac)"
    return 'write \\" for a literal quote and \\\\ for a literal backslash'


class _WordToken(Token):
    """A token with its word; its value is ASCII, with escapes for other characters."""

    def __init__(self, kind: int, word: str) -> None:
        value = str(word) if word.isascii() else idn.escape(word)
        super().__init__(kind, value, "\\" in value)
        self.word = word


class Words(Tokenizer):
    """The words of one entry, for the parsers of RDATA.

    The parsers of dnspython read tokens; those of ``zone.rdata`` read the words of ``rest``.
    """

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__("")
        self._words = iter(words)

    def rest(self) -> Iterator[str]:
        """Return the words that were not read as tokens."""
        return self._words

    def get(self, want_leading: bool = False, want_comment: bool = False) -> Token:
        """Return the next word as a token; after the last word, a token for the end of the line."""
        token = self.ungotten_token
        if token is not None:
            self.ungotten_token = None
            return token
        word = next(self._words, None)
        if word is None:
            return Token(EOL, "\n")
        token = _WordToken(QUOTED_STRING if isinstance(word, Quoted) else IDENTIFIER, word)
        if want_leading and not isinstance(word, Glued):
            self.unget(token)
            return Token(WHITESPACE, " ")
        return token

    def as_name(
        self,
        token: Token,
        origin: dns.name.Name | None = None,
        relativize: bool = False,
        relativize_to: dns.name.Name | None = None,
    ) -> dns.name.Name:
        """Return the name of a token, parsed by ``names.parse_dnspython`` like every other name."""
        if not token.is_identifier():
            raise dns.exception.SyntaxError("a name is expected, without quotes")
        try:
            name = names.parse_dnspython(
                token.word if isinstance(token, _WordToken) else token.value, origin
            )
        except Invalid as error:
            raise dns.exception.SyntaxError(error.message) from error
        return name.choose_relativity(relativize_to or origin, relativize)
