"""The lock of a folder: one process at a time keeps its data there.

It is the kernel's (``flock``), so it ends with its process however that ends, and nothing is left
to be cleaned up. SQLite's exclusive mode would do the same to one file, but it would also keep
``sqlite3 FILE .backup`` out.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from zonegit.errors import Unavailable

LOCK: Final = "lock"
MAX_PID_OCTETS: Final = 20

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def locked(folder: Path, owner: str, *, hint: str = "") -> Iterator[None]:
    """Keep a folder to this process, from entry to exit; it is made when it does not exist.

    Args:
        folder: the folder.
        owner: what this process is, as messages say it: ``refs``.
        hint: the next step where another process has it.

    Raises:
        Unavailable: another process has it, or it cannot be used.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, flags, 0o600)
    except OSError as error:
        raise Unavailable(f"cannot use {folder}: {error.strerror}") from error
    with open(descriptor, "rb+", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Unavailable(
                f"another {owner}{_describe(read_pid(folder))} uses {folder}",
                hint=hint or f"stop it, or give this {owner} a folder of its own (ZONEGIT_DATA)",
            ) from error
        with suppress(OSError):  # a full disk; the lock holds, and its holder is not named
            file.truncate()
            file.write(b"%d\n" % os.getpid())
        yield


def read_pid(folder: Path) -> int | None:
    """Return the process that locked a folder last, or None; it need not run any more."""
    try:
        with open(os.open(folder / LOCK, _READ), "rb") as file:
            return int(file.read(MAX_PID_OCTETS))
    except (OSError, ValueError):
        return None


def is_locked(folder: Path) -> bool:
    """Return whether a process keeps a folder to itself."""
    try:
        with open(os.open(folder / LOCK, _READ), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none, or it is not ours to read
        return False
    return False


def _describe(pid: int | None) -> str:
    return f" (process {pid})" if pid is not None else ""
