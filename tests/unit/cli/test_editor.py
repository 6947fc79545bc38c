"""A text in an editor: opened again until it can be read, never lost."""

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


class Operator:
    """Types one text after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turns = folder / "turns"
        self.turns.mkdir()
        (folder / "editor.py").write_text(EDITOR)
        words = [sys.executable, str(folder / "editor.py"), str(self.turns)]
        self.command = shlex.join(words)
        self.told: list[str] = []

    def types(self, *texts: str) -> None:
        for number, text in enumerate(texts):
            (self.turns / str(number)).write_text(text)

    def seen(self, turn: int) -> list[str]:
        return (self.folder / f"seen-{turn}").read_text().splitlines()

    def kept(self) -> str:
        """What stands in the file that the operator was told of."""
        (told,) = self.told
        return Path(told.rpartition(" ")[2]).read_text()


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    operator = Operator(tmp_path)
    monkeypatch.setenv("VISUAL", operator.command)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return operator


def number(octets: bytes) -> int:
    """Reads a text of one number; complains as zone files do."""
    for at, line in enumerate(octets.splitlines(), 1):
        if line and not line.isdigit():
            raise Invalid(f"text:{at}: {line.decode()} is no number", hint="write\ndigits")
    return int(octets)


def test_what_is_saved_is_read_and_the_file_goes(operator: Operator) -> None:
    operator.types("2")
    with EditedFile("a/b.zone", b"1", operator.told.append) as sheet:
        assert sheet.path.name == "a_b.zone"
        assert (
            sheet.path.stat().st_mode & 0o077 == 0 or sheet.path.parent.stat().st_mode & 0o77 == 0
        )
        assert sheet.edit(number, LIMIT) == 2
    assert not sheet.path.parent.exists()
    assert operator.told == []


@pytest.mark.parametrize("text", ["as it is", "1", "", " \n\t\n"])
def test_a_text_that_is_the_same_or_empty_is_nothing(operator: Operator, text: str) -> None:
    operator.types(text)
    with EditedFile("zone", b"1", operator.told.append) as sheet:
        assert sheet.edit(number, LIMIT) is None
    assert not sheet.path.parent.exists()


def test_a_text_that_cannot_be_read_is_opened_again_under_its_error(operator: Operator) -> None:
    operator.types("2\nx", "y", "3")
    with EditedFile("zone", b"1", operator.told.append) as sheet:
        assert sheet.edit(number, LIMIT, lambda: True) == 3
    advice = "; zonegit: correct it and save; an unchanged or an empty file commits nothing"
    assert operator.seen(1) == [
        "; zonegit: text:5: x is no number", "; zonegit: write digits", advice, "2", "x",
    ]  # fmt: skip
    assert operator.seen(2)[0] == "; zonegit: text:4: y is no number"
    assert operator.seen(2)[3:] == ["y"]


def test_the_line_that_an_error_names_is_the_one_the_editor_shows(operator: Operator) -> None:
    operator.types("2\nx", "3")
    with EditedFile("zone", b"1", operator.told.append) as sheet:
        sheet.edit(number, LIMIT)
    named = int(operator.seen(1)[0].split(":")[2])
    assert operator.seen(1)[named - 1] == "x"


@pytest.mark.parametrize("again", ["as it is", "x"])
def test_leaving_an_error_as_it_is_gives_up_and_keeps_the_text(
    operator: Operator, again: str
) -> None:
    operator.types("x", again)
    with (
        pytest.raises(Invalid, match="x is no number"),
        EditedFile("zone", b"1", operator.told.append) as sheet,
    ):
        sheet.edit(number, LIMIT)
    assert operator.kept().endswith("x")


@pytest.mark.parametrize("again", ["", "1"])
def test_giving_an_error_up_by_emptying_or_undoing_is_nothing(
    operator: Operator, again: str
) -> None:
    operator.types("x", again)
    with EditedFile("zone", b"1", operator.told.append) as sheet:
        assert sheet.edit(number, LIMIT) is None
    assert operator.told == []


def test_what_was_typed_outlives_a_failure_later(operator: Operator) -> None:
    operator.types("2")
    sheet = EditedFile("zone", b"1", operator.told.append)
    sheet.edit(number, LIMIT)
    sheet.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert operator.kept() == "2"


def test_what_was_typed_is_kept_on_request(operator: Operator) -> None:
    operator.types("2")
    with EditedFile("zone", b"1", operator.told.append) as sheet:
        sheet.edit(number, LIMIT)
        sheet.keep()
    assert operator.kept() == "2"


def test_more_than_may_be_read_is_not(operator: Operator) -> None:
    operator.types("2" * (LIMIT + 5))
    with EditedFile("zone", b"1", operator.told.append) as sheet:
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
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VISUAL", command)
    with (
        pytest.raises(failure, match=said),
        EditedFile("zone", b"1", operator.told.append) as sheet,
    ):
        sheet.edit(number, LIMIT)
    assert not sheet.path.parent.exists()


def test_visual_goes_before_editor_and_vi_is_there_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "code --wait")
    monkeypatch.setenv("EDITOR", "ed")
    assert editor.read_editor_command() == ["code", "--wait"]
    monkeypatch.delenv("VISUAL")
    assert editor.read_editor_command() == ["ed"]
    monkeypatch.setenv("EDITOR", " ")
    assert editor.read_editor_command() == ["vi"]


def test_an_editor_that_keeps_failing_without_a_terminal_stops_after_two_rounds(
    operator: Operator,
) -> None:
    operator.types("x", "xx", "xxx")
    with (
        pytest.raises(Invalid, match="xx is no number"),
        EditedFile("zone", b"1", operator.told.append) as sheet,
    ):
        sheet.edit(number, LIMIT)
    assert [each.name for each in operator.turns.iterdir()] == ["2"]
    assert operator.kept() == "xx"


def test_from_the_second_failure_on_it_is_asked_whether_to_go_on(operator: Operator) -> None:
    operator.types("x", "xx", "xxx", "4")
    answers = iter([True, False])
    with (
        pytest.raises(Invalid, match="xxx is no number"),
        EditedFile("zone", b"1", operator.told.append) as sheet,
    ):
        sheet.edit(number, LIMIT, lambda: next(answers))
