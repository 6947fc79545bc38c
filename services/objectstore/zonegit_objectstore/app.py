"""Puts the object store together: the only place that constructs things."""

from typing import Final

import structlog

from zonegit.bus.connection import connect
from zonegit.bus.service import serve
from zonegit.config import BusSettings, Settings
from zonegit.errors import Unavailable
from zonegit_objectstore.handlers import DEPTHS, Handlers
from zonegit_objectstore.sqlite import open_objects

NAME: Final = "objectstore"
FILE: Final = "objectstore/objects.sqlite3"

log = structlog.get_logger()


async def run(bus_settings: BusSettings, settings: Settings) -> None:
    """Serves until cancelled.

    Raises:
        Unavailable: the store cannot be opened, or the bus closed the connection for good.
        Corrupt, Invalid, Denied: the store or the bus cannot be used.
    """
    async with (
        open_objects(settings.data / FILE) as store,
        connect(bus_settings, name=NAME, patient=True, report=log.warning) as bus,
        serve(bus, NAME, "objects", Handlers(store).endpoints(), DEPTHS),
    ):
        log.info("service.started", bus=bus.url_shown, data=str(settings.data / FILE))
        await bus.closed.wait()
    raise Unavailable(f"{bus_settings.shown} closed the connection for good")
