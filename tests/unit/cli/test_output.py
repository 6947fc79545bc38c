"""What commands print."""

import click

from zonegit_cli.output import columns


def test_columns_are_aligned_whatever_their_colours() -> None:
    red = click.style("abc", fg="red")
    lines = [click.unstyle(line) for line in columns([(red, "1"), ("x", "2")], ("NAME", "N"))]
    assert lines == ["NAME  N", "abc   1", "x     2"]


def test_no_rows_are_no_lines() -> None:
    assert columns([]) == []
