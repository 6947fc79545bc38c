"""Lock a folder for one process.

The lock is one of the kernel (``flock``), so it ends with the process, and nothing has to be
cleaned up after a crash. The exclusive mode of SQLite would lock a single file, and would also
prevent ``sqlite3 FILE .backup``.
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
def lock_folder(folder: Path, owner: str, *, hint: str = "") -> Iterator[None]:
    """Lock a folder for the time of a context; it is created if missing.

    Args:
        folder: the folder.
        owner: the kind of this process for messages, for example ``refs``.
        hint: the hint of the error if another process has the lock.

    Raises:
        Unavailable: another process has the lock, or the folder cannot be used.
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
                hint=hint or f"stop it, or give this {owner} another folder (ZONEGIT_DATA)",
            ) from error
        with suppress(OSError):  # the disk is full; errors then do not name the process
            file.truncate()
            file.write(b"%d\n" % os.getpid())
        yield


def read_pid(folder: Path) -> int | None:
    """Return the process that locked a folder last, or None; it may have ended."""
    try:
        with open(os.open(folder / LOCK, _READ), "rb") as file:
            return int(file.read(MAX_PID_OCTETS))
    except (OSError, ValueError):
        return None


def is_locked(folder: Path) -> bool:
    """Return whether a process has locked a folder."""
    try:
        with open(os.open(folder / LOCK, _READ), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is no lock file, or it is not readable
        return False
    return False


def _describe(pid: int | None) -> str:
    return f" (process {pid})" if pid is not None else ""
