"""Whether a stack answers: bus, object store, refs and every resolver, asked as a client would."""

import asyncio
import time
from collections.abc import Callable, Container
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
from zonegit_cli.stack.record import StackRecord

STORES: Final = ("objectstore", "refs")
DEGRADED_S: Final = 10.0
"""Seconds that a resolver has to serve what is on its disk while a store cannot be opened."""
ACTOR: Final = "zonegit-up"
AGAIN_S: Final = 0.02
ASK_TIMEOUT_S: Final = 2.0


async def everything_answers(
    planned: StackRecord, list_broken: Callable[[], Container[str]] = frozenset
) -> None:
    """Return once every part has answered a request, but for stores that cannot be opened, and
    for resolvers that have nothing to serve without these.

    Args:
        planned: the parts.
        list_broken: returns the names of the services that cannot open their stores.
    """
    url = planned.bus["url"].replace("://", f"://cli:{planned.bus['users']['cli']}@")
    while True:
        try:
            async with connect(BusSettings(url), name=ACTOR) as bus, asyncio.TaskGroup() as group:
                group.create_task(_objectstore(bus, list_broken))
                group.create_task(_refs(bus, list_broken))
                for name in record.resolver_names(planned.resolvers):
                    group.create_task(_resolver(bus, name, list_broken))
            return
        except* Unavailable:  # the bus may go while the tasks ask
            pass
        await asyncio.sleep(AGAIN_S)


async def _objectstore(bus: Bus, list_broken: Callable[[], Container[str]]) -> None:
    objects = RemoteObjects(bus, ACTOR)
    while "objectstore" not in list_broken():
        try:
            await objects.missing([identify("blob", b"")])
            return
        except Unavailable:
            await asyncio.sleep(AGAIN_S)


async def _refs(bus: Bus, list_broken: Callable[[], Container[str]]) -> None:
    refs = RemoteRefs(bus, ACTOR)
    while "refs" not in list_broken():
        try:
            await refs.where(ACTOR)
            return
        except Unavailable:
            await asyncio.sleep(AGAIN_S)


async def _resolver(bus: Bus, name: str, list_broken: Callable[[], Container[str]]) -> None:
    """Return once a resolver answers queries: it may answer on the bus before that."""
    started = time.monotonic()
    while True:
        status = await ask_status(bus, name, names.ROOT, timeout=ASK_TIMEOUT_S)
        if status is not None and status.listen:
            return
        has_waited = time.monotonic() - started > DEGRADED_S
        if has_waited and any(store in list_broken() for store in STORES):
            return
        await asyncio.sleep(AGAIN_S)
