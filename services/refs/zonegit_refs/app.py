"""Construct the ref store from its parts."""

from typing import Final

import structlog

from zonegit.bus.connection import connect
from zonegit.bus.metrics_page import serve_metrics
from zonegit.bus.presence import Instance
from zonegit.bus.remote_objects import RemoteObjects
from zonegit.bus.service import serve
from zonegit.config import BusSettings, ClientSettings
from zonegit.errors import Unavailable
from zonegit.store.backends import BackendChoice, RefBackend
from zonegit.store.basis import MoveLimits
from zonegit.store.folder_lock import lock_folder
from zonegit_refs.backends import BACKENDS
from zonegit_refs.handlers import DEPTHS, RefHandlers
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.legacy.adopter import LegacyAdopter
from zonegit_refs.other_instances import watch_others
from zonegit_refs.publisher import Publisher
from zonegit_refs.store_check import StoreCheck
from zonegit_refs.witnesses import Witnesses

NAME: Final = "refs"
FOLDER: Final = "refs"

log = structlog.get_logger()


async def run(
    bus_settings: BusSettings,
    settings: ClientSettings,
    limits: MoveLimits,
    backend: str,
    metrics: tuple[str, int] | None = None,
) -> None:
    """Serve until cancelled.

    Args:
        bus_settings: The bus.
        settings: The settings of the process.
        limits: The limits of moves.
        backend: The name of the storage backend, a key of ``BACKENDS``.
        metrics: The address of the HTTP pages; None if there are none.

    Raises:
        Unavailable: The store cannot be opened, or the bus closed the connection permanently.
        Conflict: Another instance serves on that bus.
        Corrupt, Invalid, Denied: The store or the bus cannot be used.
    """
    with lock_folder(settings.data / FOLDER, NAME):
        await _serve(bus_settings, settings, limits, BACKENDS[backend], metrics)
    raise Unavailable(f"{bus_settings.shown} closed the connection permanently")


async def _serve(
    bus_settings: BusSettings,
    settings: ClientSettings,
    limits: MoveLimits,
    backend: BackendChoice[RefBackend],
    metrics: tuple[str, int] | None,
) -> None:
    """Serve until the bus closes the connection permanently."""
    path = settings.data / backend.path
    async with (
        backend.open(path) as refs,
        connect(bus_settings, name=NAME, patient=True, report=log.warning) as bus,
    ):
        instance = Instance(bus, NAME, lambda: refs.installation)
        await instance.claim()
        publisher = Publisher(bus, refs, instance)
        objects = RemoteObjects(bus, NAME)
        witnesses = Witnesses(bus, refs)
        check = StoreCheck(refs)
        keeper = RefKeeper(
            refs, objects, publisher.announce, limits=limits, resolvers=witnesses, check=check
        )
        adopting = LegacyAdopter(refs, keeper, objects)
        endpoints = RefHandlers(
            keeper, adopting, witnesses.take, witnesses.listener.list_registered
        ).endpoints()
        async with (
            instance.running(),
            watch_others(bus, instance),
            publisher.running(),
            witnesses.running(),
            adopting.running(),
            serve(bus, NAME, "refs", endpoints, DEPTHS) as lanes,
            serve_metrics(metrics, NAME, path.parent, bus, lanes),
            check.running(),
        ):
            log.info(
                "service.started",
                bus=bus.url_shown,
                data=str(path),
                installation=refs.installation,
                instance=instance.id,
            )
            await bus.closed.wait()
