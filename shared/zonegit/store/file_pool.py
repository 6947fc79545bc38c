"""Write the many small SQLite files of a cache with a few threads, and keep some files open.

Each file belongs to one thread, which has one connection to it. Files in the same top folder belong
to the same thread, so no thread removes a folder in which another one creates a file. A transaction
is one job of that thread, including the opening, creating and closing of files.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Final, TypeVar
from zlib import crc32

from zonegit.errors import Unavailable, ZonegitError
from zonegit.store.sqlite_files import (
    build_empty,
    build_file,
    explain_errors,
    open_connection,
    remove,
    transact,
)

T = TypeVar("T")

THREADS: Final = 4
"""Threads of a pool; most of the time they wait for the disk."""
MAX_OPEN: Final = 12
"""Files that a thread keeps open for the next change; each takes three descriptors."""
CACHE_KIB: Final = 4 << 10
"""The page cache of an open file."""


class FilePool:
    """The SQLite files below a folder; :func:`open_pool` opens and closes it.

    Paths with symbolic links are refused.

    Args:
        folder: the folder.
        prepare: creates or upgrades the tables of a file when it is opened.
    """

    def __init__(self, folder: Path, prepare: Callable[[Connection], object]) -> None:
        self.folder = folder.resolve()
        self._threads = [_FileThread(number, prepare) for number in range(THREADS)]

    async def write(self, path: Path, work: Callable[[Connection], T]) -> T:
        """Run a function in a transaction on a file. A missing file is created atomically.

        Raises:
            Unavailable: the disk is full or fails, or the path has a link; nothing was written.
            Corrupt: the file is damaged.
            Invalid: a later release of zonegit created the file.
        """
        thread = self._thread_of(path)
        return await thread.run(partial(thread.write, path, work))

    async def remove(self, path: Path) -> None:
        """Delete a file, if it exists, and the folders that become empty.

        Raises:
            Unavailable: the file cannot be deleted, or the path has a link.
        """
        thread = self._thread_of(path)
        await thread.run(partial(thread.remove, path, self.folder))

    def _thread_of(self, path: Path) -> "_FileThread":
        top = path.relative_to(self.folder).parts[0]
        return self._threads[crc32(top.encode()) % THREADS]

    async def close(self) -> None:
        """Wait for running functions, and close the open files."""
        for thread in self._threads:
            await thread.run(thread.close)
            await asyncio.to_thread(thread.executor.shutdown)


@asynccontextmanager
async def open_pool(
    folder: Path, prepare: Callable[[Connection], object]
) -> AsyncIterator[FilePool]:
    """Open a pool of the files below ``folder`` for the time of a context."""
    pool = FilePool(folder, prepare)
    try:
        yield pool
    finally:
        await pool.close()


class _FileThread:
    """The open files of one thread, the last used at the end.

    All methods except :meth:`run` run in that thread.
    """

    def __init__(self, number: int, prepare: Callable[[Connection], object]) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=f"files-{number}")
        self._prepare = prepare
        self._blank = build_empty(prepare)
        self._open: OrderedDict[Path, Connection] = OrderedDict()

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)

    def write(self, path: Path, work: Callable[[Connection], T]) -> T:
        if path not in self._open and not _exists(path):
            return build_file(path, self._blank, work)
        return transact(self._open_file(path), path, "BEGIN IMMEDIATE", work)

    def _open_file(self, path: Path) -> Connection:
        connection = self._open.pop(path, None)
        if connection is None:
            connection = open_connection(path, CACHE_KIB)
            try:
                transact(connection, path, "BEGIN IMMEDIATE", self._prepare)
            except ZonegitError:
                connection.close()
                raise
        self._open[path] = connection
        while len(self._open) > MAX_OPEN:
            self._close_first()
        return connection

    def _close_first(self) -> None:
        path, connection = self._open.popitem(last=False)
        with suppress(ZonegitError), explain_errors(path):  # the next use of the file reports it
            connection.close()

    def remove(self, path: Path, folder: Path) -> None:
        if path in self._open:
            self._open.move_to_end(path, last=False)
            self._close_first()
        _refuse_links(path.parent)
        with explain_errors(path):
            remove(path)
        with suppress(OSError):  # the folder is not empty
            for above in path.parents:
                if above == folder:
                    break
                above.rmdir()

    def close(self) -> None:
        while self._open:
            self._close_first()


def _exists(path: Path) -> bool:
    _refuse_links(path)
    return path.exists()


def _refuse_links(path: Path) -> None:
    if os.path.realpath(path) != str(path):
        raise Unavailable(f"{path} is a link to {os.path.realpath(path)}", hint="remove the link")
