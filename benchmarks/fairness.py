"""Measure the cost of a service's fair queue for a request that does not wait."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from benchmarks.figures import Figure
from zonegit.bus.lanes import Lanes
from zonegit.fairness import meter as metering
from zonegit.fairness.meter import Meter

RUNS: Final = 11
REQUESTS: Final = 5_000
SUBJECT: Final = "zg.ada.objects.get"
DEPTHS: Final = {"read": 2}


def figures() -> list[Figure]:
    """Measure the processor time of a request with the queue, less the time without it."""
    taken = asyncio.run(_measured())
    return [
        Figure(
            "fair queue: time a request costs more, idle",
            "at most 20 us",
            f"{statistics.median(taken):.1f} us ({min(taken):.1f} to {max(taken):.1f})",
            f"{RUNS} runs of {REQUESTS:,} requests that one actor makes one after the other",
        )
    ]


async def _measured() -> list[float]:
    lanes = Lanes(DEPTHS, {"get": "read"})
    await _timed(partial(_queued, lanes))  # warm
    taken = []
    for _ in range(RUNS):
        plain, queued = await _timed(_answer), await _timed(partial(_queued, lanes))
        taken.append((queued - plain) * 1e6)
    return taken


async def _timed(request: Callable[[], Awaitable[None]]) -> float:
    """Return the processor seconds per request; each runs as a task, as in the service."""
    began = time.process_time()
    for _ in range(REQUESTS):
        await asyncio.ensure_future(request())
    return (time.process_time() - began) / REQUESTS


async def _answer() -> None:
    """Simulate a request: wait twice, as a request does for a thread and for the bus."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _queued(lanes: Lanes) -> None:
    place = lanes.place(SUBJECT, {}, 100)
    if place.is_full():
        return
    turn = place.start() or await place.enter()
    meter = Meter(partial(place.gate.charge, turn))
    try:
        await metering.run(_answer(), meter)
    finally:
        place.gate.leave(turn, meter.close())
