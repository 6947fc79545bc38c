"""List and announce services with the service protocol of NATS (its ADR-32).

The client library replies to any subject that a request names, so a stranger could make a service
publish what only the service may publish. This implementation replies to inboxes only.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import nats.errors
from nats.aio.msg import Msg

from zonegit.bus.connection import Bus
from zonegit.errors import Unavailable

ROOT: Final = "$SRV"
PING: Final = f"{ROOT}.PING"
MAX_ANSWERS: Final = 1_000

_TYPE: Final = "io.nats.micro.v1.{}_response"


class ServiceInstance(msgspec.Struct, frozen=True):
    """One instance of a service."""

    name: str
    id: str
    version: str


class EndpointInfo(msgspec.Struct, frozen=True):
    """A subject that an instance listens to, as discovery shows it."""

    name: str
    subject: str
    queue_group: str


Statistics = Callable[[], dict[str, Any]]
"""Returns the statistics of an endpoint, with the field names of the protocol."""


async def ping(bus: Bus, wait_s: float) -> list[ServiceInstance]:
    """Return the service instances that answer within ``wait_s`` seconds, by name.

    Raises:
        Unavailable: There is no bus.
    """
    answers: list[ServiceInstance] = []

    async def take(message: Msg) -> None:
        # Without a listener the bus answers with an empty message.
        with suppress(msgspec.MsgspecError, RecursionError):
            if len(answers) < MAX_ANSWERS:
                answers.append(msgspec.json.decode(message.data, type=ServiceInstance))

    inbox = f"{bus.inbox(PING)}.{secrets.token_hex(12)}"
    try:
        subscription = await bus.client.subscribe(inbox, cb=take)
        await bus.client.publish(PING, reply=inbox)
        await asyncio.sleep(wait_s)
        await subscription.unsubscribe()
    except (nats.errors.Error, OSError) as error:
        raise bus.make_closed_error() from error
    return sorted(answers, key=lambda each: (each.name, each.id))


@asynccontextmanager
async def answer(
    bus: Bus,
    identity: ServiceInstance,
    endpoint: EndpointInfo,
    metadata: dict[str, str],
    statistics: Statistics,
) -> AsyncIterator[None]:
    """Answer PING, INFO and STATS for one instance, from entry to exit.

    Raises:
        nats.errors.Error, OSError: There is no bus.
    """
    head = {**msgspec.structs.asdict(identity), "metadata": metadata}
    shown = msgspec.structs.asdict(endpoint)
    started = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def describe(verb: str) -> dict[str, Any]:
        match verb:
            case "INFO":
                return {"description": "", "endpoints": [{**shown, "metadata": {}}]}
            case "STATS":
                return {"started": started, "endpoints": [{**shown, **statistics()}]}
            case _:
                return {}

    async def take(asked: Msg) -> None:
        verb = asked.subject.split(".")[1]
        if verb in ("PING", "INFO", "STATS"):
            text = {"type": _TYPE.format(verb.lower()), **head, **describe(verb)}
            with suppress(Unavailable):
                await bus.respond(asked, msgspec.json.encode(text))

    async with AsyncExitStack() as stack:
        for name in ("*", f"*.{identity.name}", f"*.{identity.name}.{identity.id}"):
            subscription = await bus.client.subscribe(f"{ROOT}.{name}", cb=take)
            stack.push_async_callback(_unsubscribe, subscription)
        yield


async def _unsubscribe(subscription: Any) -> None:
    with suppress(nats.errors.Error, OSError):
        await subscription.unsubscribe()
