"""Read the file of TSIG keys (setting ``keys``), in the format of ``tsig-keygen``.

key "ns2.example.com" {
    algorithm hmac-sha256;
    secret "...";
};

Errors and log lines do not show text that may be a secret: they name the line and what was
expected.
"""

import base64
import binascii
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.errors import Invalid
from zonegit.files import open_file
from zonegit.nameserver.message.tsig import ALGORITHMS, MAX_KEY_NAME, Keys, TsigKey
from zonegit.zone import names
from zonegit.zone.names import Name

MAX_OCTETS: Final = 1 << 18
MAX_KEYS: Final = 1_000
MAX_SECRET_CHARACTERS: Final = 1_024
"""Characters of base64."""
HINT: Final = 'expected: key "NAME" { algorithm hmac-sha256; secret "BASE64"; };'

_TOKEN: Final = re.compile(
    r"(?P<space>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)"
    r'|"(?P<quoted>[^"\n]*)"'
    r"|(?P<mark>[{};])"
    r'|(?P<word>(?!/\*)[^\s"{};]+)',
    re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def read(path: Path) -> Keys:
    """Read the keys of a file, by name.

    Raises:
        Invalid: The file cannot be read, or has an error; the message names the line, and no
            secret.
    """
    try:
        with open_file(path) as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise Invalid(f"cannot read {path}: {error.strerror}") from error
    return parse(octets, str(path))


def is_exposed(path: Path) -> bool:
    """Return whether others than owner and group may read the file; False if that is unknown."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def parse(octets: bytes, file: str) -> Keys:
    """Parse the content of a file of keys, by name.

    Raises:
        Invalid: It has an error; the message begins with ``FILE:LINE:``.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"{file}:1: the file is larger than {MAX_OCTETS:,} octets")
    parser = _Parser(octets.decode("latin-1"), file)
    keys: dict[Name, TsigKey] = {}
    while not parser.is_done:
        line = parser.line
        key = parser.parse_key()
        if key.name in keys:
            raise parser.make_error(line, f"{names.text(key.name)} is defined twice")
        if len(keys) == MAX_KEYS:
            raise parser.make_error(line, f"more than {MAX_KEYS:,} keys")
        keys[key.name] = key
    return keys


class _Parser:
    """Parses a file of keys, one token after the other."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._tokens = self._split(text)
        self._next: _Token = next(self._tokens)

    @property
    def is_done(self) -> bool:
        """Return whether the file ends here."""
        return self._next.kind == "end"

    @property
    def line(self) -> int:
        """Return the line of the next token."""
        return self._next.line

    def parse_key(self) -> TsigKey:
        """Parse one statement."""
        self._take("key")
        line = self.line
        name = self._parse_name(line, self._parse_value())
        self._take("{")
        found: dict[str, tuple[int, str]] = {}
        while self._next.text != "}":
            line, field = self.line, self._take("algorithm", "secret")
            if field in found:
                raise self.make_error(line, f"a second {field}")
            found[field] = self.line, self._parse_value()
            self._take(";")
        self._take("}")
        self._take(";")
        for field in ("algorithm", "secret"):
            if field not in found:
                raise self.make_error(line, f"{names.text(name)} has no {field}")
        return TsigKey(
            name, self._parse_algorithm(*found["algorithm"]), self._parse_secret(*found["secret"])
        )

    def make_error(self, line: int, message: str) -> Invalid:
        """Return an error about a line."""
        return Invalid(f"{self._file}:{line}: {message}", hint=HINT)

    def _split(self, text: str) -> Iterator[_Token]:
        at, line = 0, 1
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise self.make_error(line, "a string or a comment is not closed")
            kind = token.lastgroup or ""
            if kind != "space":
                yield _Token(kind, token[kind], line)
            line += token[0].count("\n")
            at = token.end()
        yield _Token("end", "", line)

    def _advance(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _take(self, *expected: str) -> str:
        """Take a token, which must be one of ``expected`` and not quoted."""
        token = self._advance()
        if token.kind not in ("mark", "word") or token.text not in expected:
            raise self.make_error(token.line, f"expected {' or '.join(expected)}")
        return token.text

    def _parse_value(self) -> str:
        token = self._advance()
        if token.kind not in ("quoted", "word"):
            raise self.make_error(token.line, "expected a value")
        return token.text

    def _parse_name(self, line: int, text: str) -> Name:
        try:
            name = names.parse(text)
        except Invalid as error:
            raise self.make_error(line, "invalid key name: expected a domain name") from error
        if len(name) > MAX_KEY_NAME:
            raise self.make_error(line, f"the key name has more than {MAX_KEY_NAME} octets")
        return name

    def _parse_algorithm(self, line: int, text: str) -> str:
        algorithm = text.lower().rstrip(".")
        if algorithm not in ALGORITHMS:
            raise self.make_error(line, f"unknown algorithm: expected {', '.join(ALGORITHMS)}")
        return algorithm

    def _parse_secret(self, line: int, text: str) -> bytes:
        try:
            secret = base64.b64decode(text[: MAX_SECRET_CHARACTERS + 1], validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not secret or len(text) > MAX_SECRET_CHARACTERS:
            raise self.make_error(
                line,
                f"invalid secret: expected up to {MAX_SECRET_CHARACTERS:,} characters of base64",
            )
        return secret
