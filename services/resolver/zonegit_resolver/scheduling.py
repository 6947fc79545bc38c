"""Run long work in short slices, between which queries are answered.

The work of loading zones yields to the event loop ten times a millisecond, regardless of how many
zones are loaded.
"""

import asyncio
import gc
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final, TypeVar

from zonegit.nameserver.zone.snapshot import ZoneSnapshot

T = TypeVar("T")

MAX_SLICE_S: Final = 0.000_1
"""The time for which all sliced work together holds the event loop. While zones are loaded, a query
waits for about as long."""

SWITCH_INTERVAL_S: Final = 0.000_02
"""The time for which another thread may run while the event loop waits for the interpreter; the
default of Python is 5 ms. A query releases the interpreter in each system call, and waits for up to
this time after it."""

MAX_UNSLICED_RRSETS: Final = 1_000
"""The number of RRsets up to which a change is compiled, collected and freed in one piece."""


class Scheduler:
    """Divides the time of the event loop among all sliced work: one slice for each of its
    cycles."""

    def __init__(self) -> None:
        self._until = 0.0
        self._is_open = True
        self._priority_count = 0
        self._no_priority = asyncio.Event()
        self._no_priority.set()

    async def checkpoint(self) -> None:
        """Yield to the event loop if the slice is used up; call this often."""
        while perf_counter() >= self._until:
            await asyncio.sleep(0)
            if self._is_open:
                self._is_open = False
                self._until = perf_counter() + MAX_SLICE_S
                asyncio.get_running_loop().call_soon(self._reopen)

    def _reopen(self) -> None:
        self._is_open = True

    @contextmanager
    def priority(self) -> Iterator[None]:
        """Suspend background work until the context is left, for work that a client waits for."""
        self._priority_count += 1
        self._no_priority.clear()
        try:
            yield
        finally:
            self._priority_count -= 1
            if not self._priority_count:
                self._no_priority.set()

    async def checkpoint_background(self) -> None:
        """Yield to the event loop as :meth:`checkpoint` does, and wait while priority work runs."""
        await self._no_priority.wait()
        await self.checkpoint()


async def run_in_slices(steps: Generator[object, None, T], scheduler: Scheduler) -> T:
    """Run a generator that yields often, in slices, and return its result."""
    try:
        while True:
            next(steps)
            await scheduler.checkpoint()
    except StopIteration as done:
        value: T = done.value
        return value


def tune_gc() -> None:
    """Keep collections of the cyclic garbage collector short: 2,000 objects, then 10,000."""
    gc.set_threshold(2_000, 5, 10)


def tune_switch_interval() -> None:
    """Shorten the time for which the thread that writes to disk keeps the interpreter."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def freeze_gc() -> None:
    """Exclude all existing objects from garbage collection permanently (``gc.freeze``).

    A zone is hundreds of thousands of objects without a cycle, which reference counting frees. A
    full collection would walk all of them and delay queries. Call this only while a large zone is
    loaded: a cycle that exists at the time of the call is never freed.
    """
    gc.freeze()


async def free_snapshots(snapshots: list[ZoneSnapshot], scheduler: Scheduler) -> None:
    """Free snapshots in slices.

    Dropping the last reference to a root frees its whole tree in one step. So references to all
    nodes are collected first, and then dropped a few at a time, parents first.

    Args:
        snapshots: The snapshots; the list is cleared, and must hold the last references to them.
        scheduler: The scheduler of the slices.
    """
    held: list[object] = []
    for node in _list_nodes(snapshots):
        held.append(node)
        await scheduler.checkpoint()
    snapshots.clear()
    held.reverse()
    while held:
        del held[-64:]
        await scheduler.checkpoint()


def _list_nodes(snapshots: list[ZoneSnapshot]) -> Iterator[object]:
    """Yield all nodes, and the objects of signed zones that are as numerous."""
    for snapshot in snapshots:
        yield from snapshot.denial.hashed.values()
        yield from snapshot.denial.owners.iter_leaves()
        for chain in snapshot.denial.chains.values():
            yield from chain.iter_leaves()
    pending = [snapshot.root for snapshot in snapshots]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(node.children.values())
