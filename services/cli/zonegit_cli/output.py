"""Print results: text, or one JSON document with ``--json``.

Colour is used on a terminal only (click strips it elsewhere; ``NO_COLOR`` is honoured). Progress
goes to stderr. Names of authors, messages and the like come from other operators, so control
characters in them are escaped.
"""

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
from zonegit_cli.text_width import INDENT, find_width, measure, wrap

_CONTROLS: Final = re.compile(
    r"(\x1b\[(?:[01]|22|3[1-6])m)"  # the colours that commands use
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
"""Control characters, including those of writing direction, except tabs and line ends."""

_CONTROLS_IN_JSON: Final = re.compile(
    r"[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""Control characters that JSON does not require to be escaped; they occur in strings only."""

_NAMES: Final = re.compile(
    r"(?<![a-z0-9_*.\-\u2026])[a-z0-9_*.-]++(?!\u2026)", re.ASCII | re.IGNORECASE
)
"""Text that may be a domain name with A-labels, and was not shortened with an ellipsis."""
_PREFIX: Final = "xn--"

MIN_BAR_ITEMS: Final = 50
"""Items below which no progress bar is drawn."""
BAR_WIDTH: Final = 30
"""Width of a progress bar, in characters."""

SEVERITY_COLOURS: Final[Mapping[Severity, str]] = {
    "error": "red",
    "warning": "yellow",
    "note": "cyan",
}

Json = msgspec.Struct | Mapping[str, Any] | Sequence[Any]
"""A document of ``zonegit.views``, or values that JSON has."""


class Output(msgspec.Struct, frozen=True):
    """The destination of a command's results."""

    as_json: bool

    def print_result(
        self,
        data: Json | Callable[[], Json],
        lines: Iterable[str],
        *,
        paged: bool = False,
        verbatim: bool = False,
    ) -> None:
        """Print a result.

        Args:
            data: the document for ``--json``; a function if it is expensive to compute.
            lines: the text; a generator if it is expensive to compute.
            paged: use a pager for lines that exceed the terminal.
            verbatim: do not append the U-labels of A-labels, as is done on a terminal.
        """
        if self.as_json:
            document = data() if callable(data) else data
            click.echo(_escape(format_json(document)))
            return
        text = [f"{escape_controls(line)}\n" for line in lines]
        if not verbatim and sys.stdout.isatty():
            text = [f"{_add_u_labels(line[:-1])}\n" for line in text]
        whole = "".join(text)  # click flushes after each echo, so do not print line by line
        if paged and sys.stdout.isatty() and len(text) >= shutil.get_terminal_size().lines:
            click.echo_via_pager(whole, color=find_color_setting())
        else:
            click.echo(whole, nl=False, color=find_color_setting())

    def print_note(self, text: str) -> None:
        """Print a note on stderr."""
        self.print_remark("note", text)

    def print_remark(self, severity: Severity, text: str) -> None:
        """Print a note or a warning on stderr, after its severity."""
        line = (
            f"{click.style(f'{severity}:', fg=SEVERITY_COLOURS[severity])} {escape_controls(text)}"
        )
        if sys.stderr.isatty():
            line = append_u_labels(line, sys.stderr.encoding)
            line = "\n".join(wrap(line, find_width(sys.stderr) or 0, INDENT))
        click.echo(line, err=True, color=find_color_setting())

    def print_progress(self, text: str) -> None:
        """Print progress in place of the last progress, if stderr is a terminal; an empty text
        clears it."""
        if sys.stderr.isatty() and not self.as_json:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def print_bar(self, done: int, total: int, what: str) -> None:
        """Print the progress of at least :data:`MIN_BAR_ITEMS` items as a bar; clear it at the
        end."""
        is_same_percent = done < total and done * 100 // total == (done - 1) * 100 // total
        if total < MIN_BAR_ITEMS or is_same_percent:
            return
        filled = BAR_WIDTH * done // total
        drawn = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done:,} of {total:,} {what}"
        self.print_progress("" if done == total else drawn)


def format_json(document: Json, indent: int = 2) -> str:
    """Return a document as JSON text, indented by ``indent`` spaces a level."""
    return msgspec.json.format(msgspec.json.encode(document), indent=indent).decode()


def _escape(document: str) -> str:
    """Return an equal JSON document in which control characters are escaped."""
    if document.isascii() and "\x7f" not in document:
        return document  # JSON has escaped the rest of ASCII
    return _CONTROLS_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def escape_controls(line: str) -> str:
    """Return a line in which control characters are replaced by their code, such as ``<1b>``, so
    that the line cannot move the cursor, hide text or reverse it."""
    if line.isprintable():
        return line
    return _CONTROLS.sub(lambda found: found[1] or f"<{ord(found[0]):02x}>", line)


def append_u_labels(line: str, encoding: str) -> str:
    """Return a line with a comment that shows its internationalised names in Unicode, if any.

    Args:
        line: the text; it may contain colours.
        encoding: the encoding of the terminal; names that it cannot encode are left out.
    """
    if _PREFIX not in line.lower():
        return line
    a_names = [word for word in _NAMES.findall(click.unstyle(line)) if _PREFIX in word.lower()]
    found = dict.fromkeys(map(idn.to_unicode, a_names))
    names = [name for name in found if name is not None and _can_encode(name, encoding)]
    return f"{line}  ; {' '.join(names)}" if names else line


def _add_u_labels(line: str) -> str:
    """Return a line with its U-labels; on a line of their own if they would not fit."""
    longer = append_u_labels(line, sys.stdout.encoding)
    width = find_width()
    if width is None or measure(longer) <= width or measure(line) > width:
        return longer
    comment = longer[len(line) :].lstrip()
    return f"{line}\n{' ' * INDENT}{comment}" if comment else line


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def find_color_setting() -> bool | None:
    """Return False if ``NO_COLOR`` is set (no-color.org), else None: colour on a terminal only."""
    return False if os.environ.get("NO_COLOR") else None


def format_duration(seconds: float) -> str:
    """Return a time in its largest unit, for tables: ``3 s``, ``4 min``, ``2 h``, ``5 d``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def format_age(seconds: float) -> str:
    """Return how long ago something was: ``3 min ago``; negative seconds are in the future."""
    shown = format_duration(abs(seconds))
    return f"{shown} ago" if seconds > -1 else f"in {shown}"


def format_count(number: int, what: str) -> str:
    """Return a number with its noun: ``1 commit``, ``2 commits``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def to_hex(octets: bytes | None) -> str | None:
    """Return an id for ``--json``; None for None."""
    return octets.hex() if octets is not None else None


def format_id(octets: bytes) -> str:
    """Return an abbreviated commit id in git's colour."""
    return click.style(short(octets), fg="yellow")
