"""Open the files that master files include.

A master file may come from another person, and its includes are read with the rights of the user
who imports it. So it may include only files below its own folder, or below folders that the user
allows.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from zonegit.errors import Invalid
from zonegit.files import open_file


class Includes:
    """Opens the files that the master files of one command include.

    Args:
        limit: octets that a file may have.
        allowed: further folders from which files may be included.
    """

    def __init__(self, limit: int, allowed: Sequence[Path] = ()) -> None:
        self._limit = limit
        self._allowed = [os.path.realpath(each) for each in allowed]
        self._roots: dict[str, str] = {}

    def __call__(self, includer: str, path: str) -> tuple[str, bytes]:
        """Read a file; its path is relative to the folder of the including file.

        If the including file came from a pipe, the path is relative to the working directory.

        Args:
            includer: the name of the including file.
            path: the path as written.

        Returns:
            The name of the file for errors, and its octets.

        Raises:
            OSError: the file cannot be read.
            Invalid: the file is outside the allowed folders, is not a regular file, or has more
                octets than the limit.
        """
        folder = os.path.dirname(includer)
        found = os.path.join(folder, path)
        root = self._roots.get(includer) or os.path.realpath(folder)
        resolved = os.path.realpath(found)
        if not any(_is_below(resolved, each) for each in (root, *self._allowed)):
            raise Invalid(
                f"{found[:200]!r} lies outside of the folder of the file that includes it",
                hint="to allow another folder, name it in ZONEGIT_INCLUDE_FOLDERS",
            )
        with open_file(Path(resolved), is_resolved=True) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Invalid(f"{found} is not a regular file")
            octets = file.read(self._limit + 1)
        if len(octets) > self._limit:
            raise Invalid(f"more than {self._limit} octets")
        self._roots[found] = root
        return found, octets


def contains_word(message: str, words: Iterable[str]) -> bool:
    """Return whether an error message contains one of the words of its line."""
    folded = message.casefold()
    return any(word[:6].casefold() in folded for word in words)


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
