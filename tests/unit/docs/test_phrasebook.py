"""Every command of the phrasebook exists, with the options and arguments that the page gives it."""

import re
import shlex
from pathlib import Path

import click
import pytest

from zonegit_cli.cli import cli

PAGE = Path(__file__).parents[3] / "docs" / "phrasebook.md"
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
COMMANDS = sorted({command for row in ROWS for command in re.findall(r"`zonegit ([^`]+)`", row)})


def test_the_page_has_many_rows_with_a_command_each() -> None:
    assert len(ROWS) >= 36
    assert all("`zonegit " in row.split("|")[2] for row in ROWS)


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_of_the_page_parses(text: str) -> None:
    command: click.Command = cli
    words = shlex.split(text)
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    command.make_context("zonegit", words, parent=context)
