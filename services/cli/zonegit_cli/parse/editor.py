"""Edit a text in the operator's editor until it can be parsed, and keep it after an error."""

import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from zonegit.errors import Invalid, NotFound

DEFAULT: Final = "vi"
MARK: Final = b"; zonegit: "
"""The beginning of an error line at the top of the text."""
ERROR_LINES: Final = 3
"""Error lines: the message, the hint, and how to proceed."""

MAX_UNCONFIRMED_ROUNDS: Final = 2
"""Times that a text which cannot be parsed is opened before the operator is asked to confirm."""

T = TypeVar("T")


def confirm_reopen() -> bool:
    """Ask whether to open the editor again; without a terminal return False."""
    if not sys.stdin.isatty():
        return False
    import click

    return click.confirm("the text cannot be parsed; open it again?", default=True, err=True)


def read_editor_command() -> list[str]:
    """Return the words of ``VISUAL``, else of ``EDITOR``, which are quoted as in a shell.

    Raises:
        Invalid: its quotes do not match.
    """
    text = os.environ.get("VISUAL") or os.environ.get("EDITOR") or DEFAULT
    try:
        return shlex.split(text) or [DEFAULT]
    except ValueError as error:
        raise Invalid(f"invalid editor command {text!r}: {str(error).lower()}") from error


class EditedFile:
    """A temporary file, readable by its owner only, that is edited.

    It is removed at the end, unless it was changed and an error occurred or :meth:`keep` was
    called.

    Args:
        name: the file's name.
        octets: its content.
        note: prints the path if the file is kept.
    """

    def __init__(self, name: str, octets: bytes, note: Callable[[str], None]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="zonegit-"))
        self.path = folder / re.sub(r"[^A-Za-z0-9._-]", "_", name)[-64:]
        self._first = octets
        self._typed = octets
        self._kept = False
        self._note = note
        self.path.write_bytes(octets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._typed != self._first and (error is not None or self._kept):
            self._note(f"your text is kept in {self.path}")
        else:
            shutil.rmtree(self.path.parent, ignore_errors=True)

    def keep(self) -> None:
        """Keep the file at the end."""
        self._kept = True

    def edit(
        self, parse: Callable[[bytes], T], limit: int, reopen: Callable[[], bool] = confirm_reopen
    ) -> T | None:
        """Open the editor and return the parsed text; None if it is unchanged or empty.

        A text that cannot be parsed is opened again, with the error at its top. If it is then saved
        unchanged, the error is raised.

        Args:
            parse: parses the text.
            limit: in octets; of a longer text ``parse`` gets one octet more.
            reopen: asks whether to open the editor again, from the second text on that cannot be
                parsed, so that a script that acts as the editor does not run forever.

        Raises:
            Invalid: ``parse`` raised it, or the editor failed.
            NotFound: the editor does not exist.
        """
        for rounds in itertools.count(1):
            _run(read_editor_command(), self.path)
            before, self._typed = self._typed, _strip_error(self._read(limit))
            if self._typed == self._first or not self._typed.strip():
                self._typed = self._first
                return None
            try:
                # Count lines as they will be numbered below the error lines.
                return parse(b"\n" * ERROR_LINES + self._typed)
            except Invalid as error:
                if self._typed == before or (rounds >= MAX_UNCONFIRMED_ROUNDS and not reopen()):
                    raise
                self.path.write_bytes(_format_error(error) + self._typed)
        raise AssertionError("counting does not end")

    def _read(self, limit: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise NotFound(f"cannot read {self.path}: {error.strerror}") from error


def _format_error(error: Invalid) -> bytes:
    """Return the error as ``ERROR_LINES`` comment lines."""
    advice = "correct it and save; an unchanged or an empty file commits nothing"
    lines = (error.message, error.hint or "", advice)
    return b"".join(MARK + " ".join(each.split()).encode() + b"\n" for each in lines)


def _strip_error(octets: bytes) -> bytes:
    lines = octets.split(b"\n", ERROR_LINES)
    while lines and lines[0].startswith(MARK.rstrip()):
        del lines[0]
    return b"\n".join(lines)


def _run(command: list[str], path: Path) -> None:
    try:
        editor = subprocess.Popen([*command, str(path)])
    except OSError as error:
        raise NotFound(
            f"cannot start the editor {command[0]!r}: {error.strerror}",
            hint="set VISUAL or EDITOR to another editor",
        ) from error
    # Ctrl-C is for the editor.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = editor.wait()
    finally:
        signal.signal(signal.SIGINT, interrupt)
    if status:
        raise Invalid(
            f"the editor {command[0]!r} failed with status {status}; nothing was committed"
        )
