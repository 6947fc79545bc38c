"""Check the whole store in slices, while it is in use.

Opening the store compares only small tables. The rest is checked in the background after each
start, and when ``zonegit fsck`` requests it: the structure of the file, the digest of each table,
and the chain of the log. Faults are logged, and kept for later requests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from zonegit.containment import contain
from zonegit.errors import ZonegitError
from zonegit.store.backends import RefBackend
from zonegit.store.refs import CheckedStore

PAUSE_S: Final = 0.005
"""Seconds between two pages of the log, so that requests do not wait for the check."""
MAX_DAMAGE: Final = 100
"""Faults that are reported; further ones are counted."""

log = structlog.get_logger()


class StoreCheck:
    """Runs one check at a time, while :meth:`running`."""

    def __init__(self, refs: RefBackend) -> None:
        self._refs = refs
        self._group: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_running = False
        self._rows = 0
        self._count = 0
        self._damage: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Check the store once, and again on request, from entry to exit."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._start(group)
            try:
                yield
            finally:
                self._group = None
                if self._task is not None:
                    self._task.cancel()

    def state(self, *, again: bool = False) -> CheckedStore:
        """Return the progress of the check and the faults found.

        Args:
            again: Start another check, unless one runs.
        """
        if again and self._group is not None and not self._is_running:
            self._start(self._group)
        return CheckedStore(
            done=not self._is_running, rows=self._rows, count=self._count, damage=self._damage
        )

    def _start(self, group: asyncio.TaskGroup) -> None:
        self._is_running = True
        self._rows, self._count, self._damage = 0, 0, []
        self._task = group.create_task(self._check())

    async def _check(self) -> None:
        try:
            with contain("check"):
                await self._check_all()
        except ZonegitError as error:
            self._note([error.message])
        finally:
            self._is_running = False
        write = log.error if self._count else log.info
        hint = "restore refs from a backup" if self._count else None
        write("store.checked", rows=self._rows, damage=self._count, hint=hint)

    async def _check_all(self) -> None:
        self._note(await self._refs.check_file())
        has_more = True
        while has_more:
            page = await self._refs.check_log(self._rows)
            self._note(page.damage)
            self._rows, has_more = page.last, page.has_more
            await asyncio.sleep(PAUSE_S)

    def _note(self, damage: list[str]) -> None:
        self._count += len(damage)
        for each in damage[: MAX_DAMAGE - len(self._damage)]:
            log.error("store.damaged", damage=each)
            self._damage = [*self._damage, each]
