"""The folder of a cache: its owner, its layout, and the files of earlier layouts.

A marker file records the owner, the scheme and the version of the layout. The files of the zones
are in a folder that is named after scheme and version. Two layouts have no file in common, so
replacing the marker sets the earlier layout aside in one step: after a crash each file is either
current or set aside. Files that are set aside stay until the new files have the same content
(docs/adr/0023).

If there is no marker, the folder may only have files of current and earlier caches. A folder with
any other file is refused and left untouched. If there is a marker, other files are ignored.
"""

import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from zonegit.errors import Invalid, Unavailable
from zonegit.store.folder_lock import LOCK, lock_folder
from zonegit.store.sqlite_files import SIDE_FILE_SUFFIXES, remove, sync
from zonegit.zonefile.zone_paths import Scheme

MARKER: Final = "CACHE"
UNFINISHED: Final = "CACHE.new"
MARKER_OCTETS: Final = 4_096
"""Maximum size of a marker; a valid one has about fifty octets."""

_LAYOUT: Final = re.compile(r"(golang|flat|unique)-[0-9]{1,6}")


class Layout(msgspec.Struct, frozen=True):
    """The owner, the scheme and the version of the files of a cache."""

    owner: Annotated[str, msgspec.Meta(pattern="^[a-z]{1,20}$")]
    scheme: Scheme
    version: Annotated[int, msgspec.Meta(ge=1, le=999_999)]

    @property
    def folder(self) -> str:
        """Return the name of the folder for the files of this layout."""
        return f"{self.scheme}-{self.version}"


class CacheRoot(NamedTuple):
    """The folder of a cache, locked by this process.

    Args:
        path: the folder of the cache.
        folder: the folder with the files of the zones.
        aside: the files and folders of earlier layouts.
    """

    path: Path
    folder: Path
    aside: tuple[Path, ...]


@contextmanager
def lock_cache_root(
    path: Path, layout: Layout, earlier: Collection[str], summary_file: str
) -> Iterator[CacheRoot]:
    """Lock the folder of a cache for the time of a context; it is created if missing.

    Args:
        path: the folder of the cache.
        layout: the current layout.
        earlier: the SQLite files of such a cache before there were markers.
        summary_file: the SQLite file next to the folder of the layout. If it exists and the marker
            does not, then only the marker was lost.

    Raises:
        Unavailable: the folder cannot be used, or another process uses it.
        Invalid: the folder has foreign files or another cache; nothing in it was changed.
    """
    names = _add_side_files(earlier)
    known = {*names, *_add_side_files([summary_file]), LOCK, UNFINISHED}
    with ExitStack() as held:
        try:
            path.mkdir(parents=True, exist_ok=True)
            _read_marker(path, layout, known, summary_file)  # before the lock, which is a file too
            hint = f"give each {layout.owner} another --name"
            held.enter_context(lock_folder(path, layout.owner, hint=hint))
            if _read_marker(path, layout, known, summary_file) != layout:
                _write_marker(path, layout)
            root = _open_layout(path, layout, names)
        except OSError as error:
            raise Unavailable(f"cannot use {path}: {error.strerror}") from error
        yield root


def _add_side_files(names: Collection[str]) -> list[str]:
    return [name + suffix for name in names for suffix in ("", *SIDE_FILE_SUFFIXES)]


def _open_layout(path: Path, layout: Layout, earlier: Collection[str]) -> CacheRoot:
    folder = path / layout.folder
    if folder.is_symlink():
        raise Invalid(f"{folder} is a link", hint="move the whole cache, or remove the link")
    folder.mkdir(exist_ok=True)
    return CacheRoot(path, folder, tuple(_list_aside(path, layout, earlier)))


def delete_paths(aside: Iterable[Path]) -> None:
    """Delete the files and folders that were set aside, without following links.

    Raises:
        OSError: one of them cannot be deleted; later ones may be left.
    """
    for each in aside:
        if each.is_dir():
            shutil.rmtree(each)
        else:
            remove(each)


def _read_marker(
    path: Path, layout: Layout, known: Collection[str], summary_file: str
) -> Layout | None:
    """Return the content of the marker, or None if the folder has no marker and no foreign file.

    Raises:
        Invalid: the folder has foreign files or another cache.
    """
    octets = _read_start(path / MARKER)
    if octets is None:
        _refuse_foreign(path, known, summary_file)
        return None
    try:
        found = msgspec.json.decode(octets, type=Layout)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Invalid(
            f"{path / MARKER} is not a marker of a cache: {error}",
            hint="if this is a zonegit cache, remove the folder; it is filled again",
        ) from error
    if found.owner != layout.owner:
        raise Invalid(f"{path} is the cache of a {found.owner}, not of a {layout.owner}")
    return found


def _read_start(path: Path) -> bytes | None:
    """Return the first octets of a file, or None if it does not exist.

    Raises:
        OSError: the file is a link, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        return file.read(MARKER_OCTETS)


def _refuse_foreign(path: Path, known: Collection[str], summary_file: str) -> None:
    """Refuse a folder with foreign files.

    The folder of a layout is foreign, too, unless the SQLite file ``summary_file`` exists.
    """
    with os.scandir(path) as entries:
        others = [each for each in entries if each.name not in known or not _is_file(each)]
    is_unmarked = _read_start(path / summary_file) is not None
    foreign = [each.name for each in others if not (is_unmarked and _is_layout(each))]
    if foreign:
        raise Invalid(
            f"{path} has {min(foreign)[:100]!r}, which is not part of a zonegit cache;"
            " nothing in it was touched",
            hint="choose a separate folder for the cache",
        )


def _is_file(entry: "os.DirEntry[str]") -> bool:
    return entry.is_file(follow_symlinks=False)


def _write_marker(path: Path, layout: Layout) -> None:
    unfinished = path / UNFINISHED
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as file:
        file.write(msgspec.json.encode(layout) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path / MARKER)
    sync(path)


def _list_aside(path: Path, layout: Layout, earlier: Collection[str]) -> Iterator[Path]:
    with os.scandir(path) as entries:
        for each in sorted(entries, key=lambda entry: entry.name):
            if _is_aside(each, layout, earlier):
                yield Path(each.path)


def _is_aside(entry: "os.DirEntry[str]", layout: Layout, earlier: Collection[str]) -> bool:
    if _is_layout(entry):
        return entry.name != layout.folder
    return entry.name in earlier and _is_file(entry)


def _is_layout(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False) and bool(_LAYOUT.fullmatch(entry.name))
