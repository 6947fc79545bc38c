"""What commands print: text for people, one JSON document with ``--json``. Colour on a terminal
only (click strips it elsewhere; ``NO_COLOR`` is honoured); progress goes to stderr.

Much of the text is somebody else's: names of authors, messages. It must not steer a terminal.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import click
import msgspec

from zonegit.objects.ids import short
from zonegit.zone import idn
from zonegit.zone.findings import Severity

_STEERING: Final = re.compile(
    r"(\x1b\[(?:[01]|22|3[1-6])m)"  # the colours that commands use
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
"""Controls, those of writing direction included; not tabs and line ends."""

_STEERING_IN_JSON: Final = re.compile(
    r"[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""The same of what JSON may hold as it is; they stand in strings alone."""

_NAMES: Final = re.compile(r"[a-z0-9_*.-]+", re.ASCII | re.IGNORECASE)
"""Text that may be a name with A-labels."""
_PREFIX: Final = "xn--"

MANY: Final = 50
"""How many it takes for a bar."""
BAR: Final = 30
"""Characters of a bar."""

_COLOURS: Final[Mapping[Severity, str]] = {"error": "red", "warning": "yellow", "note": "cyan"}

Json = Mapping[str, Any] | Sequence[Any]


class Output(msgspec.Struct, frozen=True):
    """Where a command's results go."""

    as_json: bool

    def result(
        self,
        data: Json | Callable[[], Json],
        lines: Iterable[str],
        *,
        paged: bool = False,
        verbatim: bool = False,
    ) -> None:
        """Print ``data`` with ``--json``, else ``lines``; ``paged`` through a pager where they
        exceed a terminal. What is long to work out is given as a function or a generator. On a
        terminal a line with A-labels ends with the U-labels, unless lines are ``verbatim``."""
        if self.as_json:
            made = data() if callable(data) else data
            click.echo(_escape(json.dumps(made, indent=2, ensure_ascii=False)))
            return
        text = [f"{harmless(line)}\n" for line in lines]
        if not verbatim and sys.stdout.isatty():
            text = [f"{with_u_labels(line[:-1], sys.stdout.encoding)}\n" for line in text]
        whole = "".join(text)  # click flushes what it echoes: line by line is slow
        if paged and sys.stdout.isatty() and len(text) >= shutil.get_terminal_size().lines:
            click.echo_via_pager(whole, color=colourful())
        else:
            click.echo(whole, nl=False, color=colourful())

    def note(self, text: str) -> None:
        """Something to know beside the result; on stderr."""
        self.remark("note", text)

    def remark(self, severity: Severity, text: str) -> None:
        """Print a note or a warning on stderr, after its severity."""
        line = f"{click.style(f'{severity}:', fg=_COLOURS[severity])} {harmless(text)}"
        if sys.stderr.isatty():
            line = with_u_labels(line, sys.stderr.encoding)
        click.echo(line, err=True, color=colourful())

    def progress(self, text: str) -> None:
        """How far something long is, on a terminal's stderr, in place of what stood there before;
        nothing clears it."""
        if sys.stderr.isatty() and not self.as_json:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def bar(self, done: int, total: int, what: str) -> None:
        """:meth:`progress` of many that are alike, drawn as a bar, which goes away at the end;
        nothing for few."""
        if total < MANY or (done < total and done * 100 // total == (done - 1) * 100 // total):
            return
        filled = BAR * done // total
        drawn = f"[{'#' * filled}{'.' * (BAR - filled)}] {done:,} of {total:,} {what}"
        self.progress("" if done == total else drawn)


def _escape(document: str) -> str:
    """Return a JSON document in which what steers a terminal is escaped; it says the same."""
    if document.isascii() and "\x7f" not in document:
        return document  # JSON has escaped the rest of ASCII
    return _STEERING_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def harmless(line: str) -> str:
    """A line in which nothing moves the cursor, hides text or turns it around: what would is shown
    as its number."""
    if line.isprintable():
        return line
    return _STEERING.sub(lambda found: found[1] or f"<{ord(found[0]):02x}>", line)


def with_u_labels(line: str, encoding: str) -> str:
    """Return a line with a comment that has its internationalised names in Unicode, if any.

    Args:
        line: may have colours.
        encoding: that of the terminal; names that it cannot show are left out.
    """
    if _PREFIX not in line.lower():
        return line
    typed = [word for word in _NAMES.findall(click.unstyle(line)) if _PREFIX in word.lower()]
    found = dict.fromkeys(map(idn.to_unicode, typed))
    names = [name for name in found if name is not None and _can_encode(name, encoding)]
    return f"{line}  ; {' '.join(names)}" if names else line


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


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


def count(number: int, what: str) -> str:
    """``1 commit``, ``2 commits``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def commit_id(octets: bytes) -> str:
    """An abbreviated id, coloured as git's are."""
    return click.style(short(octets), fg="yellow")
