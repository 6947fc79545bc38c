"""The installation that an object store belongs to: that of the first ref store it hears.

It answers a ref store of another installation as well: objects are the same for all, and none is
ever changed or lost by what others store. But it belongs to its own, and says so, since one of the
two is the wrong one (docs/adr/0045-installations.md).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from zonegit.bus.connection import Bus
from zonegit.containment import keep_running
from zonegit.errors import Denied, Invalid, ZonegitError
from zonegit.store.installation import OURS_S, belongs
from zonegit.wire import codec, subjects
from zonegit.wire.messages import Heartbeat
from zonegit_objectstore.sqlite import SqliteObjects

log = structlog.get_logger()


class Membership:
    """Made by :func:`open_membership`. ``refuses`` is the installation of the ref store that was
    heard last, if this store does not belong to it; else empty."""

    def __init__(self, store: SqliteObjects, installation: str) -> None:
        self._store = store
        self.installation = installation
        self.refuses = ""
        self._heard = float("-inf")
        self._is_due = asyncio.Event()

    @asynccontextmanager
    async def running(self, bus: Bus) -> AsyncIterator[None]:
        """Hear the ref store from entry to exit; say so where the bus denies it."""
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(asyncio.TaskGroup())
            try:
                await stack.enter_async_context(bus.subscribe(subjects.HEARTBEAT, self._hear))
            except Denied as error:
                log.warning(
                    "heartbeats.not-heard",
                    error=error.message,
                    hint=f"objectstore has to subscribe to {subjects.HEARTBEAT}, to know its refs",
                )
            keeping = group.create_task(keep_running("membership", self._keep))
            try:
                yield
            finally:
                keeping.cancel()

    def _hear(self, subject: str, octets: bytes) -> None:
        try:
            beat = codec.decode(octets, Heartbeat)
        except Invalid as error:
            log.warning("event.malformed", subject=subject, error=error.message)
            return
        if not belongs(self.installation, beat.installation, beat.replaces):
            if time.monotonic() - self._heard > OURS_S:
                self._refuse(beat.installation)
            return
        self._heard = time.monotonic()
        self.refuses = ""
        if beat.installation not in ("", self.installation):
            self.installation = beat.installation
            self._is_due.set()

    def _refuse(self, installation: str) -> None:
        if installation != self.refuses:
            log.error("refs.refused", installation=installation, held=self.installation)
        self.refuses = installation

    async def _keep(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            try:
                await self._store.join(self.installation)
                log.info("installation.joined", installation=self.installation)
            except ZonegitError as error:  # a full disk: it is taken again at the next start
                log.warning("installation.not-kept", error=error.message, hint=error.hint)


async def open_membership(store: SqliteObjects) -> Membership:
    """Return what an object store knows of its installation.

    Raises:
        Unavailable, Corrupt: it cannot be read.
    """
    return Membership(store, await store.installation())
