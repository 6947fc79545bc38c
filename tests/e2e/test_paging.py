"""Long output on a terminal goes through a pager, in colour by default."""

import os
import pty
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.e2e.stack import BIN, Stack

GREEN = "\x1b[32m"


@pytest.fixture
def long(stack: Stack) -> Stack:
    """Create a zone whose last commit changed more lines than a terminal has."""
    stack.zone(f"{stack.environment['ZONEGIT_ACTOR']}.example")
    hosts = [f"set h{number} A 300 192.0.2.{number}" for number in range(1, 60)]
    stack.run("apply", "-", stdin="\n".join(hosts))
    return stack


def on_a_terminal(stack: Stack, *words: str, **env: str) -> str:
    """Run a command on a terminal of the usual size, and return its output."""
    master, slave = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if "ZONEGIT" not in key}
    command = subprocess.Popen(
        [str(BIN / "zonegit"), *words],
        env={
            **{key: value for key, value in clean.items() if key not in ("LINES", "LESS")},
            "TERM": "xterm", "ZONEGIT_DATA": str(stack.data), **stack.environment, **env,
        },
        stdin=slave, stdout=slave,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    try:
        while block := os.read(master, 65_536):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert command.wait(60) == 0
    return shown.decode()


@pytest.mark.parametrize(
    "words", [["diff"], ["export"], ["log", "-p"], ["show"], ["diff", "HEAD~1", "--stat"]]
)
def test_output_longer_than_the_terminal_is_paged(
    long: Stack, words: list[str], tmp_path: Path
) -> None:
    paged = tmp_path / "paged"
    shown = on_a_terminal(long, *words, PAGER=shlex.join(["tee", str(paged)]))
    assert len(paged.read_text().splitlines()) > 59
    assert "h59" in shown


def test_short_output_is_not_paged(long: Stack) -> None:
    assert "nothing" not in on_a_terminal(long, "log", PAGER="echo nothing")


def test_less_shows_colours_unless_they_are_disabled(long: Stack, tmp_path: Path) -> None:
    less = tmp_path / "less"
    less.write_text('#!/bin/sh\necho "LESS is $LESS"\ncat\n')
    less.chmod(0o755)
    shown = on_a_terminal(long, "diff", PAGER=str(less))
    assert shown.startswith("LESS is -R")
    assert GREEN in shown
    plain = on_a_terminal(long, "diff", PAGER=str(less), NO_COLOR="1")
    assert plain.startswith("LESS is ")
    assert "\x1b" not in plain


def test_without_a_terminal_there_are_no_colours_and_no_pager(long: Stack) -> None:
    assert "\x1b" not in long.run("diff", env={"PAGER": "false"}).out
