"""Which services answer on the bus, by NATS's own discovery protocol."""

import asyncio
from typing import Final

import msgspec
import nats.errors
from nats.aio.msg import Msg

from zonegit.bus.connection import Bus
from zonegit.errors import Unavailable

PING: Final = "$SRV.PING"
MAX_ANSWERS: Final = 1_000


class Found(msgspec.Struct, frozen=True):
    """One instance of a service."""

    name: str
    id: str
    version: str


async def ping(bus: Bus, wait_s: float) -> list[Found]:
    """Every service instance that answers within ``wait_s`` seconds, by name.

    Raises:
        Unavailable: no bus.
    """
    answers: list[Found] = []

    async def take(message: Msg) -> None:
        if len(answers) < MAX_ANSWERS:
            answers.append(msgspec.json.decode(message.data, type=Found))

    inbox = bus.client.new_inbox()
    try:
        subscription = await bus.client.subscribe(inbox, cb=take)
        await bus.client.publish(PING, reply=inbox)
        await asyncio.sleep(wait_s)
        await subscription.unsubscribe()
    except (nats.errors.Error, OSError) as error:
        raise Unavailable(f"the bus {bus.url_shown} is gone") from error
    return sorted(answers, key=lambda each: (each.name, each.id))
