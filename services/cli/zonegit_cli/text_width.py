"""Measure, shorten and wrap text for a terminal.

A text may have colours, which have no width. In a pipe nothing is shortened or wrapped.
"""

import os
import re
import sys
import unicodedata
from typing import Final, TextIO

import click

DEFAULT_WIDTH: Final = 80
"""Columns of a terminal that does not know its width."""
INDENT: Final = 4
"""Spaces before a second line."""
STYLED: Final = re.compile(r"((?:\x1b\[[0-9;]*m)+)([^\x1b]*)(\x1b\[0m)")
"""A text that has one style as a whole."""

_PART: Final = re.compile(r"\x1b\[[0-9;]*m|.", re.DOTALL)


def find_width(stream: TextIO | None = None) -> int | None:
    """Return the columns of the terminal; None if the stream is not a terminal.

    Args:
        stream: where the text is printed. [standard output]
    """
    if not (stream or sys.stdout).isatty():
        return None
    set_by_user = os.environ.get("COLUMNS", "")
    if set_by_user.isdecimal() and int(set_by_user) > 0:
        return int(set_by_user)
    try:
        return os.get_terminal_size((stream or sys.stdout).fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def measure(text: str) -> int:
    """Return the width of a text on a terminal, in columns; colours have none."""
    plain = click.unstyle(text) if "\x1b" in text else text
    return len(plain) if plain.isascii() else sum(map(_measure_character, plain))


def shorten(text: str, width: int, *, middle: bool = False) -> str:
    """Return a text that has at most ``width`` columns, with an ellipsis for what was cut."""
    if measure(text) <= width:
        return text
    dots = _find_ellipsis()
    room = max(0, width - len(dots))
    tail = _take(text, room // 2, from_end=True) if middle else ""
    head = _take(text, room - measure(tail))
    reset = "\x1b[0m" if "\x1b" in head and not tail else ""
    return f"{head}{dots}{tail}{reset}"


def fit_line(line: str) -> str:
    """Return a line that fits this terminal; unchanged in a pipe."""
    width = find_width()
    return line if width is None else shorten(line, width)


def wrap(text: str, width: int, indent: int = 0) -> list[str]:
    """Return a text in lines of at most ``width`` columns, broken at spaces.

    A word that is longer, such as a path, has a line of its own.

    Args:
        text: the text; a colour of all of it is kept on each line.
        width: the columns of a line.
        indent: spaces before the second line and those after it.
    """
    if measure(text) <= width:
        return [text]
    styled = STYLED.fullmatch(text)
    before, body, after = styled.groups() if styled else ("", text, "")
    lead = body[: len(body) - len(body.lstrip(" "))]
    lines, line, is_blank = [], lead, True
    for word in body[len(lead) :].split(" "):
        longer = f"{line}{word}" if is_blank else f"{line} {word}"
        if not is_blank and measure(longer) > width:
            lines.append(line)
            longer = " " * indent + word
        line, is_blank = longer, False
    return [f"{before}{each}{after}" for each in [*lines, line]]


def wrap_line(line: str, indent: int = INDENT) -> list[str]:
    """Return a sentence in lines that fit this terminal; unchanged in a pipe."""
    width = find_width()
    return [line] if width is None else wrap(line, width, indent)


def _find_ellipsis() -> str:
    """Return an ellipsis that the output can encode."""
    try:
        "…".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "..."
    return "…"


def _take(text: str, width: int, *, from_end: bool = False) -> str:
    """Return as much of a text as has ``width`` columns; colours before it are kept."""
    taken: list[str] = []
    parts = _PART.findall(text)
    for part in reversed(parts) if from_end else parts:
        size = measure(part)
        if size > width:
            break
        width -= size
        taken.append(part)
    return "".join(reversed(taken) if from_end else taken)


def _measure_character(character: str) -> int:
    """Return the columns of a character: 2 if it is wide, 0 if it combines with the one before."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
