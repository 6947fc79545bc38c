"""What commands print: text for people, one JSON document with ``--json``. Colour on a terminal
only (click strips it elsewhere; ``NO_COLOR`` is honoured); progress goes to stderr."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec

from zonegit.objects.ids import short

Json = Mapping[str, Any] | Sequence[Any]


class Output(msgspec.Struct, frozen=True):
    """Where a command's results go."""

    as_json: bool

    def result(
        self, data: Json | Callable[[], Json], lines: Iterable[str], *, paged: bool = False
    ) -> None:
        """Prints ``data`` with ``--json``, else ``lines``; ``paged`` through a pager where they
        exceed a terminal. What is long to work out is given as a function or a generator."""
        if self.as_json:
            made = data() if callable(data) else data
            click.echo(json.dumps(made, indent=2, ensure_ascii=False))
            return
        text = [*lines]
        if paged and sys.stdout.isatty() and len(text) >= shutil.get_terminal_size().lines:
            click.echo_via_pager("\n".join(text) + "\n", color=colourful())
            return
        for line in text:
            click.echo(line, color=colourful())

    def note(self, text: str) -> None:
        """Something to know beside the result; on stderr."""
        click.echo(f"{click.style('note:', fg='cyan')} {text}", err=True)


def colourful() -> bool | None:
    """False where ``NO_COLOR`` is set (no-color.org), else None: whatever the stream is."""
    return False if os.environ.get("NO_COLOR") else None


def columns(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> list[str]:
    """Aligned columns; the last one is not padded."""
    every = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
    if not every:
        return []
    # Colours take no room on a screen.
    sizes = [[len(click.unstyle(cell)) for cell in row] for row in every]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    lines = [
        "  ".join(
            cell + " " * (width - size)
            for cell, size, width in zip(row, size_of, widths, strict=True)
        ).rstrip()
        for row, size_of in zip(every, sizes, strict=True)
    ]
    if header:
        lines[0] = click.style(lines[0], bold=True)
    return lines


def commit_id(octets: bytes) -> str:
    """An abbreviated id, coloured as git's are."""
    return click.style(short(octets), fg="yellow")
