"""Files below one folder, and never outside it.

Whoever may write in the folder may plant a symbolic link there, at any moment. So every path is
walked down from an open folder, component by component, and no link is ever followed: what is read
or written lies below, or it is an error.
"""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ELOOP, ENOTDIR
from pathlib import Path
from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.zonefile.zone_paths import LONGEST_COMPONENT

DEEPEST: Final = 128
"""Folders within each other: a name has 127 labels at the most."""
TEMPORARY: Final = ".zonegit-"
"""What names of files begin with that are not finished. No zone's file does: a dot within a label
is written with a backslash."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileStamp(msgspec.Struct, frozen=True):
    """What tells without reading it that a file is as it was; times in nanoseconds since 1970."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int


class ConfinedDir:
    """A folder, held open; :func:`opened` makes one. Paths are relative, divided by ``/``."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self.root = root
        self._descriptor = descriptor

    def stamp(self, path: str) -> FileStamp | None:
        """That of a regular file; None: nothing is there.

        Raises:
            Invalid: something else is there, or on the way.
        """
        with suppress(NotFound), self._parent(path) as (folder, name):
            return self._stamp_of(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
        return None

    def read(self, path: str, limit: int) -> tuple[bytes, FileStamp]:
        """A file's octets, one more than ``limit`` at the most, and its stamp before they were
        read.

        Raises:
            NotFound: there is no such file.
            Invalid: it is no regular file, or a link is on the way.
        """
        with (
            self._parent(path) as (folder, name),
            os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file,
        ):
            stamp = self._stamp_of(path, os.fstat(file.fileno()))
            return file.read(limit + 1), stamp

    def create(self, path: str, octets: bytes, *, durable: bool = False) -> FileStamp:
        """Writes a new file, and the folders to it; ``durable``: it outlives a power failure.

        Raises:
            Conflict: something of that name is there.
            Invalid: it cannot be written, or a link is on the way.
        """
        with self._parent(path, make=True) as (folder, name):
            return self._written(folder, name, octets, 0o666, durable=durable)

    def replace(
        self, path: str, octets: bytes, was: FileStamp | None, *, durable: bool = False
    ) -> FileStamp:
        """Puts octets in a file's place, all at once; ``was`` None: whatever was there;
        ``durable`` as :meth:`create` has it.

        Raises:
            Conflict: the file is not what ``was`` says any more.
            Invalid: it cannot be written, or a link is on the way.
        """
        with self._parent(path, make=True) as (folder, name):
            temporary = TEMPORARY + secrets.token_hex(8)
            self._written(folder, temporary, octets, self._mode(folder, name), durable=durable)
            try:
                if was is not None and self.stamp(path) != was:
                    raise self._changed(path)
                os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                if durable:
                    os.fsync(folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            return self._stamp_of(path, os.stat(name, dir_fd=folder, follow_symlinks=False))

    def remove(self, path: str, was: FileStamp) -> None:
        """Removes a file, and the folders to it that are empty then; whatever else lies in them
        stays.

        Raises:
            Conflict: the file is not what ``was`` says any more.
            Invalid: it cannot be removed, or a link is on the way.
        """
        with self._parent(path) as (folder, name):
            if self.stamp(path) != was:
                raise self._changed(path)
            os.unlink(name, dir_fd=folder)
        above = path.rpartition("/")[0]
        while above:
            with self._parent(above) as (folder, name):
                try:
                    os.rmdir(name, dir_fd=folder)
                except OSError:
                    return  # something else is in it
            above = above.rpartition("/")[0]

    def walk(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, FileStamp]]:
        """Every regular file whose path is wanted; names that begin with a dot, links, and what
        is deeper than any zone's file, are passed over."""
        with self._blamed(""):
            yield from _walked(os.dup(self._descriptor), "", wanted, 0)

    def is_empty(self, beside: str) -> bool:
        """Whether nothing is in the folder itself, ``beside`` that name."""
        with os.scandir(self._descriptor) as found:
            return all(each.name == beside for each in found)

    @contextmanager
    def locked(self, path: str) -> Iterator[None]:
        """Holds the lock on a file, made where there is none.

        Raises:
            Conflict: another process holds it.
        """
        import fcntl

        with self._parent(path, make=True) as (folder, name):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o666, dir_fd=folder)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    f"another command is at work in {self.root}", hint="wait until it is done"
                ) from None
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder that a file is in, open, and the file's name in there; what fails inside is
        told of ``path``."""
        *folders, name = components(path)
        folder = os.dup(self._descriptor)
        try:
            with self._blamed(path):
                for each in folders:
                    if make:
                        with suppress(FileExistsError):
                            os.mkdir(each, dir_fd=folder)
                    below = os.open(each, _FOLDER, dir_fd=folder)
                    os.close(folder)
                    folder = below
                yield folder, name
        finally:
            os.close(folder)

    @contextmanager
    def _blamed(self, path: str) -> Iterator[None]:
        shown = self.root / path
        try:
            yield
        except FileNotFoundError:
            raise NotFound(f"{shown} is not there") from None
        except FileExistsError:
            raise Conflict(f"{shown} is there already, and would be overwritten") from None
        except OSError as error:
            if error.errno in (ENOTDIR, ELOOP):
                raise Invalid(
                    f"{shown}: on the way is a symbolic link, or a file where a folder should be",
                    hint="no link is followed in a workspace",
                ) from None
            raise Invalid(f"{shown}: {error.strerror}") from error

    def _written(
        self, folder: int, name: str, octets: bytes, mode: int, *, durable: bool
    ) -> FileStamp:
        descriptor = os.open(name, _NEW, mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                if durable:
                    os.fsync(descriptor)
                return _stamp(os.fstat(descriptor))
        except BaseException:  # half a file is none
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise

    def _mode(self, folder: int, name: str) -> int:
        try:
            return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o777
        except FileNotFoundError:
            return 0o666

    def _stamp_of(self, path: str, found: os.stat_result) -> FileStamp:
        if not stat.S_ISREG(found.st_mode):
            raise Invalid(
                f"{self.root / path} is not a regular file",
                hint="no link is followed in a workspace",
            )
        return _stamp(found)

    def _changed(self, path: str) -> Conflict:
        return Conflict(
            f"{self.root / path} was changed this very moment", hint="send the command again"
        )


@contextmanager
def opened(root: Path) -> Iterator[ConfinedDir]:
    """Raises:
    NotFound: there is no such folder.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NotFound(f"cannot open the folder {root}: {error.strerror}") from error
    try:
        yield ConfinedDir(root, descriptor)
    finally:
        os.close(descriptor)


