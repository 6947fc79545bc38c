"""Characters that look like blanks, quotes or nothing, and are not what was meant.

Text that was copied from a web page or a word processor brings them along: a no-break space does
not separate words, a typographic quote does not quote, a zero-width space is not seen at all.
Outside quotes they are errors that name the character; ``\\DDD`` writes octets that are meant.
"""

import re
import unicodedata
from typing import Final

from zonegit.errors import Invalid

_JOINERS: Final = "\u200c\u200d"
"""The zero-width joiners, which scripts and emoji need; IDNA 2008 knows where they may be."""
_HIDDEN: Final = frozenset({"Zs", "Zl", "Zp", "Cf"})
"""Categories of blanks, line ends and characters without a shape."""
_QUOTES: Final = frozenset({"Pi", "Pf"})
_LOW_QUOTES: Final = "\u201a\u201e\u301d\u301e\u301f\uff02\uff07"
"""Quotes of other categories: low, double prime and full-width ones."""
_SELECTORS: Final = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Characters that choose a glyph. Names lose them in IDNA's mapping, so names may not have them."""


def describe(character: str) -> str:
    """Return a character's number and name, as ``U+00A0 NO-BREAK SPACE``."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


def check_word(word: str) -> None:
    """Refuse a word outside quotes that holds a hidden character, or is in typographic quotes.

    Raises:
        Invalid: names the character.
    """
    for character in word:
        if _is_hidden(character):
            raise _refusal(character)
    check_ends(word)


def check_ends(text: str) -> None:
    """Refuse text outside quotes that begins or ends with a look-alike.

    Raises:
        Invalid: names the character.
    """
    for character in (text[:1], text[-1:]):
        if character and (_is_hidden(character) or _is_quote(character)):
            raise _refusal(character)


def check_label(label: str) -> None:
    """Refuse a label for IDNA that holds a look-alike anywhere.

    Raises:
        Invalid: names the character.
    """
    for character in label:
        if _is_hidden(character) or _is_quote(character) or _SELECTORS.match(character):
            raise _refusal(character)


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


def _refusal(character: str) -> Invalid:
    looks = "a quote" if _is_quote(character) else "a blank or nothing"
    return Invalid(
        f"{describe(character)} looks like {looks}, and is not",
        hint='type a blank or "; \\DDD writes an octet that is meant',
    )
