"""``$GENERATE`` as BIND defines it: one line that stands for a range of records.

``$GENERATE start-stop[/step] owner [ttl] [class] type rdata``, where ``$`` stands for the number
and ``${offset,width,base}`` for the number formatted; ``\\$`` and ``$$`` are a dollar sign.
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


def numbers(text: str) -> range:
    """The numbers of ``start-stop[/step]``, both ends included.

    Raises:
        Invalid: not a range that counts upwards.
    """
    matched = _RANGE.fullmatch(text)
    if matched:
        start, stop, step = int(matched[1]), int(matched[2]), int(matched[3] or 1)
        if start <= stop <= MAX_NUMBER and 0 < step <= MAX_NUMBER:
            return range(start, stop + 1, step)
    raise Invalid(
        f"{lexer.shown([text])} is not a range",
        hint="write it as start-stop or start-stop/step, such as 1-254",
    )


def right_side(words: list[str]) -> list[str]:
    """The words of the RDATA; where it is one quoted string, that is their text, as in BIND."""
    if len(words) == 1 and isinstance(words[0], Quoted):
        return lexer.split(_ESCAPED_QUOTE.sub(lambda found: found[1] or found[0], words[0]))
    return words


def expand(word: str, number: int) -> str:
    """One word with its dollars replaced; quoted words stay quoted.

    Raises:
        Invalid: ``${...}`` is malformed, or a number is below zero.
    """
    if "$" not in word:
        return word
    text = _DOLLAR.sub(lambda found: _replacement(found, number), word)
    match word:
        case Glued():
            return Glued(text)
        case Quoted():
            return Quoted(text)
        case _:
            return text


def _replacement(found: re.Match[str], number: int) -> str:
    match found.lastgroup:
        case "plain":
            return str(number)
        case "literal":
            return "\\$"
        case "offset" | "width" | "base":
            value = number + int(found["offset"])
            return _formatted(value, int(found["width"] or 0), found["base"] or "d")
        case "malformed":
            raise Invalid(
                "a ${ in $GENERATE is malformed",
                hint="write ${offset,width,base} with base d, o, x, X, n or N; \\$ is a plain $",
            )
        case _:
            return found[0]


def _formatted(value: int, width: int, base: str) -> str:
    if not 0 <= value <= MAX_NUMBER:
        raise Invalid(f"$GENERATE counts to {value}, which is not within 0 to {MAX_NUMBER}")
    if width > MAX_WIDTH:
        raise Invalid(f"a width of {width} in $GENERATE is more than {MAX_WIDTH}")
    if base in "nN":
        return _nibbles(f"{value:{'x' if base == 'n' else 'X'}}", width)
    return f"{value:0{width}{base}}"


def _nibbles(digits: str, width: int) -> str:
    """Hex digits as labels, the last first. The width counts the dots too, and an even one ends
    in a dot, for what follows to be the next label."""
    dotted = ".".join(reversed(digits.zfill((width + 1) // 2)))
    return dotted + "." if len(dotted) < width else dotted
