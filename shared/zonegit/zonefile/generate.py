"""Expand ``$GENERATE``, BIND's directive for a range of records.

The syntax is ``$GENERATE start-stop[/step] owner [ttl] [class] type rdata``. In owner and RDATA,
``$`` is replaced by the number, and ``${offset,width,base}`` by the formatted number. ``\\$`` and
``$$`` are a dollar sign.
"""

import re
from typing import Final

from zonegit.errors import Invalid
from zonegit.zone import lexer
from zonegit.zone.lexer import Glued, Quoted

MAX_NUMBER: Final = (1 << 31) - 1
MAX_WIDTH: Final = 127

_RANGE: Final = re.compile(r"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?", re.ASCII)
_DOLLAR: Final = re.compile(
    r"\\."
    r"|(?P<literal>\$\$)"
    r"|\$\{(?P<offset>-?\d{1,10})(?:,(?P<width>\d{1,3})(?:,(?P<base>[doxXnN]))?)?\}"
    r"|(?P<malformed>\$\{)"
    r"|(?P<plain>\$)",
    re.ASCII | re.DOTALL,
)
_ESCAPED_QUOTE: Final = re.compile(r'\\(?:(")|.)')


def parse_range(text: str) -> range:
    """Parse ``start-stop[/step]``; both ends are included.

    Raises:
        Invalid: the text is not an ascending range.
    """
    matched = _RANGE.fullmatch(text)
    if matched:
        start, stop, step = int(matched[1]), int(matched[2]), int(matched[3] or 1)
        if start <= stop <= MAX_NUMBER and 0 < step <= MAX_NUMBER:
            return range(start, stop + 1, step)
    raise Invalid(
        f"{lexer.show_words([text])} is not a range",
        hint="write it as start-stop or start-stop/step, such as 1-254",
    )


def split_right_side(words: list[str]) -> list[str]:
    """Return the words of the RDATA; one quoted string is split into its words, as in BIND."""
    if len(words) == 1 and isinstance(words[0], Quoted):
        return lexer.split(_ESCAPED_QUOTE.sub(lambda found: found[1] or found[0], words[0]))
    return words


def expand(word: str, number: int) -> str:
    """Replace the dollar signs in one word; a quoted word stays quoted.

    Raises:
        Invalid: ``${...}`` is malformed, or a number is out of range.
    """
    if "$" not in word:
        return word
    text = _DOLLAR.sub(lambda found: _replace(found, number), word)
    match word:
        case Glued():
            return Glued(text)
        case Quoted():
            return Quoted(text)
        case _:
            return text


def _replace(found: re.Match[str], number: int) -> str:
    match found.lastgroup:
        case "plain":
            return str(number)
        case "literal":
            return "\\$"
        case "offset" | "width" | "base":
            value = number + int(found["offset"])
            return _format(value, int(found["width"] or 0), found["base"] or "d")
        case "malformed":
            raise Invalid(
                "a ${ in $GENERATE is malformed",
                hint="write ${offset,width,base} with base d, o, x, X, n or N; \\$ is a plain $",
            )
        case _:
            return found[0]


def _format(value: int, width: int, base: str) -> str:
    if not 0 <= value <= MAX_NUMBER:
        raise Invalid(f"$GENERATE counts to {value}, which is not within 0 to {MAX_NUMBER}")
    if width > MAX_WIDTH:
        raise Invalid(f"a width of {width} in $GENERATE is more than {MAX_WIDTH}")
    if base in "nN":
        return _format_nibbles(f"{value:{'x' if base == 'n' else 'X'}}", width)
    return f"{value:0{width}{base}}"


def _format_nibbles(digits: str, width: int) -> str:
    """Return hex digits as labels in reverse order.

    The width includes the dots. With an even width the result ends in a dot, so that the text
    after it begins a new label.
    """
    dotted = ".".join(reversed(digits.zfill((width + 1) // 2)))
    return dotted + "." if len(dotted) < width else dotted
