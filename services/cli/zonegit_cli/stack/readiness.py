"""Whether a stack answers: bus, object store, refs and every resolver, asked as a client would."""

import asyncio
from typing import Final

from zonegit.bus.connection import Bus, connect
from zonegit.bus.remote_objects import RemoteObjects
from zonegit.bus.remote_refs import RemoteRefs
from zonegit.config import BusSettings
from zonegit.errors import Unavailable
from zonegit.objects.ids import identify
from zonegit.wire import subjects
from zonegit.wire.messages import AskStatus, ResolverStatus
from zonegit_cli.stack.record import Record

ACTOR: Final = "zonegit-up"
AGAIN_S: Final = 0.02
BROADCAST_S: Final = 0.05


async def everything_answers(planned: Record) -> None:
    """Returns once every part has answered a request."""
    url = planned.bus["url"].replace("://", f"://cli:{planned.bus['users']['cli']}@")
    while True:
        try:
            async with connect(BusSettings(url), name=ACTOR) as bus, asyncio.TaskGroup() as group:
                group.create_task(_stores(bus))
                group.create_task(_resolvers(bus, planned.resolvers))
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


async def _resolvers(bus: Bus, number: int) -> None:
    subject = subjects.resolvers("status")
    while True:
        answers = await bus.broadcast(subject, AskStatus(), ResolverStatus, BROADCAST_S)
        if len({each.resolver for each in answers}) >= number:
            return
