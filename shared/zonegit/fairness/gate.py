"""Admit tasks to a worker in the order of a fair queue."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final

from zonegit.errors import Busy
from zonegit.fairness import meter as metering
from zonegit.fairness.fair_queue import FairQueue, QueueEntry, Share

MIN_RETRY_MS: Final = 20
MAX_RETRY_MS: Final = 2_000
"""Bounds of the time after which a refused sender is asked to retry."""

Turn = QueueEntry[asyncio.Future[None] | None]
"""The place of a task in the queue, then its right to use the worker. The item is the future that
the task waits for; None if it need not wait."""


class Gate:
    """The queue of a worker.

    Args:
        what: What is refused if the queue is full, for the error ("requests of {flow}").
        shares: The classes, by name.
        depth: The number of tasks that use the worker at a time.
    """

    def __init__(self, what: str, shares: Mapping[str, Share], depth: int) -> None:
        self._what = what
        self._queue: FairQueue[asyncio.Future[None] | None] = FairQueue(shares, depth)
        self.refused: Counter[str] = Counter(dict.fromkeys(shares, 0))
        """The number of refused tasks, by class."""

    @property
    def running(self) -> int:
        """Return the number of tasks that use the worker."""
        return self._queue.running

    def resize(self, shares: Mapping[str, Share], depth: int) -> None:
        """Set other limits for the same classes; running tasks continue."""
        self._queue.resize(shares, depth)
        self._start_next()

    def waiting(self) -> dict[str, int]:
        """Return the number of waiting tasks, by class."""
        return dict(self._queue.waiting())

    def flows(self, share: str) -> list[Hashable]:
        """Return the flows of a class that have, or recently had, tasks."""
        return self._queue.flows(share)

    def is_full(self, share: str, flow: Hashable) -> bool:
        """Return whether a task of that flow would be refused at once."""
        return self._queue.is_full(share, flow)

    def blocks_others(self, share: str, flow: Hashable) -> bool:
        """Return whether a task of another flow would start if one of this flow ended."""
        return self._queue.blocks_others(share, flow)

    def start(
        self, share: str, flow: Hashable, size: int = 1, *, is_urgent: bool = False
    ) -> Turn | None:
        """Return a turn if nothing waits and there is room; else None."""
        turn: Turn = QueueEntry(share, flow, None, size, is_urgent)
        return turn if self._queue.start(turn) else None

    async def enter(
        self, share: str, flow: Hashable, size: int = 1, *, is_urgent: bool = False
    ) -> Turn:
        """Wait for a turn; :meth:`leave` ends it. A task that is cancelled leaves the queue.

        Raises:
            Busy: Too many tasks of the flow, or in total, wait already.
        """
        started = self.start(share, flow, size, is_urgent=is_urgent)
        if started is not None:
            return started
        waiter = asyncio.get_running_loop().create_future()
        turn: Turn = QueueEntry(share, flow, waiter, size, is_urgent)
        refused = self._queue.push(turn)
        if refused is turn:
            raise self.refuse(share, flow)
        if refused is not None and refused.item is not None and not refused.item.done():
            refused.item.set_exception(self.refuse(refused.share, refused.flow))
        self._start_next()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._queue.remove(turn)
            elif waiter.exception() is None:  # the turn came at the same time as the cancellation
                self.leave(turn, 0.0)
            raise
        return turn

    @asynccontextmanager
    async def turn(self, share: str, flow: Hashable) -> AsyncIterator["HeldTurn"]:
        """Wait for a turn, which lasts until the context is left.

        The charge is the time that the meter of the running work counts; without a meter, the time
        that passes.

        Raises:
            Busy: Too many tasks of the flow, or in total, wait already.
        """
        held = HeldTurn(self, share, flow)
        await held.enter()
        try:
            yield held
        finally:
            held.leave()

    def leave(self, turn: Turn, cost_s: float) -> None:
        """End a turn that used the worker for ``cost_s`` seconds."""
        self._queue.finish(turn, cost_s)
        self._start_next()

    def charge(self, turn: Turn, cost_s: float) -> None:
        """Charge the flow of an ended turn for more time of the worker."""
        self._queue.charge(turn, cost_s)

    def refuse(self, share: str, flow: Hashable) -> Busy:
        """Count a refusal and return it as an error, with the time to wait."""
        self.refused[share] += 1
        after_ms = int(self._queue.delay_s(share, flow) * 1_000)
        after_ms = min(max(after_ms, MIN_RETRY_MS), MAX_RETRY_MS)
        return Busy(
            f"too many {self._what.format(flow=flow)} wait already",
            hint="try again later, with fewer requests at a time",
            retry_after_ms=str(after_ms),
        )

    def _start_next(self) -> None:
        while (turn := self._queue.pop()) is not None:
            if turn.item is None or turn.item.done():  # cancelled while it waited
                self._queue.finish(turn, 0.0)
            else:
                turn.item.set_result(None)


class HeldTurn:
    """The turn of a task, and the time that it has used since it entered.

    Args:
        gate: the queue of the worker.
        share: the class of the task.
        flow: its flow.
    """

    def __init__(self, gate: Gate, share: str, flow: Hashable) -> None:
        self._gate = gate
        self._share = share
        self._flow = flow
        self._turn: Turn | None = None
        meter = metering.current()
        self._read = meter.read if meter is not None else perf_counter
        self._began = 0.0

    async def enter(self, *, is_urgent: bool = False) -> None:
        """Wait for the turn.

        Raises:
            Busy: Too many tasks of the flow, or in total, wait already.
        """
        self._turn = await self._gate.enter(self._share, self._flow, is_urgent=is_urgent)
        self._began = self._read()

    def leave(self) -> None:
        """End the turn, if there is one."""
        turn, self._turn = self._turn, None
        if turn is not None:
            self._gate.leave(turn, self._read() - self._began)

    async def yield_turn(self) -> None:
        """If that lets a task of another flow start, end the turn and wait for the next one.

        The task precedes those of its flow that have not begun, so a flow has no more begun tasks
        than it may run at a time.
        """
        if self._gate.blocks_others(self._share, self._flow):
            self.leave()
            await self.enter(is_urgent=True)
