"""Find, open and create workspaces: a folder with an index."""

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
    """An open workspace.

    Args:
        folder: its folder.
        found: its index.
        kept_ns: when the index was written, by the clock of the file system, in nanoseconds since
            1970; None if it was not written yet.
    """

    def __init__(self, folder: ConfinedDir, found: WorkspaceIndex, kept_ns: int | None) -> None:
        self.folder = folder
        self.index = found
        self.kept_ns = kept_ns

    def keep(self, changed: Iterable[IndexEntry], gone: Iterable[Name] = ()) -> None:
        """Change these entries of the index, and write it durably and atomically."""
        self.index = self.index.update_entries(changed, gone)
        self.folder.replace(INDEX, index.encode(self.index), None, durable=True)


@contextmanager
def open_workspace(root: Path, *, exclusive: bool) -> Iterator[Workspace]:
    """Open a workspace; ``exclusive`` to lock and change it.

    Raises:
        NotFound: the folder is not a workspace.
        Invalid: its index is malformed.
        Conflict: another command has locked it.
    """
    with confined_dir.open_dir(root) as folder:
        if not exclusive:
            yield _read(folder)
            return
        _read(folder)  # do not create the lock file in a folder that is not a workspace
        with folder.lock(LOCK):
            yield _read(folder)


def read_index(root: Path) -> WorkspaceIndex | None:
    """Return the index of a workspace; None if the folder does not exist or is empty.

    Raises:
        Conflict: the folder has files and is not a workspace.
        Invalid: its index is malformed.
    """
    if not root.exists():
        return None
    with confined_dir.open_dir(root) as folder:
        try:
            return _read(folder).index
        except NotFound:
            if folder.is_empty(ignore=FOLDER):
                return None
            raise Conflict(
                f"{root} is not empty and not a workspace; nothing was written",
                hint="use a folder that does not exist or is empty",
            ) from None


@contextmanager
def open_or_create(root: Path, new_index: WorkspaceIndex) -> Iterator[Workspace]:
    """Open a workspace to change it; create it with ``new_index`` if it does not exist.

    Raises:
        Conflict: the folder has other files, or another command has locked it.
        Invalid: it cannot be created, or its index is malformed.
    """
    if read_index(root) is None:
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Invalid(f"cannot create {root}: {error.strerror}") from error
        with confined_dir.open_dir(root) as folder, folder.lock(LOCK):
            if folder.stamp(INDEX) is None:
                Workspace(folder, new_index, None).keep(())
    with open_workspace(root, exclusive=True) as workspace:
        yield workspace


def find(start: Path | None) -> Path:
    """Return the workspace that contains a folder; None for the working folder.

    Raises:
        NotFound: no workspace contains it.
    """
    here = (start or Path()).absolute()
    for folder in (here, *here.parents):
        if (folder / INDEX).is_file():
            return folder
    raise NotFound(
        f"{here} is not in a workspace",
        hint="create one with zonegit workspace checkout DIR, or name one with -C DIR",
    )


def _read(folder: ConfinedDir) -> Workspace:
    octets, stamp = folder.read(INDEX, index.MAX_OCTETS)
    try:
        return Workspace(folder, index.decode(octets), stamp.mtime_ns)
    except Invalid as error:
        raise Invalid(
            f"{folder.root / INDEX}: {error.message}",
            hint="check the zones out into another folder, and copy your changes there",
        ) from error
