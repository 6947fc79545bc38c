"""Whether a stack answers: bus, object store, refs and every resolver, asked as a client would."""

import asyncio
from typing import Final

from zonegit.bus.connection import Bus, connect
from zonegit.bus.remote_objects import RemoteObjects
from zonegit.bus.remote_refs import RemoteRefs
from zonegit.bus.resolver_status import ask_status
from zonegit.config import BusSettings
from zonegit.errors import Unavailable
from zonegit.objects.ids import identify
from zonegit.zone import names
from zonegit_cli.stack import record
from zonegit_cli.stack.record import Record

ACTOR: Final = "zonegit-up"
AGAIN_S: Final = 0.02
ASK_TIMEOUT_S: Final = 2.0


async def everything_answers(planned: Record) -> None:
    """Returns once every part has answered a request."""
    url = planned.bus["url"].replace("://", f"://cli:{planned.bus['users']['cli']}@")
    while True:
        try:
            async with connect(BusSettings(url), name=ACTOR) as bus, asyncio.TaskGroup() as group:
                group.create_task(_stores(bus))
                for name in record.resolver_names(planned.resolvers):
                    group.create_task(_resolver(bus, name))
            return
        except* Unavailable:  # the bus may go while the tasks ask
            pass
        await asyncio.sleep(AGAIN_S)


async def _stores(bus: Bus) -> None:
    objects = RemoteObjects(bus, ACTOR)
    refs = RemoteRefs(bus, ACTOR)
    while True:
        try:
            await objects.missing([identify("blob", b"")])
            await refs.where(ACTOR)
            return
        except Unavailable:
            await asyncio.sleep(AGAIN_S)


async def _resolver(bus: Bus, name: str) -> None:
    """Return once a resolver answers queries: it may answer on the bus before that."""
    while True:
        status = await ask_status(bus, name, names.ROOT, timeout=ASK_TIMEOUT_S)
        if status is not None and status.listen:
            return
        await asyncio.sleep(AGAIN_S)
