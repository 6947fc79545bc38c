"""The one door: whatever goes wrong leaves as one line, a hint and a status."""

import json

import click
import pytest

from zonegit.errors import Unsafe
from zonegit_cli.door import leave_through_one_door


def _failing(error: BaseException) -> click.Command:
    @click.command()
    @click.option("--json", is_flag=True)
    @click.option("--debug", is_flag=True)
    def command(**_options: bool) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (Unsafe("it hurts", hint="force it"), 7, "zonegit: it hurts\n   hint: force it\n"),
        (ExceptionGroup("x", [ValueError(), Unsafe("inner")]), 7, "zonegit: inner\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "zonegit: /x: Permission denied\n"),
        (KeyboardInterrupt(), 130, "zonegit: interrupted\n"),
    ],
)
def test_each_failure_has_its_line_and_status(
    error: BaseException, status: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert leave_through_one_door(_failing(error), []) == status
    assert capfd.readouterr().err.lstrip("\n") == said


def test_a_bug_is_one_line_that_says_how_to_see_more(capfd: pytest.CaptureFixture[str]) -> None:
    assert leave_through_one_door(_failing(TypeError("oh")), []) == 1
    said = capfd.readouterr().err
    assert said.startswith("zonegit: TypeError: oh\n")
    assert "--debug" in said
    with pytest.raises(TypeError):
        leave_through_one_door(_failing(TypeError("oh")), ["--debug"])


def test_a_wrong_command_line_is_json_too(capfd: pytest.CaptureFixture[str]) -> None:
    assert leave_through_one_door(_failing(TypeError()), ["--json", "--nope"]) == 2
    error = json.loads(capfd.readouterr().err)["error"]
    assert error["code"] == "usage"
    assert "--nope" in error["message"]
