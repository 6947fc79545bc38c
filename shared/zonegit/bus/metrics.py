"""Metrics of a service on the bus: its connection, the requests that it answers, its store."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from zonegit.bus.connection import Bus
from zonegit.bus.lanes import Lanes
from zonegit.http import HttpReply
from zonegit.process_metrics import collect_process


def collect_bus(bus: Bus | None) -> Iterator[Metric]:
    """Yield the metrics of a connection; None if it was never opened."""
    up = GaugeMetricFamily("zonegit_bus_up", "1 if the bus is connected.")
    up.add_metric([], float(bus is not None and bus.connected))
    yield up
    refused = CounterMetricFamily(
        "zonegit_bus_replies_refused",
        "Requests on the bus with a reply subject outside of an inbox.",
    )
    refused.add_metric([], bus.replies.refused if bus is not None else 0)
    yield refused
    traffic = dict(bus.client.stats) if bus is not None else {}
    reconnects = CounterMetricFamily(
        "zonegit_bus_reconnects", "Times the connection to the bus was opened again."
    )
    reconnects.add_metric([], traffic.get("reconnects", 0))
    yield reconnects
    for what, key in (("messages", "msgs"), ("octets", "bytes")):
        family = CounterMetricFamily(
            f"zonegit_bus_{what}",
            f"{what.capitalize()} of the connection to the bus, without headers of the protocol.",
            labels=("direction",),
        )
        for direction in ("in", "out"):
            family.add_metric([direction], traffic.get(f"{direction}_{key}", 0))
        yield family
    sent = CounterMetricFamily(
        "zonegit_bus_requests", "Requests sent to other services.", labels=("outcome",)
    )
    for outcome, number in (bus.requests_sent() if bus is not None else {}).items():
        sent.add_metric([outcome], number)
    yield sent


def collect_requests(lanes: Lanes) -> Iterator[Metric]:
    """Yield the metrics of the requests that a service answers."""
    answered = CounterMetricFamily(
        "zonegit_requests", "Requests answered, by verb and outcome.", labels=("verb", "outcome")
    )
    for (verb, outcome), number in lanes.counters.answered.items():
        answered.add_metric([verb, outcome], number)
    yield answered
    seconds = CounterMetricFamily(
        "zonegit_request_seconds", "Time taken to answer requests, by verb.", labels=("verb",)
    )
    for verb, took_s in lanes.counters.took_s.items():
        seconds.add_metric([verb], took_s)
    yield seconds
    figures = lanes.figures()
    waiting = GaugeMetricFamily(
        "zonegit_requests_waiting", "Requests that wait for their turn.", labels=("queue",)
    )
    for queue, number in figures["waiting"].items():
        waiting.add_metric([queue], number)
    yield waiting
    busy = CounterMetricFamily(
        "zonegit_requests_busy", "Requests refused because too many waited.", labels=("queue",)
    )
    for queue, number in figures["busy"].items():
        busy.add_metric([queue], number)
    yield busy


def collect_folder(folder: Path) -> Iterator[Metric]:
    """Yield the size of the files of a store, and the free space on their file system."""
    size = GaugeMetricFamily("zonegit_store_octets", "Size of the files of the store.")
    size.add_metric([], sum(map(_read_size, folder.iterdir())))
    yield size
    found = os.statvfs(folder)
    free = GaugeMetricFamily(
        "zonegit_store_free_octets", "Free space on the file system of the store."
    )
    free.add_metric([], found.f_bavail * found.f_frsize)
    yield free


def _read_size(file: Path) -> int:
    """Return the size of a regular file, else 0; SQLite may delete a journal meanwhile."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


class StoreCollector(Collector):
    """Collects the metrics of a store service.

    Args:
        service: The name of the service.
        folder: The folder of its store.
        bus: Its connection; None if it was never opened.
        lanes: The requests that it answers.
    """

    def __init__(self, service: str, folder: Path, bus: Bus | None, lanes: Lanes) -> None:
        self._service = service
        self._folder = folder
        self._bus = bus
        self._lanes = lanes

    def collect(self) -> Iterator[Metric]:
        yield from collect_process(self._service)
        yield from collect_bus(self._bus)
        yield from collect_requests(self._lanes)
        yield from collect_folder(self._folder)


def write_page(collector: Collector) -> HttpReply:
    """Return the page with the metrics of a collector."""
    registry = CollectorRegistry()
    registry.register(collector)
    return HttpReply(200, generate_latest(registry), CONTENT_TYPE_LATEST)
