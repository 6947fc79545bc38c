"""A text in an editor is opened again until it can be parsed, and is never lost."""

import shlex
import sys
from pathlib import Path

import pytest

from zonegit.errors import Invalid, NotFound
from zonegit_cli.parse import editor
from zonegit_cli.parse.editor import EditedFile

LIMIT = 1_000

EDITOR = """
import pathlib, sys
turns, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
seen = turns.parent / f"seen-{len(list(turns.parent.glob('seen-*')))}"
seen.write_bytes(path.read_bytes())
turn = sorted(turns.glob("*"))[0]
text = turn.read_bytes()
if text != b"as it is":
    path.write_bytes(text)
turn.unlink()
"""


class ScriptedOperator:
    """An operator that saves one text after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turns = folder / "turns"
        self.turns.mkdir()
        (folder / "editor.py").write_text(EDITOR)
        words = [sys.executable, str(folder / "editor.py"), str(self.turns)]
        self.command = shlex.join(words)
        self.notes: list[str] = []

    def types(self, *texts: str) -> None:
        for number, text in enumerate(texts):
            (self.turns / str(number)).write_text(text)

    def seen(self, turn: int) -> list[str]:
        return (self.folder / f"seen-{turn}").read_text().splitlines()

    def kept(self) -> str:
        """Return the content of the file that was kept."""
        (note,) = self.notes
        return Path(note.rpartition(" ")[2]).read_text()


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedOperator:
    operator = ScriptedOperator(tmp_path)
    monkeypatch.setenv("VISUAL", operator.command)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return operator


def number(octets: bytes) -> int:
    """Parse a text of one number; raise errors like those of zone files."""
    for at, line in enumerate(octets.splitlines(), 1):
        if line and not line.isdigit():
            raise Invalid(f"text:{at}: {line.decode()} is no number", hint="write\ndigits")
    return int(octets)


def test_the_saved_text_is_parsed_and_the_file_is_removed(operator: ScriptedOperator) -> None:
    operator.types("2")
    with EditedFile("a/b.zone", b"1", operator.notes.append) as sheet:
        assert sheet.path.name == "a_b.zone"
        assert (
            sheet.path.stat().st_mode & 0o077 == 0 or sheet.path.parent.stat().st_mode & 0o77 == 0
        )
        assert sheet.edit(number, LIMIT) == 2
    assert not sheet.path.parent.exists()
    assert operator.notes == []


@pytest.mark.parametrize("text", ["as it is", "1", "", " \n\t\n"])
def test_an_unchanged_or_empty_text_is_no_result(operator: ScriptedOperator, text: str) -> None:
    operator.types(text)
    with EditedFile("zone", b"1", operator.notes.append) as sheet:
        assert sheet.edit(number, LIMIT) is None
    assert not sheet.path.parent.exists()


def test_a_text_that_does_not_parse_is_opened_again_below_its_error(
    operator: ScriptedOperator,
) -> None:
    operator.types("2\nx", "y", "3")
    with EditedFile("zone", b"1", operator.notes.append) as sheet:
        assert sheet.edit(number, LIMIT, lambda: True) == 3
    advice = "; zonegit: correct it and save; an unchanged or an empty file commits nothing"
    assert operator.seen(1) == [
        "; zonegit: text:5: x is no number", "; zonegit: write digits", advice, "2", "x",
    ]  # fmt: skip
    assert operator.seen(2)[0] == "; zonegit: text:4: y is no number"
    assert operator.seen(2)[3:] == ["y"]


def test_the_line_number_of_an_error_is_that_of_the_editor(operator: ScriptedOperator) -> None:
    operator.types("2\nx", "3")
    with EditedFile("zone", b"1", operator.notes.append) as sheet:
        sheet.edit(number, LIMIT)
    named = int(operator.seen(1)[0].split(":")[2])
    assert operator.seen(1)[named - 1] == "x"


@pytest.mark.parametrize("again", ["as it is", "x"])
def test_saving_an_error_unchanged_raises_it_and_keeps_the_text(
    operator: ScriptedOperator, again: str
) -> None:
    operator.types("x", again)
    with (
        pytest.raises(Invalid, match="x is no number"),
        EditedFile("zone", b"1", operator.notes.append) as sheet,
    ):
        sheet.edit(number, LIMIT)
    assert operator.kept().endswith("x")


@pytest.mark.parametrize("again", ["", "1"])
def test_emptying_or_restoring_the_text_after_an_error_is_no_result(
    operator: ScriptedOperator, again: str
) -> None:
    operator.types("x", again)
    with EditedFile("zone", b"1", operator.notes.append) as sheet:
        assert sheet.edit(number, LIMIT) is None
    assert operator.notes == []


def test_the_text_is_kept_if_a_later_step_fails(operator: ScriptedOperator) -> None:
    operator.types("2")
    sheet = EditedFile("zone", b"1", operator.notes.append)
    sheet.edit(number, LIMIT)
    sheet.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert operator.kept() == "2"


def test_the_text_is_kept_on_request(operator: ScriptedOperator) -> None:
    operator.types("2")
    with EditedFile("zone", b"1", operator.notes.append) as sheet:
        sheet.edit(number, LIMIT)
        sheet.keep()
    assert operator.kept() == "2"


def test_no_more_than_the_limit_is_read(operator: ScriptedOperator) -> None:
    operator.types("2" * (LIMIT + 5))
    with EditedFile("zone", b"1", operator.notes.append) as sheet:
        assert sheet.edit(len, LIMIT) == LIMIT + 1 + editor.ERROR_LINES


@pytest.mark.parametrize(
    ("command", "failure", "said"),
    [
        ("false", Invalid, "failed"),
        ("/nonexistent/editor --wait", NotFound, "/nonexistent/editor"),
        ("vi 'open", Invalid, "invalid editor command"),
    ],
)
def test_an_editor_that_fails_commits_nothing(
    command: str,
    failure: type[Exception],
    said: str,
    operator: ScriptedOperator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VISUAL", command)
    with (
        pytest.raises(failure, match=said),
        EditedFile("zone", b"1", operator.notes.append) as sheet,
    ):
        sheet.edit(number, LIMIT)
    assert not sheet.path.parent.exists()


def test_visual_overrides_editor_and_vi_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "code --wait")
    monkeypatch.setenv("EDITOR", "ed")
    assert editor.read_editor_command() == ["code", "--wait"]
    monkeypatch.delenv("VISUAL")
    assert editor.read_editor_command() == ["ed"]
    monkeypatch.setenv("EDITOR", " ")
    assert editor.read_editor_command() == ["vi"]


def test_an_editor_that_keeps_failing_without_a_terminal_stops_after_two_rounds(
    operator: ScriptedOperator,
) -> None:
    operator.types("x", "xx", "xxx")
    with (
        pytest.raises(Invalid, match="xx is no number"),
        EditedFile("zone", b"1", operator.notes.append) as sheet,
    ):
        sheet.edit(number, LIMIT)
    assert [each.name for each in operator.turns.iterdir()] == ["2"]
    assert operator.kept() == "xx"


def test_from_the_second_failure_on_the_operator_is_asked(operator: ScriptedOperator) -> None:
    operator.types("x", "xx", "xxx", "4")
    answers = iter([True, False])
    with (
        pytest.raises(Invalid, match="xxx is no number"),
        EditedFile("zone", b"1", operator.notes.append) as sheet,
    ):
        sheet.edit(number, LIMIT, lambda: next(answers))
