"""Many small SQLite files, as a cache has them, over a few threads; some stay open.

All that is done with a file is done by one thread, over one connection, and files that share a
folder share the thread: so a folder is never taken away from under a file that is being made in it.
A transaction is one trip to that thread, with all there is to open, make and close for it.
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
from zonegit.store.sqlite import blank, built, connected, explained, remove, transact

T = TypeVar("T")

THREADS: Final = 4
"""Most of the time all but one wait for the disk."""
MAX_OPEN: Final = 12
"""Files that a thread keeps open for the next change; each takes three descriptors."""
CACHE_KIB: Final = 4 << 10
"""How much of a file that is open may be in memory."""


class FilePool:
    """Files below ``folder``, each with the tables that ``prepare`` makes when it is opened. Made
    by :func:`open_pool`. A path is taken for what it says: one that a link leads elsewhere is
    refused."""

    def __init__(self, folder: Path, prepare: Callable[[Connection], object]) -> None:
        self.folder = folder.resolve()
        self._shelves = [_Shelf(number, prepare) for number in range(THREADS)]

    async def write(self, path: Path, work: Callable[[Connection], T]) -> T:
        """Runs ``work`` in a transaction on the file at ``path`` and commits. When it does not
        exist, a new one comes to be, as a whole or not at all.

        Raises:
            Unavailable: the disk is full or fails, or a link leads elsewhere; nothing was written.
            Corrupt: the file is damaged.
            Invalid: a later release made it.
        """
        shelf = self._shelf(path)
        return await shelf.run(partial(shelf.write, path, work))

    async def remove(self, path: Path) -> None:
        """Deletes a file, if it exists, and the folders that hold no other.

        Raises:
            Unavailable: it cannot be deleted, or a link leads elsewhere.
        """
        shelf = self._shelf(path)
        await shelf.run(partial(shelf.remove, path, self.folder))

    def _shelf(self, path: Path) -> "_Shelf":
        top = path.relative_to(self.folder).parts[0]
        return self._shelves[crc32(top.encode()) % THREADS]

    async def close(self) -> None:
        """Waits for what runs and closes what is open."""
        for shelf in self._shelves:
            await shelf.run(shelf.close)
            await asyncio.to_thread(shelf.thread.shutdown)


@asynccontextmanager
async def open_pool(
    folder: Path, prepare: Callable[[Connection], object]
) -> AsyncIterator[FilePool]:
    """The files below ``folder``, from entry to exit."""
    pool = FilePool(folder, prepare)
    try:
        yield pool
    finally:
        await pool.close()


class _Shelf:
    """The files of one thread, the last used at the end. All but :meth:`run` is done in it."""

    def __init__(self, number: int, prepare: Callable[[Connection], object]) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=f"files-{number}")
        self._prepare = prepare
        self._blank = blank(prepare)
        self._open: OrderedDict[Path, Connection] = OrderedDict()

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.thread, work)

    def write(self, path: Path, work: Callable[[Connection], T]) -> T:
        if path not in self._open and not _exists(path):
            return built(path, self._blank, work)
        return transact(self._opened(path), path, "BEGIN IMMEDIATE", work)

    def _opened(self, path: Path) -> Connection:
        connection = self._open.pop(path, None)
        if connection is None:
            connection = connected(path, CACHE_KIB)
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
        with suppress(ZonegitError), explained(path):  # heard of when it is used the next time
            connection.close()

    def remove(self, path: Path, folder: Path) -> None:
        if path in self._open:
            self._open.move_to_end(path, last=False)
            self._close_first()
        _refuse_links(path.parent)
        with explained(path):
            remove(path)
        with suppress(OSError):  # there are others in it
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
        raise Unavailable(f"{path} leads to {os.path.realpath(path)}", hint="remove that link")
