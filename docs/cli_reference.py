"""Write docs/cli.md from the help of the commands.

``make docs`` runs this; a test compares the page with the commands.
"""

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
(needs `--force`), 10 findings or differences (`lint`, `--exit-code`), 11 no data (`query
--exit-code`). With `--dry-run` it is that of the command without it. With `--json` every command
prints one JSON document on standard output, or on standard error if it fails.
"""


def build_reference() -> str:
    """Return the whole page."""
    parts = [HEAD, _fence(_format_help(cli, "zonegit"))]
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in names:
            command = cli.get_command(click.Context(cli), name)
            assert command is not None
            parts.extend(_generate_entries(command, f"zonegit {name}"))
    return "\n".join(parts)


def _generate_entries(command: click.Command, path: str) -> Iterator[str]:
    yield f"### {path}\n"
    yield _fence(_format_help(command, path))
    if isinstance(command, click.Group):
        for name, subcommand in command.commands.items():
            yield from _generate_entries(subcommand, f"{path} {name}")


def _format_help(command: click.Command, path: str) -> str:
    context = click.Context(
        command, info_name=path, terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    return command.get_help(context)


def _fence(text: str) -> str:
    return f"```\n{text}\n```\n"


if __name__ == "__main__":
    TARGET.write_text(build_reference())
    sys.exit(0)
