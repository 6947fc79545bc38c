"""Access files below one folder, and never outside it.

Another user who may write to the folder could place a symbolic link in it at any time. So every
path is opened component by component from the descriptor of the folder, and links are not followed:
a path that leads out of the folder is an error.
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
from zonegit.zonefile.zone_paths import MAX_COMPONENT

MAX_DEPTH: Final = 128
"""Nested folders; a name has at most 127 labels."""
TEMPORARY: Final = ".zonegit-"
"""Prefix of the names of temporary files. The name of a zone's file does not begin with a dot,
because a dot within a label is written with a backslash."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileStamp(msgspec.Struct, frozen=True):
    """The metadata by which a change of a file is detected; times in nanoseconds since 1970."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int


class ConfinedDir:
    """An open folder, see :func:`open_dir`. Paths are relative to it, and separated by ``/``."""

    def __init__(self, root: Path, descriptor: int) -> None:
        self.root = root
        self._descriptor = descriptor

    def stamp(self, path: str) -> FileStamp | None:
        """Return the stamp of a regular file; None if it does not exist.

        Raises:
            Invalid: it is not a regular file, or a component of the path is not a folder.
        """
        with suppress(NotFound), self._open_parent(path) as (folder, name):
            return self._check_stamp(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
        return None

    def read(self, path: str, limit: int) -> tuple[bytes, FileStamp]:
        """Return a file's octets, at most one more than ``limit``, and its stamp before the read.

        Raises:
            NotFound: it does not exist.
            Invalid: it is not a regular file, or a component of the path is a link.
        """
        with (
            self._open_parent(path) as (folder, name),
            os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file,
        ):
            stamp = self._check_stamp(path, os.fstat(file.fileno()))
            return file.read(limit + 1), stamp

    def create(self, path: str, octets: bytes, *, durable: bool = False) -> FileStamp:
        """Write a new file, and create its folders; with ``durable`` it survives a power failure.

        Raises:
            Conflict: a file of that name exists.
            Invalid: it cannot be written, or a component of the path is a link.
        """
        with self._open_parent(path, make=True) as (folder, name):
            return self._write(folder, name, octets, 0o666, durable=durable)

    def replace(
        self, path: str, octets: bytes, was: FileStamp | None, *, durable: bool = False
    ) -> FileStamp:
        """Replace a file atomically.

        Args:
            path: the file.
            octets: its new content.
            was: its expected stamp; None to replace it in any case.
            durable: see :meth:`create`.

        Raises:
            Conflict: the file changed since ``was``.
            Invalid: it cannot be written, or a component of the path is a link.
        """
        with self._open_parent(path, make=True) as (folder, name):
            temporary = TEMPORARY + secrets.token_hex(8)
            self._write(folder, temporary, octets, self._read_mode(folder, name), durable=durable)
            try:
                if was is not None and self.stamp(path) != was:
                    raise self._changed_error(path)
                os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                if durable:
                    os.fsync(folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            return self._check_stamp(path, os.stat(name, dir_fd=folder, follow_symlinks=False))

    def remove(self, path: str, was: FileStamp) -> None:
        """Remove a file, and its folders that are empty afterwards.

        Raises:
            Conflict: the file changed since ``was``.
            Invalid: it cannot be removed, or a component of the path is a link.
        """
        with self._open_parent(path) as (folder, name):
            if self.stamp(path) != was:
                raise self._changed_error(path)
            os.unlink(name, dir_fd=folder)
        above = path.rpartition("/")[0]
        while above:
            with self._open_parent(above) as (folder, name):
                try:
                    os.rmdir(name, dir_fd=folder)
                except OSError:
                    return  # it is not empty
            above = above.rpartition("/")[0]

    def walk(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, FileStamp]]:
        """Yield the regular files whose paths are ``wanted``. Names that begin with a dot, links,
        and folders deeper than ``MAX_DEPTH`` are skipped."""
        with self._translate_errors(""):
            yield from _walk(os.dup(self._descriptor), "", wanted, 0)

    def is_empty(self, ignore: str) -> bool:
        """Return whether the folder has no entry other than ``ignore``."""
        with os.scandir(self._descriptor) as found:
            return all(each.name == ignore for each in found)

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Hold the lock on a file, which is created if it does not exist.

        Raises:
            Conflict: another process holds the lock.
        """
        import fcntl

        with self._open_parent(path, make=True) as (folder, name):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, 0o666, dir_fd=folder)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    f"another command uses {self.root}", hint="wait until it completes"
                ) from None
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _open_parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder that contains a file, and yield it with the file's name. Errors in the
        context are reported for ``path``."""
        *folders, name = split_path(path)
        folder = os.dup(self._descriptor)
        try:
            with self._translate_errors(path):
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
    def _translate_errors(self, path: str) -> Iterator[None]:
        shown = self.root / path
        try:
            yield
        except FileNotFoundError:
            raise NotFound(f"{shown} does not exist") from None
        except FileExistsError:
            raise Conflict(f"{shown} already exists and would be overwritten") from None
        except OSError as error:
            if error.errno in (ENOTDIR, ELOOP):
                raise Invalid(
                    f"{shown}: a component of the path is a symbolic link or not a folder",
                    hint="links are not followed in a workspace",
                ) from None
            raise Invalid(f"{shown}: {error.strerror}") from error

    def _write(
        self, folder: int, name: str, octets: bytes, mode: int, *, durable: bool
    ) -> FileStamp:
        descriptor = os.open(name, _NEW, mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                if durable:
                    os.fsync(descriptor)
                return _make_stamp(os.fstat(descriptor))
        except BaseException:  # do not leave an incomplete file
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise

    def _read_mode(self, folder: int, name: str) -> int:
        try:
            return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o777
        except FileNotFoundError:
            return 0o666

    def _check_stamp(self, path: str, found: os.stat_result) -> FileStamp:
        if not stat.S_ISREG(found.st_mode):
            raise Invalid(
                f"{self.root / path} is not a regular file",
                hint="links are not followed in a workspace",
            )
        return _make_stamp(found)

    def _changed_error(self, path: str) -> Conflict:
        return Conflict(
            f"{self.root / path} was changed concurrently", hint="run the command again"
        )


@contextmanager
def open_dir(root: Path) -> Iterator[ConfinedDir]:
    """Open a folder.

    Raises:
        NotFound: it cannot be opened.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NotFound(f"cannot open the folder {root}: {error.strerror}") from error
    try:
        yield ConfinedDir(root, descriptor)
    finally:
        os.close(descriptor)


def split_path(path: str) -> list[str]:
    """Check a relative path, and return its components.

    Raises:
        Invalid: it leads out of the folder, or cannot be the path of a file.
    """
    found = path.split("/")
    for each in found:
        octets = os.fsencode(each)
        if each in ("", ".", "..") or b"\0" in octets or len(octets) > MAX_COMPONENT:
            raise Invalid(f"invalid path {path[:80]!r}")
    if len(found) > MAX_DEPTH:
        raise Invalid(f"{path[:80]!r} has more than {MAX_DEPTH} components")
    return found


def _walk(
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
                    yield prefix + each.name, _make_stamp(each.stat(follow_symlinks=False))
        for name in below if depth < MAX_DEPTH else ():
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                inner = os.open(name, _FOLDER, dir_fd=folder)
                yield from _walk(inner, f"{prefix}{name}/", wanted, depth + 1)
    finally:
        os.close(folder)


def _make_stamp(found: os.stat_result) -> FileStamp:
    return FileStamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
