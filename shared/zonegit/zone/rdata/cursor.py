"""Cursors over RDATA: the fields of its presentation format, and its octets in wire form.

Both are read from left to right, once, and raise :class:`MalformedRdata` instead of returning less
than was asked for.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.zone.lexer import Quoted
from zonegit.zone.names import Name

_ESCAPE: Final = re.compile(rb"\\(?:([0-9]{3})|([^0-9])|.?)", re.DOTALL)


class MalformedRdata(ValueError):
    """The text or the octets are not RDATA of their type; the message says why."""


class Fields:
    """The fields of one record's RDATA, split already; those in quotes are ``lexer.Quoted``.

    No field is asked for before the one before it is read, so that a caller who counts them knows
    which one an error is about.

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
        """Return the next field as it is written, and leave it there; None after the last."""
        if self._next is None:
            self._next = next(self._words, None)
        return self._next

    def has_more(self) -> bool:
        """Return True while a field is left."""
        return self.peek() is not None

    def take(self) -> str:
        """Return the next field as it is written.

        Raises:
            Malformed: none is left.
        """
        word = self.peek()
        if word is None:
            raise MalformedRdata("a field is missing at the end")
        self._next = None
        return word

    def take_bare(self) -> str:
        """Return the next field, which may not be quoted.

        Raises:
            Malformed: it is quoted, or none is left.
        """
        word = self.take()
        if isinstance(word, Quoted):
            raise MalformedRdata(f'"{word[:40]}" may not be quoted here')
        return word

    def take_text(self) -> str:
        """Return the next field without its escapes; it may not be quoted.

        Raises:
            Malformed: it is quoted, its escapes are broken, or none is left.
        """
        word = self.take_bare()
        return unescape(word).decode("latin-1") if "\\" in word else word

    def take_words(self) -> Iterator[str]:
        """Yield the remaining fields as they are written."""
        while self.has_more():
            yield self.take()

    def take_rest(self) -> str:
        """Return the remaining fields as one text: base64 and hex may be broken by blanks.

        Raises:
            Malformed: one of them is quoted.
        """
        rest = []
        while self.has_more():
            rest.append(self.take_text())
        return "".join(rest)

    def finish(self) -> None:
        """Check that every field was read.

        Raises:
            Malformed: one is left.
        """
        word = self.peek()
        if word is not None:
            raise MalformedRdata(f"{str(word)[:40]!r} is one field too many")


class Octets:
    """The octets of one record's RDATA in uncompressed wire form."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def has_more(self) -> bool:
        """Return True while an octet is left."""
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        """Return the next octets.

        Raises:
            Malformed: fewer are left.
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
            Malformed: fewer are left.
        """
        return int.from_bytes(self.take(size), "big")

    def take_rest(self) -> bytes:
        """Return the remaining octets, perhaps none."""
        return self.take(len(self._octets) - self._at)

    def finish(self) -> None:
        """Check that every octet was read.

        Raises:
            Malformed: one is left.
        """
        if self.has_more():
            raise MalformedRdata(f"{len(self._octets) - self._at} octets follow the last field")


def unescape(word: str) -> bytes:
    """Return the octets that a field stands for (RFC 1035 section 5.1); characters outside ASCII
    are UTF-8.

    Raises:
        Malformed: a backslash is followed by nothing, or by a number above 255.
    """
    octets = word.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescape, octets) if b"\\" in octets else octets


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[2] is not None:
        return found[2]
    if found[1] is None or int(found[1]) > 255:
        raise MalformedRdata(f"{found[0].decode('latin-1')!r} is not an escape")
    return bytes((int(found[1]),))
