"""Serve the metrics of a store service over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from zonegit import http
from zonegit.bus.connection import Bus
from zonegit.bus.lanes import Lanes
from zonegit.http import HttpReply


@asynccontextmanager
async def serve_metrics(
    address: tuple[str, int] | None, service: str, folder: Path, bus: Bus, lanes: Lanes
) -> AsyncIterator[None]:
    """Serve ``/metrics`` and ``/livez`` from entry to exit.

    Args:
        address: The host and the port; None to serve nothing.
        service: The name of the service.
        folder: The folder of its store.
        bus: Its connection.
        lanes: The requests that it answers.

    Raises:
        Unavailable: The address cannot be bound.
    """
    if address is None:
        yield
        return
    from zonegit.bus.metrics import StoreCollector, write_page  # imports the Prometheus client

    collector = StoreCollector(service, folder, bus, lanes)

    async def write_metrics() -> HttpReply:
        return write_page(collector)

    async def report_live() -> HttpReply:
        return HttpReply(200, b"alive\n")

    async with http.serve(*address, {"/metrics": write_metrics, "/livez": report_live}):
        yield
