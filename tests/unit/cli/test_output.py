"""The output of commands."""

import click
import pytest

from zonegit_cli.output import BAR_WIDTH, MIN_BAR_ITEMS, Output, append_u_labels, escape_controls
from zonegit_cli.table import align_columns


def test_columns_are_aligned_whatever_their_colours() -> None:
    red = click.style("abc", fg="red")
    lines = [click.unstyle(line) for line in align_columns([(red, "1"), ("x", "2")], ("NAME", "N"))]
    assert lines == ["NAME  N", "abc   1", "x     2"]


def test_without_rows_there_are_no_lines() -> None:
    assert align_columns([]) == []


@pytest.mark.parametrize("colour", ["red", "green", "yellow", "blue", "magenta", "cyan"])
@pytest.mark.parametrize("bold", [True, False])
def test_the_colours_of_commands_are_printed(colour: str, bold: bool) -> None:
    line = click.style("text", fg=colour, bold=bold) + " and\tmore"
    assert escape_controls(line) == line


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
def test_control_characters_are_shown_as_their_code(line: str, shown: str | None) -> None:
    assert escape_controls(line) == (line if shown is None else shown)


def draw_bar(total: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what a bar prints on a terminal, step by step."""
    for done in range(1, total + 1):
        Output(False).print_bar(done, total, "zones")
    return capsys.readouterr().err.split("\r\x1b[K")[1:]


def test_a_bar_is_drawn_at_most_a_hundred_times_and_cleared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    *steps, last = draw_bar(5_000, capsys)
    assert len(steps) == 99
    assert steps[49] == f"[{'#' * 15}{'.' * (BAR_WIDTH - 15)}] 2,500 of 5,000 zones"
    assert last == ""
    assert draw_bar(MIN_BAR_ITEMS - 1, capsys) == []


@pytest.mark.parametrize(
    ("line", "comment"),
    [
        ("xn--strae-oqa.example. 300 IN A 192.0.2.1", "straße.example."),
        ("a.XN--TDA. 300 IN MX 10 xn--4ca.example.", "a.ü. ä.example."),
        (click.style("+ *.xn--tda. 300 IN NS xn--tda.", fg="green"), "*.ü. ü."),
        ("www.example. 300 IN A 192.0.2.1", None),
        ("axn--tda.example.", None),
        ("xn--nonsense-.example.", None),
        ("xn--n3h.example.", None),
    ],
)
def test_a_line_with_a_labels_ends_with_the_names_in_unicode(
    line: str, comment: str | None
) -> None:
    assert append_u_labels(line, "utf-8") == (f"{line}  ; {comment}" if comment else line)
    assert append_u_labels(line, "ascii") == line


def test_a_very_long_line_takes_linear_time() -> None:
    line = f"xn--tda. DNSKEY 1 3 8 {'a' * 200_000}"
    assert append_u_labels(line, "utf-8") == f"{line}  ; ü."


def test_u_labels_are_printed_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Output(False).print_result({}, ["xn--tda."])
    Output(True).print_result({"name": "xn--tda."}, [])
    assert "ü" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Output(False).print_result({}, ["xn--tda."])
    Output(False).print_result({}, ["zonegit set xn--tda. A 300 192.0.2.1"], verbatim=True)
    Output(True).print_result({"name": "xn--tda."}, [])
    assert capsys.readouterr().out.count("ü") == 1
