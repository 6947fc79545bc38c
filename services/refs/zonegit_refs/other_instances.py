"""Heartbeats of other instances of this service, which must not serve next to it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from zonegit.bus.connection import Bus
from zonegit.bus.presence import Instance
from zonegit.errors import Denied, Invalid
from zonegit.wire import codec, subjects
from zonegit.wire.messages import Heartbeat, Presence

log = structlog.get_logger()


@asynccontextmanager
async def hear_others(bus: Bus, instance: Instance) -> AsyncIterator[None]:
    """Let ``instance`` know of each heartbeat, from entry to exit; say so where the bus denies it.

    Raises:
        Unavailable: no bus.
    """

    def hear(subject: str, octets: bytes) -> None:
        try:
            beat = codec.decode(octets, Heartbeat)
        except Invalid as error:
            log.warning("event.malformed", subject=subject, error=error.message)
            return
        instance.record_heartbeat(
            Presence(
                instance=beat.instance,
                started=beat.started,
                installation=beat.installation,
                several=beat.several,
            )
        )

    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(bus.subscribe(subjects.HEARTBEAT, hear))
        except Denied as error:
            log.warning(
                "heartbeats.not-heard",
                error=error.message,
                hint=f"refs has to subscribe to {subjects.HEARTBEAT}, to find a second refs",
            )
        yield
