"""The folder of a cache: its owner, its layout, and the remains of earlier layouts.

A marker file records the owner, the scheme and the version of the layout, and a folder of that name
has the files of the zones. Two layouts have no file in common, so replacing the marker sets the
earlier layout aside in one step: after a crash everything is either current or set aside. What is
set aside stays until the new files have the same content (docs/adr/0023).

Without a marker, only files of present and earlier caches are accepted. A folder with anything else
is refused and left untouched; with a marker, other files are ignored.
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
from zonegit.store.folder_lock import LOCK, locked
from zonegit.store.sqlite import NEIGHBOURS, remove, sync
from zonegit.zonefile.zone_paths import Scheme

MARKER: Final = "CACHE"
UNFINISHED: Final = "CACHE.new"
MARKER_OCTETS: Final = 4_096
"""Maximum size of a marker; a valid one has about fifty octets."""

_LAYOUT: Final = re.compile(r"(golang|flat|unique)-[0-9]{1,6}")


class Layout(msgspec.Struct, frozen=True):
    """The owner, scheme and version of a cache's files."""

    owner: Annotated[str, msgspec.Meta(pattern="^[a-z]{1,20}$")]
    scheme: Scheme
    version: Annotated[int, msgspec.Meta(ge=1, le=999_999)]

    @property
    def folder(self) -> str:
        """Return the name of the folder for files in this layout."""
        return f"{self.scheme}-{self.version}"


class CacheRoot(NamedTuple):
    """A folder that is locked by this process. ``folder`` has the files of zones; ``aside`` are
    the files and folders of earlier layouts."""

    path: Path
    folder: Path
    aside: tuple[Path, ...]


@contextmanager
def claimed(
    path: Path, layout: Layout, earlier: Collection[str], beside: str
) -> Iterator[CacheRoot]:
    """Keeps a folder to this process, made when it does not exist. ``earlier`` are the SQLite files
    that such a cache had before there were markers, ``beside`` the one that it has now beside the
    folder: where that is left, only the marker was lost.

    Raises:
        Unavailable: it cannot be used, or another process uses it.
        Invalid: it holds files of somebody else, or another cache; nothing in it was touched.
    """
    names = _with_neighbours(earlier)
    known = {*names, *_with_neighbours([beside]), LOCK, UNFINISHED}
    with ExitStack() as held:
        try:
            path.mkdir(parents=True, exist_ok=True)
            _marker(path, layout, known, beside)  # before the lock, which is a file too
            hint = f"give each {layout.owner} a --name of its own"
            held.enter_context(locked(path, layout.owner, hint=hint))
            if _marker(path, layout, known, beside) != layout:
                _mark(path, layout)
            root = _laid_out(path, layout, names)
        except OSError as error:
            raise Unavailable(f"cannot use {path}: {error.strerror}") from error
        yield root


def _with_neighbours(names: Collection[str]) -> list[str]:
    return [name + suffix for name in names for suffix in ("", *NEIGHBOURS)]


def _laid_out(path: Path, layout: Layout, earlier: Collection[str]) -> CacheRoot:
    folder = path / layout.folder
    if folder.is_symlink():
        raise Invalid(f"{folder} is a link", hint="move the whole cache, or remove the link")
    folder.mkdir(exist_ok=True)
    return CacheRoot(path, folder, tuple(_aside(path, layout, earlier)))


def release(aside: Iterable[Path]) -> None:
    """Deletes what was set aside; follows no link. Others may be left when one fails.

    Raises:
        OSError: one cannot be deleted.
    """
    for each in aside:
        if each.is_dir():
            shutil.rmtree(each)
        else:
            remove(each)


def _marker(path: Path, layout: Layout, ours: Collection[str], beside: str) -> Layout | None:
    """Return the content of the marker, or None if the folder has no marker and no foreign file.

    Raises:
        Invalid: what is there is not ours.
    """
    octets = _octets(path / MARKER)
    if octets is None:
        _refuse_foreign(path, ours, beside)
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


def _octets(path: Path) -> bytes | None:
    """Return the first octets of a file, or None if it does not exist.

    Raises:
        OSError: it is a link, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        return file.read(MARKER_OCTETS)


def _refuse_foreign(path: Path, ours: Collection[str], beside: str) -> None:
    """A folder is taken for one of a layout's only where what lies beside such is there too."""
    with os.scandir(path) as entries:
        others = [each for each in entries if each.name not in ours or not _is_file(each)]
    is_unmarked = _octets(path / beside) is not None
    foreign = [each.name for each in others if not (is_unmarked and _is_layout(each))]
    if foreign:
        raise Invalid(
            f"{path} has {min(foreign)[:100]!r}, which is not part of a zonegit cache;"
            " nothing in it was touched",
            hint="choose a separate folder for the cache",
        )


def _is_file(entry: "os.DirEntry[str]") -> bool:
    return entry.is_file(follow_symlinks=False)


def _mark(path: Path, layout: Layout) -> None:
    unfinished = path / UNFINISHED
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as file:
        file.write(msgspec.json.encode(layout) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path / MARKER)
    sync(path)


def _aside(path: Path, layout: Layout, earlier: Collection[str]) -> Iterator[Path]:
    with os.scandir(path) as entries:
        for each in sorted(entries, key=lambda entry: entry.name):
            if _is_left(each, layout, earlier):
                yield Path(each.path)


def _is_left(entry: "os.DirEntry[str]", layout: Layout, earlier: Collection[str]) -> bool:
    if _is_layout(entry):
        return entry.name != layout.folder
    return entry.name in earlier and _is_file(entry)


def _is_layout(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False) and bool(_LAYOUT.fullmatch(entry.name))
