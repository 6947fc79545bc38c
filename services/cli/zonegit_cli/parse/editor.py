"""A text in the operator's editor, again and again until it can be read, and never lost."""

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
"""What begins a line that tells an error on top of the text."""
ERROR_LINES: Final = 3
"""How many of them: message, hint, advice."""

MAX_ROUNDS_UNASKED: Final = 2
"""Rounds with a text that cannot be read before the operator is asked whether to go on."""

T = TypeVar("T")


def ask_again() -> bool:
    """Ask whether to open the editor again; without a terminal it is not opened."""
    if not sys.stdin.isatty():
        return False
    import click

    return click.confirm("the text cannot be read; open it again?", default=True, err=True)


def words() -> list[str]:
    """The command that edits: ``VISUAL``, else ``EDITOR``, words quoted as in a shell.

    Raises:
        Invalid: its quotes do not match.
    """
    text = os.environ.get("VISUAL") or os.environ.get("EDITOR") or DEFAULT
    try:
        return shlex.split(text) or [DEFAULT]
    except ValueError as error:
        raise Invalid(f"the editor {text!r} is no command: {str(error).lower()}") from error


class EditedFile:
    """A file of the operator's alone while it is edited. It goes when all went well; with a
    failure, or once :meth:`keep` was called, what was typed stays, and ``tell`` is told so."""

    def __init__(self, name: str, octets: bytes, tell: Callable[[str], None]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="zonegit-"))
        self.path = folder / re.sub(r"[^A-Za-z0-9._-]", "_", name)[-64:]
        self._first = octets
        self._typed = octets
        self._kept = False
        self._tell = tell
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
            self._tell(f"what you typed is kept in {self.path}")
        else:
            shutil.rmtree(self.path.parent, ignore_errors=True)

    def keep(self) -> None:
        """Leaves the file, however this ends."""
        self._kept = True

    def edited(
        self, parse: Callable[[bytes], T], limit: int, again: Callable[[], bool] = ask_again
    ) -> T | None:
        """Return what ``parse`` makes of the text that comes out of the editor; None where it is
        what it was, or empty. A text that cannot be parsed is opened again, the error on top; left
        as it was then, the error is raised.

        Args:
            parse: reads the text.
            limit: octets; of a longer text ``parse`` gets one more.
            again: asked from the second text on that cannot be parsed whether to go on, so that a
                script in the editor's place does not run for ever.

        Raises:
            Invalid: what ``parse`` raised, or the editor ended with an error.
            NotFound: there is no such editor.
        """
        for rounds in itertools.count(1):
            _run(words(), self.path)
            before, self._typed = self._typed, _without_error(self._read(limit))
            if self._typed == self._first or not self._typed.strip():
                self._typed = self._first
                return None
            try:
                # Lines count as they will when an error stands above them.
                return parse(b"\n" * ERROR_LINES + self._typed)
            except Invalid as error:
                if self._typed == before or (rounds >= MAX_ROUNDS_UNASKED and not again()):
                    raise
                self.path.write_bytes(_as_comments(error) + self._typed)
        raise AssertionError("counting does not end")

    def _read(self, limit: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise NotFound(f"cannot read {self.path} any more: {error.strerror}") from error


def _as_comments(error: Invalid) -> bytes:
    """What stands on top of a text that could not be read, in ``ERROR_LINES`` lines."""
    advice = "correct it and save; leave it as it is, or empty it, and nothing is committed"
    said = (error.message, error.hint or "", advice)
    return b"".join(MARK + " ".join(each.split()).encode() + b"\n" for each in said)


def _without_error(octets: bytes) -> bytes:
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
            hint="VISUAL or EDITOR names another",
        ) from error
    # What is typed there, Ctrl-C too, is the editor's.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = editor.wait()
    finally:
        signal.signal(signal.SIGINT, interrupt)
    if status:
        raise Invalid(f"the editor {command[0]!r} failed ({status}), so nothing is committed")
