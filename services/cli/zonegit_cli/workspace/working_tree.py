"""A workspace: its folder and its index, found, opened, and kept."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.zone.names import Name
from zonegit_cli.workspace import confined_dir, index
from zonegit_cli.workspace.confined_dir import ConfinedDir
from zonegit_cli.workspace.index import IndexEntry, WorkspaceIndex

FOLDER: Final = ".zonegit"
INDEX: Final = f"{FOLDER}/index"
LOCK: Final = f"{FOLDER}/lock"


class Workspace:
    """An open workspace. ``kept_ns`` is when its index was written, by the clock of its file
    system, in nanoseconds since 1970; None: not yet."""

    def __init__(self, folder: ConfinedDir, found: WorkspaceIndex, kept_ns: int | None) -> None:
        self.folder = folder
        self.index = found
        self.kept_ns = kept_ns

    def keep(self, changed: Iterable[IndexEntry], gone: Iterable[Name] = ()) -> None:
        """Writes the index with these entries changed: durable, and all at once."""
        self.index = self.index.updated(changed, gone)
        self.folder.replace(INDEX, index.encode(self.index), None, durable=True)


@contextmanager
def opened(root: Path, *, exclusive: bool) -> Iterator[Workspace]:
    """``exclusive``: to change it, which one command does at a time.

    Raises:
        NotFound: there is no workspace.
        Invalid: its index is not one.
        Conflict: another command changes it.
    """
    with confined_dir.opened(root) as folder:
        if not exclusive:
            yield _read(folder)
            return
        _read(folder)  # nothing is made in a folder that is no workspace
        with folder.locked(LOCK):
            yield _read(folder)


def peek(root: Path) -> WorkspaceIndex | None:
    """The index of a folder that is a workspace; None: it could become one.

    Raises:
        Conflict: something else is in it.
        Invalid: its index is not one.
    """
    if not root.exists():
        return None
    with confined_dir.opened(root) as folder:
        try:
            return _read(folder).index
        except NotFound:
            if folder.is_empty(beside=FOLDER):
                return None
            raise Conflict(
                f"{root} is not empty, and no workspace: nothing is written among those files",
                hint="name a folder that is not there yet, or is empty",
            ) from None


@contextmanager
def made(root: Path, fresh: WorkspaceIndex) -> Iterator[Workspace]:
    """The workspace in a folder, to change it; where there is none, one whose index is ``fresh``.

    Raises:
        Conflict: something else is in the folder, or another command is at work there.
        Invalid: it cannot be made, or its index is not one.
    """
    if peek(root) is None:
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Invalid(f"cannot make {root}: {error.strerror}") from error
        with confined_dir.opened(root) as folder, folder.locked(LOCK):
            if folder.stamp(INDEX) is None:
                Workspace(folder, fresh, None).keep(())
    with opened(root, exclusive=True) as workspace:
        yield workspace


def find(start: Path | None) -> Path:
    """The workspace that a folder is in or is; None: the working folder.

    Raises:
        NotFound: it is in none.
    """
    here = (start or Path()).absolute()
    for folder in (here, *here.parents):
        if (folder / INDEX).is_file():
            return folder
    raise NotFound(
        f"{here} is not in a workspace",
        hint="make one: zonegit workspace checkout DIR; or name one: -C DIR",
    )


def _read(folder: ConfinedDir) -> Workspace:
    octets, stamp = folder.read(INDEX, index.MAX_OCTETS)
    try:
        return Workspace(folder, index.decode(octets), stamp.mtime_ns)
    except Invalid as error:
        raise Invalid(
            f"{folder.root / INDEX}: {error.message}",
            hint="check the zones out anew into another folder, and copy your changes there",
        ) from error
