"""Tables that fit a terminal."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit_cli.table import Alternative, Column, align_columns
from zonegit_cli.text_width import INDENT, measure, shorten, wrap

NAMES = st.text("abc.", min_size=1, max_size=80)
TEXTS = st.lists(st.text("abcü日", min_size=1, max_size=20), max_size=12).map(" ".join)
ROWS = st.lists(
    st.tuples(NAMES, st.from_regex(r"[0-9a-f]{12}", fullmatch=True), NAMES, TEXTS, TEXTS),
    min_size=1, max_size=5,
)  # fmt: skip
COLUMNS = (
    Column("NAME", "middle"), Column("COMMIT", "id"), Column("ZONE", "middle"),
    Column("SUBJECT", "end"), Column("STATE", "wrap"),
)  # fmt: skip


def strip(lines: list[str]) -> list[str]:
    return [click.unstyle(line) for line in lines]


@given(ROWS, st.integers(60, 200))
def test_no_line_is_longer_than_the_width(rows: list[tuple[str, ...]], width: int) -> None:
    assert all(measure(line) <= width for line in align_columns(rows, COLUMNS, width=width))


@given(ROWS)
def test_a_pipe_has_the_whole_text_of_all_columns(rows: list[tuple[str, ...]]) -> None:
    _, *lines = align_columns(rows, COLUMNS)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert all(cell.rstrip() in line for cell in row)


def test_ids_keep_as_many_digits_as_make_them_distinct() -> None:
    rows = [("a" * 60, f"0123456789{tail}") for tail in ("aa", "ba", "bb")]
    columns = (Column("NAME"), Column("COMMIT", "id"))
    assert [line.split()[1] for line in strip(align_columns(rows, columns, width=74))[1:]] == [
        row[1] for row in rows
    ]
    rows = [("a" * 60, f"{start}123456789ab") for start in "012"]
    assert [line.split()[1] for line in strip(align_columns(rows, columns, width=70))[1:]] == [
        row[1][:8] for row in rows
    ]


def test_a_value_that_all_rows_have_is_named_once_below() -> None:
    rows = [("r1", "main", "5"), ("r2", "main", "5")]
    columns = (Column("RESOLVER"), Column("BRANCH"), Column("SERIAL"))
    assert strip(align_columns(rows, columns, width=80)) == [
        "RESOLVER", "r1", "r2", "all: branch main, serial 5",
    ]  # fmt: skip
    assert strip(align_columns(rows[:1], columns, width=80))[1] == "r1        main    5"
    assert strip(align_columns(rows, columns))[1] == "r1        main    5"


def test_the_last_columns_continue_on_a_second_line_when_nothing_can_be_shortened() -> None:
    rows = [("a" * 30, "192.0.2.1:53"), ("b" * 30, "192.0.2.2:53")]
    lines = strip(align_columns(rows, (Column("NAME"), Column("ADDRESS")), width=40))
    assert lines == [
        "NAME", "    ADDRESS", "a" * 30, "    192.0.2.1:53", "b" * 30, "    192.0.2.2:53",
    ]  # fmt: skip


def test_times_are_relative_only_where_the_absolute_time_has_no_room() -> None:
    rows = [("a", Alternative("2026-11-20 14:00:00", "3 d ago")), ("b", Alternative("x", "y"))]
    columns = (Column("NAME"), Column("TIME"))
    assert "2026-11-20 14:00:00" in strip(align_columns(rows, columns, width=80))[1]
    assert "3 d ago" in strip(align_columns(rows, columns, width=20))[1]
    assert "2026-11-20 14:00:00" in strip(align_columns(rows, columns))[1]


@given(st.text("ab 日é\u0301", max_size=60), st.integers(5, 40), st.booleans())
def test_a_shortened_text_fits_and_ends_as_it_should(text: str, width: int, middle: bool) -> None:
    coloured = click.style(text, fg="red")
    for each in (text, coloured):
        short = shorten(each, width, middle=middle)
        assert measure(short) <= width
    if measure(text) <= width:
        assert shorten(text, width) == text


@given(st.lists(st.from_regex(r"[a-z0-9.:]{1,20}", fullmatch=True), min_size=1, max_size=30))
def test_wrapping_breaks_at_spaces_only(words: list[str]) -> None:
    lines = wrap(" ".join(words), 40, INDENT)
    assert [word for line in lines for word in line.split()] == words
    assert all(measure(line) <= 40 for line in lines)


@pytest.mark.parametrize("width", [30, 80])
def test_a_colour_is_kept_on_each_line(width: int) -> None:
    red = click.style("one two three four five six seven eight", fg="red")
    assert all(line.startswith("\x1b[31m") for line in wrap(red, width))
