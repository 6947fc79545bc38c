"""Refuse invisible characters and characters that look like blanks or quotes.

Text copied from a web page or a word processor can contain them. A no-break space does not separate
words, a typographic quote does not quote, and a zero-width space is invisible. Outside quotes these
characters are errors; the message names the character. ``\\DDD`` writes any octet.
"""

import re
import unicodedata
from typing import Final

from zonegit.errors import Invalid

_JOINERS: Final = "\u200c\u200d"
"""The zero-width joiners, which scripts and emoji need; IDNA 2008 has rules for them."""
_HIDDEN: Final = frozenset({"Zs", "Zl", "Zp", "Cf"})
"""Categories of blanks, line ends and invisible characters."""
_QUOTES: Final = frozenset({"Pi", "Pf"})
_LOW_QUOTES: Final = "\u201a\u201e\u301d\u301e\u301f\uff02\uff07"
"""Quotes of other categories: low, double prime and full-width ones."""
_SELECTORS: Final = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Characters that select a glyph. The mapping of IDNA drops them, so names may not contain them."""


def describe(character: str) -> str:
    """Return the number and the name of a character: ``U+00A0 NO-BREAK SPACE``."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


def check_word(word: str) -> None:
    """Refuse an unquoted word that contains a hidden character or is in typographic quotes.

    Raises:
        Invalid: the message names the character.
    """
    for character in word:
        if _is_hidden(character):
            raise _make_error(character)
    check_ends(word)


def check_ends(text: str) -> None:
    """Refuse unquoted text that begins or ends with a look-alike.

    Raises:
        Invalid: the message names the character.
    """
    for character in (text[:1], text[-1:]):
        if character and (_is_hidden(character) or _is_quote(character)):
            raise _make_error(character)


def check_label(label: str) -> None:
    """Refuse an internationalised label that contains a look-alike.

    Raises:
        Invalid: the message names the character.
    """
    for character in label:
        if _is_hidden(character) or _is_quote(character) or _SELECTORS.match(character):
            raise _make_error(character)


def _is_hidden(character: str) -> bool:
    return (
        not character.isascii()
        and character not in _JOINERS
        and unicodedata.category(character) in _HIDDEN
    )


def _is_quote(character: str) -> bool:
    return not character.isascii() and (
        unicodedata.category(character) in _QUOTES or character in _LOW_QUOTES
    )


def _make_error(character: str) -> Invalid:
    looks = "a quote" if _is_quote(character) else "a blank or nothing"
    return Invalid(
        f"{describe(character)} looks like {looks}, but is not",
        hint='type a blank or a "; write any other octet as \\DDD',
    )
