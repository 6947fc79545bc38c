"""Read the memory of processes from ``/proc`` (Linux)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20


def taken(pid: int) -> int:
    """Return the memory of a process and its descendants, in octets.

    Shared memory counts once: the sum is over the proportional set sizes (``Pss``).
    """
    return sum(map(_proportional, _family(pid)))


def named(environment: str) -> dict[int, str]:
    """Return the command lines of the processes with a setting in their environment.

    Args:
        environment: the setting, as ``NAME=VALUE``.

    Returns:
        The command lines by process id.
    """
    found = {}
    for pid in _every():
        if environment.encode() in _octets(pid, "environ").split(b"\0"):
            found[pid] = _octets(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")
    return found


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for each in _every():
        children.setdefault(_parent(each), []).append(each)
    family = [pid]
    for each in family:
        family += children.get(each, [])
    return family


def _every() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _parent(pid: int) -> int:
    fields = _octets(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


def _proportional(pid: int) -> int:
    for line in _octets(pid, "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) << 10
    return 0


def _octets(pid: int, file: str) -> bytes:
    """Return the content of a file in ``/proc``, empty if the process has ended or is not ours."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""
