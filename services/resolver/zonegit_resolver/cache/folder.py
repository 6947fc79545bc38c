"""Map zones to their files in a folder, and list these files."""

import os
from pathlib import Path
from typing import Final

from zonegit.store.sqlite_files import SIDE_FILE_SUFFIXES, UNFINISHED_SUFFIX, sync
from zonegit.zone.names import Name
from zonegit.zonefile.zone_paths import zone_path

FILE_ENDINGS: Final = (".", "%2E", "@")
"""The endings of the names of zone files."""


def path_of(zone: Name, folder: Path) -> Path:
    """Return the path of the file of a zone.

    It differs from the path of any other zone, and of any file that SQLite creates next to one: the
    name of a zone file ends in one of ``FILE_ENDINGS``, and that of a folder in ``+``.
    """
    return folder / zone_path(zone, "unique")


def list_zone_files(folder: Path) -> list[Path]:
    """Return the zone files below a folder, in no order. Follows no link.

    Temporary files that a killed process left next to them are deleted.

    Raises:
        OSError: A file cannot be deleted.
    """
    found = []
    for base, _, names in os.walk(folder):
        there = {name for name in names if not name.endswith(UNFINISHED_SUFFIX)}
        for name in sorted(names):
            owner = _base_file(name)
            path = Path(base, name)
            if owner is None and name.endswith(FILE_ENDINGS) and not path.is_symlink():
                found.append(path)
            elif owner is not None and (owner not in there or name.endswith(UNFINISHED_SUFFIX)):
                path.unlink(missing_ok=True)
    return found


def _base_file(name: str) -> str | None:
    """Return the name of the file that a file with this name belongs to; None for a zone file."""
    for suffix in (*SIDE_FILE_SUFFIXES, UNFINISHED_SUFFIX):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return None


def sync_folders(folder: Path) -> None:
    """Sync all folders below a folder, so that the names of their files are durable.

    Raises:
        OSError: The sync fails.
    """
    for base, _, _ in os.walk(folder):
        sync(Path(base))
