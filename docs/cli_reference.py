"""Write docs/cli.md from the commands: ``make docs``. A test compares the two."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from zonegit_cli.cli import SECTIONS, cli

TARGET: Final = Path(__file__).with_name("cli.md")
WIDTH: Final = 92
HEAD: Final = """\
# The command line

`make docs` writes this page from the output of `--help`.

Exit status: 0 done, 1 error, 2 usage, 3 not found, 4 conflict, 5 denied, 6 unavailable, 7 unsafe
(needs `--force`). With `--dry-run` it is that of the command without it. With `--json` every
command prints one JSON document on standard output, or on standard error if it fails.
"""


def reference() -> str:
    """Return the whole page."""
    parts = [HEAD, _fenced(_help(cli, "zonegit"))]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in names:
            command = cli.get_command(click.Context(cli), name)
            assert command is not None
            parts.extend(_entries(command, f"zonegit {name}"))
    return "\n".join(parts)


def _entries(command: click.Command, path: str) -> Iterator[str]:
    yield f"### {path}\n"
    yield _fenced(_help(command, path))
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _entries(below, f"{path} {name}")


def _help(command: click.Command, path: str) -> str:
    context = click.Context(
        command, info_name=path, terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    return command.get_help(context)


def _fenced(text: str) -> str:
    return f"```\n{text}\n```\n"


if __name__ == "__main__":
    TARGET.write_text(reference())
    sys.exit(0)
