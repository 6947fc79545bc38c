"""Backup and restore of a stack by the procedure in docs/operations.md."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.stack import Stack

REFS, OBJECTS = "refs/refs.sqlite3", "objectstore/objects.sqlite3"
STORES = (REFS, OBJECTS)


def back_up(stack: Stack, folder: Path) -> Path:
    """Copy both stores while they run, refs first."""
    folder.mkdir()
    for name in STORES:
        with (
            closing(sqlite3.connect(stack.data / name)) as source,
            closing(sqlite3.connect(folder / Path(name).name)) as copy,
        ):
            source.backup(copy)
    return folder


def restore(stack: Stack, folder: Path, *stores: str, caches: bool = True) -> None:
    """Copy the files back into a stack that is down.

    ``caches`` is False if the caches of the resolvers are lost, too.
    """
    for name in stores or STORES:
        for suffix in ("", "-wal", "-shm"):
            (stack.data / f"{name}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(folder / Path(name).name, stack.data / name)
    if not caches:
        shutil.rmtree(stack.data / "resolvers")
