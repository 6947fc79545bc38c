"""The files that master files include: below the folder of the file that was named, or allowed.

A master file may come from another person. Its includes are read with the rights of the user who
imports it, so it may name files below its own folder and no others.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from zonegit.errors import Invalid
from zonegit.files import open_file


class Includes:
    """Opens what the master files of one command include.

    Args:
        allowed: further folders that may be included from.
        limit: octets that are read, and one more.
    """

    def __init__(self, limit: int, allowed: Sequence[Path] = ()) -> None:
        self._limit = limit
        self._allowed = [os.path.realpath(each) for each in allowed]
        self._roots: dict[str, str] = {}

    def __call__(self, includer: str, path: str) -> tuple[str, bytes]:
        """Read a file relative to the folder of the including file.

        That is the working folder if the including file came from a pipe.

        Raises:
            OSError: it cannot be read.
            Invalid: it lies elsewhere, is no regular file, or has more octets than the limit.
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


def quotes(message: str, words: Iterable[str]) -> bool:
    """Return whether an error shows one of the words of the line that it is about."""
    folded = message.casefold()
    return any(word[:6].casefold() in folded for word in words)


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder
