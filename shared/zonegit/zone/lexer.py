"""Master-file text to entries: the words of one record or directive, wherever its lines break.

Each word stays as written, escapes and all, and the readers of RDATA (``zone.rdata``) take the
words: so no file is tokenized character by character, and what a word means is decided in one
place. dnspython reads SVCB and HTTPS through :class:`Words`. A line is UTF-8; octets that are not
become lone surrogates. A word outside ASCII is read by IDNA 2008 where a name is expected; in any
other place it stands for its octets.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import dns.exception
import dns.name
from dns.tokenizer import EOL, IDENTIFIER, QUOTED_STRING, WHITESPACE, Token, Tokenizer

from zonegit.errors import Invalid
from zonegit.zone import idn, look_alikes, names
from zonegit.zone.line_cache import LineRecord

MAX_ENTRY: Final = 1 << 20
"""Octets of one entry with its line breaks and comments; the longest RDATA takes a quarter."""
MAX_DEPTH: Final = 64

# Without any of these a line is an entry of its own, and blanks part its words.
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
    "\r": "a carriage return stands within the line",
    "\\": "a backslash ends the line",
}


class Quoted(str):
    """A word that stood in quotes; they are no part of it."""

    __slots__ = ()


class Glued(Quoted):
    """A quoted string right after a word, without a blank: ``alpn="h2"`` (RFC 9460 section
    2.1)."""

    __slots__ = ()


class MasterFileEntry(NamedTuple):
    """One record or directive: the line it begins on, from 1, whether that begins with a blank,
    and its words (at least one). ``raw`` are the octets of its line, empty where it takes several.
    A line that is recalled is not split: it has no words, and ``said`` is what it said."""

    line: int
    indented: bool
    words: list[str]
    raw: bytes = b""
    said: LineRecord | None = None


def failure(source: str, line: int, message: str, hint: str | None = None) -> Invalid:
    """An error in a master file, told as compilers do."""
    return Invalid(f"{source}:{line}: {message}", hint=hint)


def entries(
    octets: bytes, source: str, recall: Callable[[bytes], LineRecord | None] | None = None
) -> Iterator[MasterFileEntry]:
    """Splits a master file (RFC 1035 section 5.1); lines end in LF or CRLF. ``recall`` says
    what a line said that was an entry before, None: it is not known.

    Raises:
        Invalid: a quoted string or parenthesis that does not end, or an entry beyond a bound.
    """
    start, indented, depth, size = 1, False, 0, 0
    words: list[str] = []
    for number, raw in enumerate(io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")), 1):
        if recall is not None and not depth and (said := recall(raw)) is not None:
            yield MasterFileEntry(number, False, [], raw, said)
            continue
        if depth:
            size += len(raw)
        else:
            start, size = number, len(raw)
        if size > MAX_ENTRY:
            raise failure(source, start, f"a record of more than {MAX_ENTRY} octets")
        line = text(raw.removesuffix(b"\n").removesuffix(b"\r"))
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
            raise failure(source, number, error.message, error.hint) from None
        if words and not depth:
            yield MasterFileEntry(start, indented, words, raw if start == number else b"")
    if depth:
        raise failure(source, start, "a parenthesis is not closed before the file ends")


def split(text: str) -> list[str]:
    """The words of one line.

    Raises:
        Invalid: as :func:`entries`.
    """
    words: list[str] = []
    if _split(text, words, 0):
        raise Invalid("a parenthesis is not closed")
    return words


def split_rdata(text: str) -> list[str]:
    """Return the words of RDATA text that is no line of a file, so that nothing may be skipped.

    Raises:
        Invalid: it has a comment or a line end outside quotes, or is malformed as in
            :func:`entries`.
    """
    _check_nothing_skipped(text)
    return split(text)


def _check_nothing_skipped(text: str) -> None:
    """Refuse text that has something outside quotes that a file's reader would skip.

    Raises:
        Invalid: it has a comment or a line end there.
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
            raise Invalid(f"it holds {_LINE_ENDS[end[0]]} outside quotes")
    if text[at : at + 1] == "\r":
        raise Invalid(f"it holds {_LINE_ENDS[text[at]]} outside quotes")


def shown(words: Iterable[str]) -> str:
    """Words as people wrote them, cut to a length that fits an error."""
    text = " ".join(f'"{word}"' if isinstance(word, Quoted) else word for word in words)
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if len(text) <= 100 else text[:97] + "..."


def text(line: bytes) -> str:
    """Return the text of a line, with lone surrogates for octets that are not UTF-8."""
    return line.decode("utf-8", "surrogateescape")


def _split(line: str, words: list[str], depth: int) -> int:
    """Adds the words of a line that begins inside ``depth`` parentheses; returns where it ends."""
    at = 0
    previous: str | None = None
    while at < len(line):
        found = _PIECE.match(line, at)
        if found is None:
            raise Invalid(_PROBLEMS[line[at]], hint=_hint(line[at]))
        if found.lastgroup == "word":
            if not found[0].isascii():
                look_alikes.check_word(found[0])
            words.append(found[0])
        elif found.lastgroup == "quoted":
            words.append((Glued if previous == "word" else Quoted)(found["quoted"]))
        elif found.lastgroup == "bracket":
            depth = _nested(depth, found[0])
        previous = found.lastgroup
        at = found.end()
    return depth


def _nested(depth: int, bracket: str) -> int:
    depth += 1 if bracket == "(" else -1
    if depth < 0:
        raise Invalid("a closing parenthesis has no opening one")
    if depth > MAX_DEPTH:
        raise Invalid(f"parentheses are nested more than {MAX_DEPTH} deep")
    return depth


def _hint(character: str) -> str:
    if character == "\r":
        return "lines end in LF or CRLF; convert the file (dos2unix -c mac)"
    return 'write \\" for a quote and \\\\ for a backslash that mean themselves'


class _WordToken(Token):
    """A token that knows its word; its value is in ASCII, with escapes for all else."""

    def __init__(self, kind: int, word: str) -> None:
        value = str(word) if word.isascii() else idn.escape(word)
        super().__init__(kind, value, "\\" in value)
        self.word = word


class Words(Tokenizer):
    """Words split already, for readers of RDATA: dnspython's take tokens from it, others its
    ``rest``."""

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__("")
        self._words = iter(words)

    def rest(self) -> Iterator[str]:
        """Return the words that were not read yet."""
        return self._words

    def get(self, want_leading: bool = False, want_comment: bool = False) -> Token:
        """The next word; after the last one, the end of the line."""
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
        """Return the name that a token is, by the rules for every name (``names.read``)."""
        if not token.is_identifier():
            raise dns.exception.SyntaxError("a name is expected, without quotes")
        try:
            name = names.read(token.word if isinstance(token, _WordToken) else token.value, origin)
        except Invalid as error:
            raise dns.exception.SyntaxError(error.message) from error
        return name.choose_relativity(relativize_to or origin, relativize)
