"""Publish log events and a heartbeat.

Events are published in the order of their sequence, after their row is durable. A follower detects
an event that was lost while the bus was down: the next heartbeat is ahead of its position.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog

from zonegit.bus.connection import Bus
from zonegit.bus.presence import Instance
from zonegit.containment import contain, keep_running
from zonegit.errors import ZonegitError
from zonegit.objects.ids import RawObject
from zonegit.store.backends import RefBackend
from zonegit.store.ref_log import LogEntry
from zonegit.wire import subjects
from zonegit.wire.messages import MAX_ATTACHED_OCTETS, Heartbeat, RefEvent

HEARTBEAT_S: Final = 1.0
DRAIN_TIMEOUT_S: Final = 5.0

log = structlog.get_logger()


class Publisher:
    """Publishes while :meth:`running`. Heartbeats describe ``instance``."""

    def __init__(self, bus: Bus, refs: RefBackend, instance: Instance | None = None) -> None:
        self._bus = bus
        self._refs = refs
        self._instance = instance
        self._outgoing: asyncio.Queue[RefEvent] = asyncio.Queue()

    def announce(self, objects: Sequence[RawObject], entries: Sequence[LogEntry]) -> None:
        """Queue an event for each row; the last one carries the new objects of the commit."""
        small = sum(len(raw.payload) for raw in objects) <= MAX_ATTACHED_OCTETS
        for entry in entries:
            attached = list(objects) if small and entry is entries[-1] else []
            event = RefEvent(
                epoch=self._refs.epoch,
                entry=entry,
                objects=attached,
                installation=self._refs.installation,
            )
            self._outgoing.put_nowait(event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish from entry to exit; queued events are still sent at exit."""
        async with asyncio.TaskGroup() as group:
            work = (self._publish, self._beat)
            tasks = [group.create_task(keep_running("publish", each)) for each in work]
            try:
                yield
            finally:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._outgoing.join(), DRAIN_TIMEOUT_S)
                for task in tasks:
                    task.cancel()

    async def _publish(self) -> None:
        while True:
            event = await self._outgoing.get()
            try:
                with contain("publish"):
                    subject = subjects.event(event.entry.kind, event.entry.ref)
                    await self._bus.publish(subject, event)
            except ZonegitError as error:
                log.warning("event.lost", sequence=event.entry.sequence, error=error.message)
            finally:
                self._outgoing.task_done()

    async def _beat(self) -> None:
        while True:
            try:
                with contain("publish"):
                    pulse = await self._refs.read_end()
                    beat = Heartbeat(**pulse._asdict(), **self._describe(), time=time.time())
                    await self._bus.publish(subjects.HEARTBEAT, beat)
            except ZonegitError as error:
                if self._bus.connected:  # otherwise the connection has logged it
                    log.warning("heartbeat.lost", error=error.message)
            await asyncio.sleep(HEARTBEAT_S)

    def _describe(self) -> dict[str, Any]:
        if self._instance is None:
            return {}
        return {"instance": self._instance.id, "started": self._instance.started}
