"""Files that commands are given, ``-`` for standard input."""

import sys
from pathlib import Path
from typing import Final

from zonegit.errors import NotFound
from zonegit.files import open_file

STDIN: Final = "-"


def shown(file: str) -> str:
    """How messages call it."""
    return "stdin" if file == STDIN else file


def read(file: str, limit: int) -> bytes:
    """The octets, one more than ``limit`` at the most: whoever parses them refuses those.

    Raises:
        NotFound: it cannot be read.
        Invalid: it is a named pipe.
    """
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(limit + 1)
        with open_file(Path(file)) as opened:
            return opened.read(limit + 1)
    except OSError as error:
        raise NotFound(f"cannot read {file}: {error.strerror}") from error
