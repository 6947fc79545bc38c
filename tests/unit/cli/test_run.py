"""Every error is printed as one line and a hint, and gives an exit status."""

import json
import os
import pty
import subprocess
import sys

import click
import pytest

from zonegit.errors import Unsafe
from zonegit_cli.cli import cli
from zonegit_cli.run import run_cli


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
        (OSError(28, "No space left on device"), 1, "zonegit: No space left on device\n"),
        (Unsafe("\x1b[2Jgone"), 7, "zonegit: <1b>[2Jgone\n"),
        (KeyboardInterrupt(), 130, "zonegit: interrupted\n"),
    ],
)
def test_each_error_has_its_text_and_exit_status(
    error: BaseException, status: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(_failing(error), []) == status
    assert capfd.readouterr().err.lstrip("\n") == said


def test_a_bug_is_one_line_with_a_hint_to_use_debug(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(_failing(TypeError("oh")), []) == 1
    said = capfd.readouterr().err
    assert said.startswith("zonegit: TypeError: oh\n")
    assert "--debug" in said
    with pytest.raises(TypeError):
        run_cli(_failing(TypeError("oh")), ["--debug"])


def test_a_usage_error_is_json_with_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(_failing(TypeError()), ["--json", "--nope"]) == 2
    error = json.loads(capfd.readouterr().err)["error"]
    assert error["code"] == "usage"
    assert "--nope" in error["message"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_standard_streams_may_be_closed(closed: str) -> None:
    command = f'exec "$0" -m zonegit_cli log --help {closed}'
    assert subprocess.run(["sh", "-c", command, sys.executable], check=False).returncode == 0


@pytest.mark.parametrize(("settings", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_an_error_has_colours_on_a_terminal_without_no_color(
    settings: dict[str, str], coloured: bool
) -> None:
    master, slave = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    command = [sys.executable, "-m", "zonegit_cli", "frobnicate"]
    subprocess.run(command, stderr=slave, env={**environment, **settings}, check=False)
    os.close(slave)
    assert ("\x1b[" in os.read(master, 4096).decode()) is coloured
    os.close(master)


def test_a_closed_pipe_is_not_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "zonegit_cli", "log", "--help"]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("lgo", "log"),
        ("zone lsit", "list"),
        ("op lg", "log"),
        ("workspace comit", "commit"),
        ("config trsut", "trust"),
        ("workspace commit --dry-rum", "--dry-run"),
        ("set --forec www A 192.0.2.7", "--force"),
    ],
)
def test_an_unknown_command_or_option_suggests_the_nearest(
    words: str, nearest: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(cli, words.split()) == 2
    message = capfd.readouterr().err.partition("\n")[0]
    assert "did you mean" in message.lower()
    assert nearest in message
