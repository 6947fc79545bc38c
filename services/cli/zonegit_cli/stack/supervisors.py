"""Identify the supervisor of a stack before a signal is sent to it.

A record may be old or not ours: its process has ended, and the id is another's by now. So a process
is identified by its start time and its command before it receives a signal.
"""

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from zonegit.errors import Invalid
from zonegit_cli.terminal import find_start

_PS_S: Final = 5.0
_PROGRAMS: Final = ("zonegit", "zonegit_cli", "__main__.py")
"""The beginnings and ends of the command's path, of a module or an archive."""


def stop(pid: int, start: int | None, record: Path) -> None:
    """Send SIGTERM to a stack's supervisor.

    Args:
        pid: the process that the record names.
        start: when it started, as :func:`find_start` has it; None: the record does not say.
        record: the record, for the error.

    Raises:
        Invalid: that process is no supervisor, or another one than was recorded.
        ProcessLookupError: it ended meanwhile.
    """
    if not is_supervisor(pid, start):
        raise Invalid(
            f"{record} names the process {pid}, which is not the supervisor of a stack; it was sent"
            " nothing",
            hint="remove the file if no stack runs from that folder",
        )
    os.kill(pid, signal.SIGTERM)


def is_supervisor(pid: int, start: int | None) -> bool:
    """Return whether a process is the one that was recorded, and runs ``zonegit up``."""
    if pid <= 1 or pid == os.getpid():
        return False
    if start is not None and find_start(pid) not in (None, start):
        return False
    words = _command(pid)
    return "up" in words and any(_is_program(word) for word in words[: words.index("up")])


def _is_program(word: str) -> bool:
    name = Path(word).name
    return name.startswith(_PROGRAMS[0]) or name in _PROGRAMS


def _command(pid: int) -> list[str]:
    """Return the command line of a process; nothing where there is none."""
    try:
        octets = Path(f"/proc/{pid}/cmdline").read_bytes()
        return octets.decode("utf-8", "replace").split("\0")
    except OSError:
        pass
    try:
        said = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607 # the one on the path
            capture_output=True,
            text=True,
            timeout=_PS_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return said.stdout.split()
