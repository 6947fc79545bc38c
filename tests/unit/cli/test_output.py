"""What commands print."""

import click
import pytest

from zonegit_cli.output import columns, harmless


def test_columns_are_aligned_whatever_their_colours() -> None:
    red = click.style("abc", fg="red")
    lines = [click.unstyle(line) for line in columns([(red, "1"), ("x", "2")], ("NAME", "N"))]
    assert lines == ["NAME  N", "abc   1", "x     2"]


def test_no_rows_are_no_lines() -> None:
    assert columns([]) == []


@pytest.mark.parametrize("colour", ["red", "green", "yellow", "blue", "magenta", "cyan"])
@pytest.mark.parametrize("bold", [True, False])
def test_the_colours_of_commands_are_printed(colour: str, bold: bool) -> None:
    line = click.style("text", fg=colour, bold=bold) + " and\tmore"
    assert harmless(line) == line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("harmless, même en français: \u65e5\u672c\u8a9e", None),
        ("\x1b[2Jgone", "<1b>[2Jgone"),
        ("\x1b[8mhidden\x1b[0m", "<1b>[8mhidden\x1b[0m"),
        ("\x1b]0;title\x07", "<1b>]0;title<07>"),
        ("over\rwritten", "over<0d>written"),
        ("\x9b31m", "<9b>31m"),
        ("turned \u202earound", "turned <202e>around"),
    ],
)
def test_what_would_steer_the_terminal_is_shown_as_its_number(line: str, shown: str | None) -> None:
    assert harmless(line) == (line if shown is None else shown)
