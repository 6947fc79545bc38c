"""Cursors over RDATA: the fields of its presentation format, and its octets in wire form.

Both are read once from left to right, and raise :class:`MalformedRdata` if they are too short.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.zone.lexer import Quoted
from zonegit.zone.names import Name

_ESCAPE: Final = re.compile(rb"\\(?:([0-9]{3})|([^0-9])|.?)", re.DOTALL)


class MalformedRdata(ValueError):
    """The text or the octets are not RDATA of their type; the message has the reason."""


class Fields:
    """The fields of the RDATA of one record; quoted ones are ``lexer.Quoted``.

    A field is taken from ``words`` only after the field before it was read. So a caller that counts
    the words knows the field that an error is about.

    Args:
        words: the fields.
        origin: completes relative names.
    """

    __slots__ = ("_next", "_words", "origin")

    def __init__(self, words: Iterable[str], origin: Name) -> None:
        self.origin = origin
        self._words = iter(words)
        self._next: str | None = None

    def peek(self) -> str | None:
        """Return the next field as written without consuming it, or None after the last field."""
        if self._next is None:
            self._next = next(self._words, None)
        return self._next

    def has_more(self) -> bool:
        """Return whether a field is left."""
        return self.peek() is not None

    def take(self) -> str:
        """Return the next field as written.

        Raises:
            MalformedRdata: no field is left.
        """
        word = self.peek()
        if word is None:
            raise MalformedRdata("a field is missing at the end")
        self._next = None
        return word

    def take_bare(self) -> str:
        """Return the next field, which must not be quoted.

        Raises:
            MalformedRdata: the field is quoted, or no field is left.
        """
        word = self.take()
        if isinstance(word, Quoted):
            raise MalformedRdata(f'"{word[:40]}" may not be quoted here')
        return word

    def take_text(self) -> str:
        """Return the next field with its escapes replaced; it must not be quoted.

        Raises:
            MalformedRdata: the field is quoted or has an invalid escape, or no field is left.
        """
        word = self.take_bare()
        return unescape(word).decode("latin-1") if "\\" in word else word

    def take_words(self) -> Iterator[str]:
        """Yield the remaining fields as written."""
        while self.has_more():
            yield self.take()

    def take_rest(self) -> str:
        """Return the remaining fields as one text: base64 and hex may contain blanks.

        Raises:
            MalformedRdata: a field is quoted or has an invalid escape.
        """
        rest = []
        while self.has_more():
            rest.append(self.take_text())
        return "".join(rest)

    def finish(self) -> None:
        """Check that every field was read.

        Raises:
            MalformedRdata: a field is left.
        """
        word = self.peek()
        if word is not None:
            raise MalformedRdata(f"{str(word)[:40]!r} is one field too many")


class Octets:
    """The octets of the RDATA of one record in uncompressed wire form."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def has_more(self) -> bool:
        """Return whether an octet is left."""
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        """Return the next octets.

        Raises:
            MalformedRdata: fewer are left.
        """
        end = self._at + count
        if end > len(self._octets):
            raise MalformedRdata(f"the octets end within a field of {count}")
        taken = self._octets[self._at : end]
        self._at = end
        return taken

    def take_number(self, size: int) -> int:
        """Return the next ``size`` octets as an unsigned number.

        Raises:
            MalformedRdata: fewer are left.
        """
        return int.from_bytes(self.take(size), "big")

    def take_rest(self) -> bytes:
        """Return the remaining octets, possibly none."""
        return self.take(len(self._octets) - self._at)

    def finish(self) -> None:
        """Check that every octet was read.

        Raises:
            MalformedRdata: an octet is left.
        """
        if self.has_more():
            raise MalformedRdata(f"{len(self._octets) - self._at} octets follow the last field")


def unescape(word: str) -> bytes:
    """Return the octets that a field denotes (RFC 1035 section 5.1).

    Characters that are not ASCII are encoded as UTF-8.

    Raises:
        MalformedRdata: a backslash is at the end, or before a number that is not ``\\000`` to
            ``\\255``.
    """
    octets = word.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescape, octets) if b"\\" in octets else octets


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[2] is not None:
        return found[2]
    if found[1] is None or int(found[1]) > 255:
        raise MalformedRdata(f"{found[0].decode('latin-1')!r} is not an escape")
    return bytes((int(found[1]),))
