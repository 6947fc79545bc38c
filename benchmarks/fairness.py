"""Measure the cost of a service's fair queue for a request that does not wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from benchmarks.figures import Figure, format_spread
from zonegit.bus.lanes import Lanes
from zonegit.fairness import meter as metering
from zonegit.fairness.meter import Meter

RUNS: Final = 11
REQUESTS: Final = 5_000
SUBJECT: Final = "zg.ada.objects.get"
DEPTHS: Final = {"read": 2}


def measure() -> list[Figure]:
    """Measure the processor time of a request with the queue, less the time without it."""
    microseconds = asyncio.run(_measure_overhead())
    return [
        Figure(
            "fair queue: overhead per request, idle",
            "at most 20 us",
            format_spread(microseconds, "us"),
            f"{RUNS} runs of {REQUESTS:,} requests by one actor, one after the other",
        )
    ]


async def _measure_overhead() -> list[float]:
    """Return the overhead of each run, in microseconds."""
    lanes = Lanes(DEPTHS, {"get": "read"})
    await _time_requests(partial(_run_queued, lanes))  # warm
    microseconds = []
    for _ in range(RUNS):
        plain = await _time_requests(_run_request)
        queued = await _time_requests(partial(_run_queued, lanes))
        microseconds.append((queued - plain) * 1e6)
    return microseconds


async def _time_requests(request: Callable[[], Awaitable[None]]) -> float:
    """Return the processor seconds per request; each runs as a task, as in the service."""
    started = time.process_time()
    for _ in range(REQUESTS):
        await asyncio.ensure_future(request())
    return (time.process_time() - started) / REQUESTS


async def _run_request() -> None:
    """Simulate a request: wait twice, as a request does for a thread and for the bus."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _run_queued(lanes: Lanes) -> None:
    place = lanes.place(SUBJECT, {}, 100)
    if place.is_full():
        return
    turn = place.start() or await place.enter()
    meter = Meter(partial(place.gate.charge, turn))
    try:
        await metering.run(_run_request(), meter)
    finally:
        place.gate.leave(turn, meter.close())
