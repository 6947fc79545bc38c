"""The files of zones below a folder: which there are, and where each lies."""

import os
from pathlib import Path
from typing import Final

from zonegit.store.sqlite import NEIGHBOURS, UNFINISHED, sync
from zonegit.zone.names import Name
from zonegit.zonefile.zone_paths import zone_path

FILE_ENDINGS: Final = (".", "%2E", "@")
"""What the name of a zone's file ends in."""


def path_of(zone: Name, folder: Path) -> Path:
    """Where a zone's file lies. None of another zone, and nothing that SQLite puts beside one, can
    lie there: its name ends in one of ``FILE_ENDINGS``, and each folder's in ``+``."""
    return folder / zone_path(zone, "unique")


def list_zone_files(folder: Path) -> list[Path]:
    """The files of zones below a folder, in no order that matters; what a process that was killed
    has left beside them is deleted. Follows no link.

    Raises:
        OSError: one cannot be deleted.
    """
    found = []
    for base, _, names in os.walk(folder):
        there = {name for name in names if not name.endswith(UNFINISHED)}
        for name in sorted(names):
            owner = _base_file(name)
            path = Path(base, name)
            if owner is None and name.endswith(FILE_ENDINGS) and not path.is_symlink():
                found.append(path)
            elif owner is not None and (owner not in there or name.endswith(UNFINISHED)):
                path.unlink(missing_ok=True)
    return found


def _base_file(name: str) -> str | None:
    """The file that one with this name lies beside; None: it is one of a zone."""
    for suffix in (*NEIGHBOURS, UNFINISHED):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return None


def sync_folders(folder: Path) -> None:
    """Waits until the disk knows which files there are below a folder.

    Raises:
        OSError: it fails.
    """
    for base, _, _ in os.walk(folder):
        sync(Path(base))
