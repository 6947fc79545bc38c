"""The data folder of a stack: check that it is one, and make it private.

A marker file identifies the folder. A folder that is not empty and has no marker belongs to another
program or user: it is refused, and nothing in it is created or changed. The previous release wrote
no marker, so a folder with one of its stores, or with the files of its supervisor, is accepted. So
is one with nothing but a configuration file, which an operator writes before the first start.
"""

import json
import os
from pathlib import Path
from typing import Final

from zonegit.errors import Invalid

MARKER: Final = "ZONEGIT"
MODE: Final = 0o700
PRIVATE: Final = 0o077
"""The umask of a stack: its files are accessible by their owner only."""

_MARKER_CONTENT: Final = {"owner": "stack", "version": 1}
_MAX_MARK_OCTETS: Final = 4_096
_STORES: Final = ("objectstore/objects.sqlite3", "refs/refs.sqlite3")
_SUPERVISOR_FILES: Final = ("stack.lock", "nats.conf")
CONFIG: Final = "resolver.toml"
"""The configuration file of the resolvers."""
_FILE_SYSTEM_ENTRIES: Final = frozenset({"lost+found"})
"""The entries of an empty file system."""


def claim(data: Path) -> None:
    """Create the data folder of a stack, or take an existing one, and make it private.

    Raises:
        Invalid: it contains other files; nothing was changed.
        OSError: it cannot be used.
    """
    if not _is_ours(data):
        foreign = (
            sorted(set(os.listdir(data)) - {CONFIG, *_FILE_SYSTEM_ENTRIES}) if data.exists() else []
        )
        if foreign:
            raise Invalid(
                f"{data} is not a data folder of zonegit: it contains {foreign[0][:100]!r}; nothing"
                " was changed",
                hint="use a new or an empty folder: --data, or ZONEGIT_DATA",
            )
    data.mkdir(mode=MODE, parents=True, exist_ok=True)
    data.chmod(MODE)
    if not (data / MARKER).exists():
        (data / MARKER).write_text(json.dumps(_MARKER_CONTENT) + "\n")


def _is_ours(data: Path) -> bool:
    return (
        _is_marked(data)
        or any(_is_file(data / name) for name in _STORES)
        or all(_is_file(data / name) for name in _SUPERVISOR_FILES)
    )


def _is_marked(data: Path) -> bool:
    try:
        descriptor = os.open(data / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with open(descriptor, "rb") as file:
        try:
            found = json.loads(file.read(_MAX_MARK_OCTETS))
        except (OSError, ValueError, RecursionError):
            return False
    return isinstance(found, dict) and found.get("owner") == _MARKER_CONTENT["owner"]


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
