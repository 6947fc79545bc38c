"""Format tables, for a terminal of a given width or for a pipe.

On a terminal a table fits the width. These steps are taken in order, each only as far as needed:

1. a column that has the same value in all rows is left out, and its value is named once below;
2. ids are shortened to 8 digits, or to as many as keep them distinct, and times become relative;
3. columns that allow it are shortened, with an ellipsis, or wrapped between words, widest first;
4. the last columns continue on a second line.

Numbers, addresses and all else in columns without a rule stay whole. The first step is always
taken. In a pipe all columns have their whole text, so that scripts read the same on any terminal.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import click

from zonegit_cli.output import format_age
from zonegit_cli.text_width import INDENT, STYLED, find_width, measure, shorten, wrap

Rule = Literal["whole", "id", "end", "middle", "wrap"]
"""The ways to shorten a column: none, fewer digits, an ellipsis at the end or in the middle, or
several lines."""

GAP: Final = 2
"""Spaces between columns."""
_MIN_WIDTHS: Final = {"end": 16, "middle": 12, "wrap": 24}
"""Least width of a column that is shortened or wrapped, in characters."""
MIN_ID_DIGITS: Final = 8
NOTHING: Final = frozenset({"", "-"})
"""Values that are not named when their column is left out."""


class Alternative(NamedTuple):
    """A cell with a shorter form for narrow terminals."""

    whole: str
    short: str


class Column(NamedTuple):
    """A column: its title, and how it may be shortened."""

    title: str
    rule: Rule = "whole"


Cell = str | Alternative


def align_columns(
    rows: Sequence[Sequence[Cell]],
    columns: Sequence[Column | str] = (),
    *,
    has_header: bool = True,
    width: int | None = None,
) -> list[str]:
    """Return rows as lines with aligned columns; the last column is not padded.

    Args:
        rows: the cells of each row; they may have colours, which have no width.
        columns: the columns; a text is the title of one that stays whole. None for no titles.
        has_header: begin with a line of titles.
        width: the columns of the terminal. [those of this terminal; a pipe has no limit]
    """
    if not rows:
        return []
    limit = find_width() if width is None else width
    every = [each if isinstance(each, Column) else Column(each) for each in columns]
    every = every or [Column("") for _ in rows[0]]
    has_header = has_header and bool(columns)
    cells = [[_get_whole(cell) for cell in row] for row in rows]
    note = ""
    if limit is not None:
        shown, note = _leave_out_constants(cells, every)
        every = [every[at] for at in shown]
        cells = [[row[at] for at in shown] for row in cells]
        if _sum_widths(_measure(cells, every, has_header)) > limit:
            short = [[_get_short(row[at]) for at in shown] for row in rows]
            cells = _shorten_ids(short, every)
    widths = _measure(cells, every, has_header)
    if limit is not None:
        widths = _shrink(widths, cells, every, limit)
    lines = _format_header(every, widths, limit) if has_header else []
    for row in cells:
        parts = [
            _break(cell, size, each.rule)
            for cell, size, each in zip(row, widths, every, strict=True)
        ]
        lines += _join(parts, widths, limit)
    return [*lines, *(wrap(note, limit, INDENT) if note and limit is not None else ())]


def format_time_cell(seconds: float, absolute: str) -> Alternative:
    """Return the cell of a time: absolute, or relative to now.

    Args:
        seconds: the time, in seconds since 1970.
        absolute: its text with date and time.
    """
    return Alternative(absolute, format_age(time.time() - seconds))


def _format_header(
    columns: Sequence[Column], widths: Sequence[int], limit: int | None
) -> list[str]:
    titles = [[shorten(each.title, width)] for each, width in zip(columns, widths, strict=True)]
    return [click.style(line, bold=True) for line in _join(titles, widths, limit)]


def _leave_out_constants(
    cells: Sequence[Sequence[str]], columns: Sequence[Column]
) -> tuple[list[int], str]:
    """Return the columns to show, and a line that names the values of the others.

    The first column with a title is always shown, for it says what a row is about. Without titles
    all are shown, because a value without a name says nothing.
    """
    first = next((at for at, each in enumerate(columns) if each.title), 0)
    if len(cells) < 2 or not any(each.title for each in columns):
        return list(range(len(columns))), ""
    constant = [
        at for at in range(len(columns)) if at != first and len({row[at] for row in cells}) == 1
    ]
    named = [
        _name_value(columns[at].title.lower(), cells[0][at])
        for at in constant
        if click.unstyle(cells[0][at]).strip() not in NOTHING
    ]
    shown = [at for at in range(len(columns)) if at not in constant]
    return shown, f"all: {', '.join(named)}" if named else ""


def _name_value(title: str, cell: str) -> str:
    """Return a value after its title, unless it begins with it or there is none."""
    return cell if click.unstyle(cell).startswith(f"{title} ") else f"{title} {cell}".lstrip()


def _shorten_ids(cells: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[list[str]]:
    """Return cells whose ids have as few digits as keep all ids of the table distinct."""
    of_ids = [at for at, each in enumerate(columns) if each.rule == "id"]
    ids = {click.unstyle(row[at]) for row in cells for at in of_ids}
    longest = max(map(len, ids), default=0)
    digits = next(
        (
            length
            for length in range(MIN_ID_DIGITS, longest)
            if len({each[:length] for each in ids}) == len(ids)
        ),
        longest,
    )
    return [
        [_cut(cell, digits) if at in of_ids else cell for at, cell in enumerate(row)]
        for row in cells
    ]


def _cut(cell: str, digits: int) -> str:
    styled = STYLED.fullmatch(cell)
    return f"{styled[1]}{styled[2][:digits]}{styled[3]}" if styled else cell[:digits]


def _shrink(
    widths: Sequence[int], cells: Sequence[Sequence[str]], columns: Sequence[Column], limit: int
) -> list[int]:
    """Return widths whose sum fits the limit if the rules of the columns allow it; the widest
    column that can shrink is shrunk first."""
    least = [
        _find_least([row[at] for row in cells], each, widths[at]) for at, each in enumerate(columns)
    ]
    if _sum_widths(least) > limit:  # a second line is needed, so use its room as well
        room = limit - INDENT
        return [min(width, max(room, low)) for width, low in zip(widths, least, strict=True)]
    found = [min(width, max(limit, low)) for width, low in zip(widths, least, strict=True)]
    while _sum_widths(found) > limit:
        can = [at for at, width in enumerate(found) if width > least[at]]
        found[max(can, key=lambda at: found[at])] -= 1
    return found


def _find_least(cells: Sequence[str], column: Column, width: int) -> int:
    """Return the least width of a column."""
    least = _MIN_WIDTHS.get(column.rule)
    if least is None:
        return width
    if column.rule == "wrap":
        words = (word for cell in cells for word in cell.split(" "))
        least = max(least, *map(measure, words))
    return min(width, max(least, len(column.title)))


def _group(widths: Sequence[int], limit: int | None) -> Iterator[range]:
    """Yield the columns of the first line of a row, and of each further line."""
    start = 0
    while start < len(widths):
        stop = start + 1
        while stop < len(widths) and (
            limit is None
            or _sum_widths(widths[start : stop + 1]) + (INDENT if start else 0) <= limit
        ):
            stop += 1
        yield range(start, stop)
        start = stop


def _break(cell: str, width: int, rule: Rule) -> list[str]:
    """Return the lines of a cell that has a width."""
    if rule == "wrap":
        return wrap(cell, width)
    if rule in ("end", "middle"):
        return [_shorten_cell(cell, width, middle=rule == "middle")]
    return [cell]


def _shorten_cell(cell: str, width: int, *, middle: bool) -> str:
    styled = STYLED.fullmatch(cell)
    if styled is None:
        return shorten(cell, width, middle=middle)
    return f"{styled[1]}{shorten(styled[2], width, middle=middle)}{styled[3]}"


def _join(
    cells: Sequence[Sequence[str]], widths: Sequence[int], limit: int | None
) -> Iterator[str]:
    """Yield the lines of a row whose cells may have several lines."""
    for group in _group(widths, limit):
        lead = " " * INDENT if group.start else ""
        for number in range(max(len(cells[at]) for at in group)):
            texts = [cells[at][number] if number < len(cells[at]) else "" for at in group]
            padded = (
                text + " " * (widths[at] - measure(text))
                for text, at in zip(texts, group, strict=True)
            )
            yield lead + (" " * GAP).join(padded).rstrip()


def _measure(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], has_header: bool
) -> list[int]:
    """Return the width of each column."""
    titles = [len(each.title) if has_header else 0 for each in columns]
    return [max(title, *(measure(row[at]) for row in cells)) for at, title in enumerate(titles)]


def _sum_widths(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _get_whole(cell: Cell) -> str:
    return cell.whole if isinstance(cell, Alternative) else cell


def _get_short(cell: Cell) -> str:
    return cell.short if isinstance(cell, Alternative) else cell
