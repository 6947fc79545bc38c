"""Measure how an import into one zone delays the answers of another zone on the same stack.

A query is due every two milliseconds. If an answer is late, the queries that were due meanwhile
count as late too, each from the time at which it was due.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.support.peers import Address

from benchmarks import queries, zones
from benchmarks.figures import Figure, percentile
from benchmarks.stack import (
    LOAD_CORE,
    ZONEGIT,
    Stack,
    make_environment,
    make_folder,
    pin_to_core,
    run_stack,
)

QUIET: Final = "quiet.test."
BUSY: Final = "busy.test."
NAMES: Final = 100_000
INTERVAL_S: Final = 0.002
TIMEOUT_S: Final = 1.0
IDLE_S: Final = 10.0
TAIL_S: Final = 3.0
"""Time to measure after the import has returned; the resolver still compiles the zone."""


def measure() -> list[Figure]:
    """Measure the p99 latency of one zone, idle and during the import of another zone."""
    with make_folder() as folder, run_stack(folder / "data", core=None) as stack:
        for zone, size in ((QUIET, 10), (BUSY, NAMES)):
            (folder / f"{zone}zone").write_text(zones.format_flat_zone(zone, size))
        stack.serve(QUIET, folder / f"{QUIET}zone")
        stack.run("init", BUSY)
        with _run_with_real_time_priority():
            idle = _query_until(stack.address, _start_timer(IDLE_S))
        during = _query_during_import(stack, folder / f"{BUSY}zone")
        timeouts = sum(ms >= TIMEOUT_S * 1_000 for ms in during)
        idle_p99, p99 = percentile(idle, 99), percentile(during, 99)
        return [
            Figure(
                f"p99 of one zone while {NAMES:,} names are imported into another",
                "under 3 x idle, no timeouts",
                f"{p99 / idle_p99:.1f} x: {p99:.2f} ms, idle {idle_p99:.2f} ms;"
                f" {timeouts} timeouts",
                f"{len(during):,} queries, one every {INTERVAL_S * 1_000:g} ms;"
                f" maximum {max(during):.1f} ms",
            )
        ]


def _query_during_import(stack: Stack, zonefile: Path) -> list[float]:
    process = subprocess.Popen(
        [ZONEGIT, "import", str(zonefile), "--zone", BUSY, "--timeout", "120"],
        env=make_environment(stack.data),
        stdout=subprocess.DEVNULL,
    )
    with _run_with_real_time_priority():
        during = _query_until(stack.address, lambda: process.poll() is not None)
        during += _query_until(stack.address, _start_timer(TAIL_S))
    if process.returncode:
        raise RuntimeError(f"the import ended with {process.returncode}")
    return during


@contextmanager
def _run_with_real_time_priority() -> Iterator[None]:
    """Run this process with real-time priority.

    A wait for a processor would count as latency of the server. The priority needs root; without
    it the figures are too high.
    """
    with pin_to_core(LOAD_CORE):
        with suppress(PermissionError, AttributeError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        try:
            yield
        finally:
            with suppress(PermissionError, AttributeError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _start_timer(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def _query_until(address: Address, is_done: Callable[[], bool]) -> list[float]:
    """Return the milliseconds until each answer; a missing answer counts as ``TIMEOUT_S``."""
    query = queries.build_query(f"h1.{QUIET}", zones.A)
    latencies: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.settimeout(TIMEOUT_S)
        due = time.perf_counter()
        while not is_done():
            time.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            answered = sent + _time_query(sock, query)
            latencies.append((answered - sent) * 1_000)
            due += INTERVAL_S
            while due < answered:
                latencies.append((answered - due) * 1_000)
                due += INTERVAL_S
    return latencies


def _time_query(sock: socket.socket, query: bytes) -> float:
    started = time.perf_counter()
    sock.send(query)
    try:
        sock.recv(4_096)
    except TimeoutError:
        return TIMEOUT_S
    return time.perf_counter() - started
