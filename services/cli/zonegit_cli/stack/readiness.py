"""Wait until a stack is ready: the bus and every service of the table answer requests."""

import asyncio
import time
from collections.abc import Callable, Container, Sequence
from typing import Final

from zonegit.bus.connection import Bus, connect
from zonegit.bus.resolver_status import ask_status
from zonegit.bus.verb_client import VerbClient
from zonegit.config import BusSettings
from zonegit.errors import Unavailable
from zonegit.wire.services import SERVICES, STORES, Probe, Service
from zonegit.zone import names
from zonegit_cli.stack import record
from zonegit_cli.stack.record import StackRecord

DEGRADED_TIMEOUT_S: Final = 10.0
"""Seconds to wait for a resolver while a store cannot be opened; it may have nothing on disk."""
ACTOR: Final = "zonegit-up"
RETRY_S: Final = 0.02
ASK_TIMEOUT_S: Final = 2.0


async def wait_until_ready(
    planned: StackRecord,
    list_broken: Callable[[], Container[str]] = frozenset,
    services: Sequence[Service] = SERVICES,
) -> None:
    """Wait until every service answered a request, except stores that cannot be opened, and
    resolvers that have nothing to serve without them.

    Args:
        planned: the stack.
        list_broken: returns the names of the services that cannot open their stores.
        services: the services of the stack.
    """
    url = planned.bus["url"].replace("://", f"://cli:{planned.bus['users']['cli']}@")
    while True:
        try:
            async with connect(BusSettings(url), name=ACTOR) as bus, asyncio.TaskGroup() as group:
                for service in services:
                    if service.probe is not None and service.instances:
                        probe = service.probe
                        group.create_task(_wait_for_reply(bus, service.name, probe, list_broken))
                for name in record.list_resolver_names(planned.resolvers):
                    group.create_task(_wait_for_resolver(bus, name, list_broken))
            return
        except* Unavailable:  # the bus may exit meanwhile
            pass
        await asyncio.sleep(RETRY_S)


async def _wait_for_reply(
    bus: Bus, name: str, probe: Probe, list_broken: Callable[[], Container[str]]
) -> None:
    client = VerbClient(bus, ACTOR)
    while name not in list_broken():
        try:
            await client.ask(probe.verb, probe.message)
            return
        except Unavailable:
            await asyncio.sleep(RETRY_S)


async def _wait_for_resolver(
    bus: Bus, name: str, list_broken: Callable[[], Container[str]]
) -> None:
    """Wait until a resolver answers queries; it may answer on the bus before."""
    started = time.monotonic()
    while True:
        status = await ask_status(bus, name, names.ROOT, timeout=ASK_TIMEOUT_S)
        if status is not None and status.listen:
            return
        has_waited = time.monotonic() - started > DEGRADED_TIMEOUT_S
        if has_waited and any(store in list_broken() for store in STORES):
            return
        await asyncio.sleep(RETRY_S)