def components(path: str) -> list[str]:
    """The last look at a path before it is used, wherever it is from.

    Raises:
        Invalid: it would lead elsewhere, or no file can have it.
    """
    found = path.split("/")
    for each in found:
        octets = os.fsencode(each)
        if each in ("", ".", "..") or b"\0" in octets or len(octets) > LONGEST_COMPONENT:
            raise Invalid(f"{path[:80]!r} is no path within a folder")
    if len(found) > DEEPEST:
        raise Invalid(f"{path[:80]!r} is more than {DEEPEST} folders deep")
    return found


def _walked(
    folder: int, prefix: str, wanted: Callable[[str], bool], depth: int
) -> Iterator[tuple[str, FileStamp]]:
    below: list[str] = []
    try:
        with os.scandir(folder) as found:
            for each in found:
                if each.name.startswith("."):
                    continue
                if each.is_dir(follow_symlinks=False):
                    below.append(each.name)
                elif wanted(prefix + each.name) and each.is_file(follow_symlinks=False):
                    yield prefix + each.name, _stamp(each.stat(follow_symlinks=False))
        for name in below if depth < DEEPEST else ():
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                inner = os.open(name, _FOLDER, dir_fd=folder)
                yield from _walked(inner, f"{prefix}{name}/", wanted, depth + 1)
    finally:
        os.close(folder)


def _stamp(found: os.stat_result) -> FileStamp:
    return FileStamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
