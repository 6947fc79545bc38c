"""Read the files that commands are given; ``-`` is standard input."""

import sys
from pathlib import Path
from typing import Final

from zonegit.errors import NotFound
from zonegit.files import open_file

STDIN: Final = "-"


def format_name(file: str) -> str:
    """Return the name of a file in messages."""
    return "stdin" if file == STDIN else file


def read(file: str, limit: int) -> bytes:
    """Return the octets of a file, at most one more than ``limit``: the parser refuses those.

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
