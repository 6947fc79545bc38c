"""Read the memory of processes from ``/proc`` (Linux)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20


def read_memory(pid: int) -> int:
    """Return the memory of a process and its descendants, in octets.

    Shared memory counts once: the sum is over the proportional set sizes (``Pss``).
    """
    return sum(map(_read_pss, _list_descendants(pid)))


def find_processes(setting: str) -> dict[int, str]:
    """Return the command lines of the processes with a setting in their environment.

    Args:
        setting: the setting, as ``NAME=VALUE``.

    Returns:
        The command lines by process id.
    """
    commands = {}
    for pid in _list_processes():
        if setting.encode() in _read_file(pid, "environ").split(b"\0"):
            command = _read_file(pid, "cmdline").replace(b"\0", b" ")
            commands[pid] = command.decode(errors="replace")
    return commands


def _list_descendants(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children: dict[int, list[int]] = {}
    for each in _list_processes():
        children.setdefault(_read_parent(each), []).append(each)
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _list_processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _read_parent(pid: int) -> int:
    fields = _read_file(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


def _read_pss(pid: int) -> int:
    for line in _read_file(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) << 10
    return 0


def _read_file(pid: int, file: str) -> bytes:
    """Return the content of a file in ``/proc``, empty if the process has ended or is not ours."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""
