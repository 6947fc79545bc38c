"""Work in slices, so that no query waits for it: the event loop is given back ten times a
millisecond, however many zones are being loaded.
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
"""How long the event loop is held at a time, by everybody together: what a query waits for, while
zones are loaded, is about that."""

SWITCH_INTERVAL_S: Final = 0.000_02
"""How long another thread may run while the event loop wants to; Python's own is 5 ms. A query
gives the interpreter up with each call of the kernel, and waits this long each time."""

MAX_UNSLICED_RRSETS: Final = 1_000
"""How many RRsets are too many for one piece: to compile, to collect, to let go."""


class Scheduler:
    """Shared by all that work in slices: in each turn of the event loop one of them has a slice,
    the others wait for theirs."""

    def __init__(self) -> None:
        self._until = 0.0
        self._is_open = True
        self._priority_count = 0
        self._no_priority = asyncio.Event()
        self._no_priority.set()

    async def checkpoint(self) -> None:
        """To be called often; returns at once while there is time left in the slice."""
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
        """Until the end of this, whoever gives way waits: for what somebody is waiting for."""
        self._priority_count += 1
        self._no_priority.clear()
        try:
            yield
        finally:
            self._priority_count -= 1
            if not self._priority_count:
                self._no_priority.set()

    async def checkpoint_background(self) -> None:
        """As :meth:`breathe`, for what nobody waits for."""
        await self._no_priority.wait()
        await self.checkpoint()


async def run_in_slices(slow: Generator[object, None, T], scheduler: Scheduler) -> T:
    """What a generator returns that yields now and then, for others to have their turn."""
    try:
        while True:
            next(slow)
            await scheduler.checkpoint()
    except StopIteration as done:
        value: T = done.value
        return value


def tune_gc() -> None:
    """Keeps what the cyclic garbage collector does at a time short: 2,000 objects, then 10,000."""
    gc.set_threshold(2_000, 5, 10)


def tune_switch_interval() -> None:
    """Lets queries have the interpreter back quickly from the thread that writes to disk."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def freeze_gc() -> None:
    """Takes what is there out of the collector's sight for good; costs nothing.

    A zone is hundreds of thousands of objects without a cycle, which reference counting frees. A
    full collection would walk all of them, and stop queries for as long. To be called now and
    then while a big zone is loaded, and not at other times: what is a cycle then is never freed.
    """
    gc.freeze()


async def free_snapshots(snapshots: list[ZoneSnapshot], scheduler: Scheduler) -> None:
    """Frees snapshots in slices; the caller's list is emptied, and must be the last to hold them.

    Dropping a big tree at once would free all of it at once. So all nodes are held here first,
    and let go a few at a time, parents first: each then takes nothing else with it.
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
    """All nodes, and what of a signed zone is as many as these."""
    for snapshot in snapshots:
        yield from snapshot.denial.hashed.values()
        yield from snapshot.denial.owners.leaves()
        for chain in snapshot.denial.chains.values():
            yield from chain.leaves()
    pending = [snapshot.root for snapshot in snapshots]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(node.children.values())
