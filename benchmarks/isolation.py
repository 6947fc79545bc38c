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

from benchmarks import questions, stack, zones
from benchmarks.figures import Figure, percentile
from benchmarks.stack import ZONEGIT, Stack

QUIET: Final = "quiet.test."
BUSY: Final = "busy.test."
NAMES: Final = 100_000
EVERY_S: Final = 0.002
PATIENCE_S: Final = 1.0
IDLE_S: Final = 10.0
AFTER_S: Final = 3.0
"""Time to measure after the import has returned; the resolver still compiles the zone."""


def figures() -> list[Figure]:
    """Measure the p99 latency of one zone, idle and during the import of another zone."""
    with stack.folder() as folder, stack.running(folder / "data", core=None) as running:
        for zone, size in ((QUIET, 10), (BUSY, NAMES)):
            (folder / f"{zone}zone").write_text(zones.flat_zone(zone, size))
        running.serve(QUIET, folder / f"{QUIET}zone")
        running.zonegit("init", BUSY)
        with _punctual():
            idle = _ask_until(running.address, _after(IDLE_S))
        during = _during_import(running, folder / f"{BUSY}zone")
        again = [ms for ms in during if ms >= PATIENCE_S * 1_000]
        quiet, loud = percentile(idle, 99), percentile(during, 99)
        return [
            Figure(
                f"p99 of one zone while {NAMES:,} names are imported into another",
                "under 3 x idle, no timeouts",
                f"{loud / quiet:.1f} x: {loud:.2f} ms, idle {quiet:.2f} ms; {len(again)} timeouts",
                f"{len(during):,} questions, one every {EVERY_S * 1_000:g} ms;"
                f" the worst took {max(during):.1f} ms",
            )
        ]


def _during_import(running: Stack, zonefile: Path) -> list[float]:
    importing = subprocess.Popen(
        [ZONEGIT, "import", str(zonefile), "--zone", BUSY, "--timeout", "120"],
        env=stack.environment(running.data),
        stdout=subprocess.DEVNULL,
    )
    with _punctual():
        during = _ask_until(running.address, lambda: importing.poll() is not None)
        during += _ask_until(running.address, _after(AFTER_S))
    if importing.returncode:
        raise RuntimeError(f"the import ended with {importing.returncode}")
    return during


@contextmanager
def _punctual() -> Iterator[None]:
    """Run this process with real-time priority.

    A wait for a processor would count as latency of the server. The priority needs root; without
    it the figures are too high.
    """
    with stack.pinned(stack.LOAD_CORE):
        with suppress(PermissionError, AttributeError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        try:
            yield
        finally:
            with suppress(PermissionError, AttributeError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def _ask_until(address: Address, done: Callable[[], bool]) -> list[float]:
    """Return the milliseconds until each answer; a missing answer counts as ``PATIENCE_S``."""
    query = questions.question(f"h1.{QUIET}", zones.A)
    taken: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.settimeout(PATIENCE_S)
        due = time.perf_counter()
        while not done():
            time.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            answered = sent + _ask(sock, query)
            taken.append((answered - sent) * 1_000)
            due += EVERY_S
            while due < answered:
                taken.append((answered - due) * 1_000)
                due += EVERY_S
    return taken


def _ask(sock: socket.socket, query: bytes) -> float:
    started = time.perf_counter()
    sock.send(query)
    try:
        sock.recv(4_096)
    except TimeoutError:
        return PATIENCE_S
    return time.perf_counter() - started
