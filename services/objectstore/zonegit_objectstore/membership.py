"""Record the installation of an object store: that of the first ref store that it receives.

The store also answers a ref store of another installation, because objects are the same for all
installations and no client can change or delete one. But it logs the other ref store, because one
of the two was started by mistake (docs/adr/0045-installations.md).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from zonegit.bus.connection import Bus
from zonegit.containment import keep_running
from zonegit.errors import Denied, Invalid, ZonegitError
from zonegit.store.backends import ObjectBackend
from zonegit.store.installation import PRESENT_AFTER_HEARTBEAT_S, accepts_installation
from zonegit.wire import codec, subjects
from zonegit.wire.messages import Heartbeat

log = structlog.get_logger()


class Membership:
    """The installation of an object store, opened by :func:`open_membership`.

    Attributes:
        installation: The installation; empty if there is none yet.
        refuses: The installation of the last heartbeat, if this store does not belong to it; else
            empty.
    """

    def __init__(self, store: ObjectBackend, installation: str) -> None:
        self._store = store
        self.installation = installation
        self.refuses = ""
        self._heard = float("-inf")
        self._is_due = asyncio.Event()

    @asynccontextmanager
    async def running(self, bus: Bus) -> AsyncIterator[None]:
        """Listen to the ref store from entry to exit; log it if the bus denies that."""
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(asyncio.TaskGroup())
            try:
                await stack.enter_async_context(bus.subscribe(subjects.HEARTBEAT, self._receive))
            except Denied as error:
                log.warning(
                    "heartbeats.not-heard",
                    error=error.message,
                    hint=f"allow objectstore to subscribe to {subjects.HEARTBEAT}",
                )
            keeping = group.create_task(keep_running("membership", self._keep))
            try:
                yield
            finally:
                keeping.cancel()

    def _receive(self, subject: str, octets: bytes) -> None:
        try:
            beat = codec.decode(octets, Heartbeat)
        except Invalid as error:
            log.warning("event.malformed", subject=subject, error=error.message)
            return
        if not accepts_installation(self.installation, beat.installation, beat.replaces):
            if time.monotonic() - self._heard > PRESENT_AFTER_HEARTBEAT_S:
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
            except ZonegitError as error:  # for example a full disk; recorded at the next start
                log.warning("installation.not-kept", error=error.message, hint=error.hint)


async def open_membership(store: ObjectBackend) -> Membership:
    """Read the installation of an object store.

    Raises:
        Unavailable, Corrupt: It cannot be read.
    """
    return Membership(store, await store.installation())
