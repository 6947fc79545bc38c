"""Listen to heartbeats of other instances of refs, which must not serve on the same bus."""

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
async def watch_others(bus: Bus, instance: Instance) -> AsyncIterator[None]:
    """Record each heartbeat in ``instance``, from entry to exit; log it if the bus denies that.

    Raises:
        Unavailable: The bus is not connected.
    """

    def receive(subject: str, octets: bytes) -> None:
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
            await stack.enter_async_context(bus.subscribe(subjects.HEARTBEAT, receive))
        except Denied as error:
            log.warning(
                "heartbeats.not-heard",
                error=error.message,
                hint=f"allow refs to subscribe to {subjects.HEARTBEAT}, to detect a second refs",
            )
        yield
