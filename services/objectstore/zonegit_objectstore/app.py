"""Construct the object store from its parts."""

from typing import Final

import structlog

from zonegit.bus.connection import connect
from zonegit.bus.metrics_page import serve_metrics
from zonegit.bus.presence import Instance
from zonegit.bus.service import serve
from zonegit.config import BusSettings, ClientSettings
from zonegit.errors import Unavailable
from zonegit.store.backends import BackendChoice, ObjectBackend
from zonegit.store.folder_lock import lock_folder
from zonegit_objectstore.backends import BACKENDS
from zonegit_objectstore.handlers import DEPTHS, ObjectHandlers
from zonegit_objectstore.membership import open_membership

NAME: Final = "objectstore"
FOLDER: Final = "objectstore"

log = structlog.get_logger()


async def run(
    bus_settings: BusSettings,
    settings: ClientSettings,
    backend: str,
    metrics: tuple[str, int] | None = None,
) -> None:
    """Serve until cancelled.

    Args:
        bus_settings: The bus.
        settings: The settings of the process.
        backend: The name of the storage backend, a key of ``BACKENDS``.
        metrics: The address of the HTTP pages; None if there are none.

    Raises:
        Unavailable: The store cannot be opened, or the bus closed the connection permanently.
        Conflict: Another instance serves on that bus.
        Corrupt, Invalid, Denied: The store or the bus cannot be used.
    """
    with lock_folder(settings.data / FOLDER, NAME):
        await _serve(bus_settings, settings, BACKENDS[backend], metrics)
    raise Unavailable(f"{bus_settings.shown} closed the connection permanently")


async def _serve(
    bus_settings: BusSettings,
    settings: ClientSettings,
    backend: BackendChoice[ObjectBackend],
    metrics: tuple[str, int] | None,
) -> None:
    """Serve until the bus closes the connection permanently."""
    path = settings.data / backend.path
    async with (
        backend.open(path) as store,
        connect(bus_settings, name=NAME, patient=True, report=log.warning) as bus,
    ):
        membership = await open_membership(store)
        instance = Instance(bus, NAME, lambda: membership.installation, lambda: membership.refuses)
        await instance.claim()
        async with (
            instance.running(),
            membership.running(bus),
            serve(bus, NAME, "objects", ObjectHandlers(store).endpoints(), DEPTHS) as lanes,
            serve_metrics(metrics, NAME, path.parent, bus, lanes),
        ):
            log.info(
                "service.started",
                bus=bus.url_shown,
                data=str(path),
                installation=membership.installation,
                instance=instance.id,
            )
            await bus.closed.wait()
