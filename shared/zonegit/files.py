"""Files that are given by name and may not be files."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from zonegit.errors import Invalid


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading, without waiting for a named pipe that nothing is written to.

    Standard input and the pipes that a shell opens for a command (``/dev/fd/63``) are read.

    Raises:
        Invalid: it is a named pipe, or a socket.
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    is_open_already = path.is_absolute() and path.parts[1] in ("dev", "proc")
    if stat.S_ISSOCK(mode) or (stat.S_ISFIFO(mode) and not is_open_already):
        os.close(descriptor)
        raise Invalid(
            f"{path} is a named pipe and not a file", hint="read it from standard input: -"
        )
    os.set_blocking(descriptor, True)
    try:
        return open(descriptor, "rb")
    except OSError:  # it is a folder
        os.close(descriptor)
        raise
