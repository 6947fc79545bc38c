"""Identify the supervisor of a stack before a signal is sent to it.

A record may be outdated: its process exited, and the id was reused. So a process is identified by
its start time and its command before it gets a signal.
"""

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from zonegit.errors import Invalid
from zonegit_cli.terminal import find_start

_PS_TIMEOUT_S: Final = 5.0
_PROGRAMS: Final = ("zonegit", "zonegit_cli", "__main__.py")
"""Names of the program, of the package and of the module in an archive, in a command line."""


def stop(pid: int, start: int | None, record: Path) -> None:
    """Send SIGTERM to a stack's supervisor.

    Args:
        pid: the process that the record names.
        start: its start time from the record, see :func:`find_start`; None if it is not recorded.
        record: the path of the record, for the error.

    Raises:
        Invalid: the process is not a supervisor, or not the one that was recorded.
        ProcessLookupError: it exited meanwhile.
    """
    if not is_supervisor(pid, start):
        raise Invalid(
            f"process {pid} in {record} is not the supervisor of a stack; no signal was sent",
            hint="remove the file if no stack runs from that folder",
        )
    os.kill(pid, signal.SIGTERM)


def is_supervisor(pid: int, start: int | None) -> bool:
    """Return whether a process has the recorded start time and runs ``zonegit up``."""
    if pid <= 1 or pid == os.getpid():
        return False
    if start is not None and find_start(pid) not in (None, start):
        return False
    words = _read_command(pid)
    return "up" in words and any(_is_program(word) for word in words[: words.index("up")])


def _is_program(word: str) -> bool:
    name = Path(word).name
    return name.startswith(_PROGRAMS[0]) or name in _PROGRAMS


def _read_command(pid: int) -> list[str]:
    """Return the command line of a process; an empty list if there is no such process."""
    try:
        octets = Path(f"/proc/{pid}/cmdline").read_bytes()
        return octets.decode("utf-8", "replace").split("\0")
    except OSError:
        pass
    try:
        found = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607 # ps from PATH
            capture_output=True,
            text=True,
            timeout=_PS_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return found.stdout.split()
