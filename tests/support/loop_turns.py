"""Count the turns that other tasks get while work in slices runs; nothing is timed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TurnCounter:
    """A counter of the cycles of the event loop."""

    def __init__(self) -> None:
        self.count = 0

    async def take(self) -> None:
        """Count each cycle until cancelled."""
        while True:
            self.count += 1
            await asyncio.sleep(0)


@asynccontextmanager
async def count_turns() -> AsyncIterator[TurnCounter]:
    """Count from entry to exit."""
    turns = TurnCounter()
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(turns.take())
        yield turns
        taking.cancel()
