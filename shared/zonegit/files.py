"""Open files by name, refuse those that are not files, and replace files atomically."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from zonegit.errors import Invalid

_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def open_file(path: Path, *, is_resolved: bool = False) -> BinaryIO:
    """Open a file for reading, without waiting for the writer of a named pipe.

    Standard input and the pipes that a shell opens for a command (``/dev/fd/63``) are read.

    Args:
        path: The path.
        is_resolved: Whether the path has no symbolic links; if it has one now, nothing is read.

    Raises:
        Invalid: It is a named pipe or a socket.
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, _READ | (os.O_NOFOLLOW if is_resolved else 0))
    if is_resolved and not _is_at(descriptor, path):
        os.close(descriptor)
        raise Invalid(f"{path} was replaced concurrently", hint="run the command again")
    mode = os.fstat(descriptor).st_mode
    is_open_already = path.is_absolute() and path.parts[1] in ("dev", "proc")
    if stat.S_ISSOCK(mode) or (stat.S_ISFIFO(mode) and not is_open_already):
        os.close(descriptor)
        raise Invalid(f"{path} is a named pipe, not a file", hint="use - to read standard input")
    os.set_blocking(descriptor, True)
    try:
        return open(descriptor, "rb")
    except OSError:  # it is a folder
        os.close(descriptor)
        raise


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether an open file is the one at a path without symbolic links."""
    if os.path.realpath(path) != os.fspath(path):
        return False
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def replace_file(path: Path, octets: bytes) -> None:
    """Replace a file atomically with one that only its owner may read.

    If the disk is full, no temporary file is left.

    Raises:
        OSError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(temporary, _NEW, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(octets)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
