"""Adopt stores of the original: check them, store their names, and convert these.

A separate task converts the stored names. It continues after the request has ended, waits while the
object store is down, and is restarted with the service.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from zonegit.errors import Unavailable, ZonegitError
from zonegit.store import v03_slots
from zonegit.store.backends import MAX_REPLY_ROWS, RefBackend
from zonegit.store.objects import ObjectStore
from zonegit.store.ref_log import LogEntry, Moved, Origin
from zonegit.store.v03_slots import Slots
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.legacy import converter

PAUSE_S: Final = 1.0

log = structlog.get_logger()


class LegacyAdopter:
    """Implements :class:`zonegit.store.refs.Adopter`."""

    def __init__(self, names: RefBackend, refs: RefKeeper, objects: ObjectStore) -> None:
        self._names = names
        self._refs = refs
        self._objects = objects
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[list[LogEntry]]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Continue an unfinished conversion; at exit the conversion stops after any step."""
        self._start()
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def adopt(self, slots: Slots, origin: Origin) -> Moved:
        found = v03_slots.decode(slots)
        served = {}
        for ref, target in await converter.list_absent(self._refs, found, origin.actor):
            admitted = await self._refs.check_legacy(ref, target)
            if admitted is not None:
                served[ref] = admitted
        await self._names.keep(slots, served, origin)
        written = await asyncio.shield(self._start())
        sequence = await self._names.sequence()
        return Moved(self._names.epoch, sequence, written[-MAX_REPLY_ROWS:])

    def _start(self) -> asyncio.Task[list[LogEntry]]:
        task = asyncio.create_task(self._convert())
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def _convert(self) -> list[LogEntry]:
        async with self._one_at_a_time:
            while True:
                try:
                    return await converter.convert(self._names, self._refs, self._objects)
                except Unavailable as error:
                    log.warning("migration.waits", error=error.message, retry_s=PAUSE_S)
                await asyncio.sleep(PAUSE_S)

    def _done(self, task: asyncio.Task[list[LogEntry]]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, ZonegitError):
            log.error("migration.stopped", error=error.message, hint=error.hint)
        elif error is not None:
            log.error("migration.failed", exc_info=error)
        elif rows := task.result():
            log.info("migration.done", rows=len(rows))
