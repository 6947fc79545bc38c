"""Count the turns that other tasks get while sliced work runs; nothing is timed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """How often somebody else had one so far."""

    def __init__(self) -> None:
        self.count = 0

    async def take(self) -> None:
        """Whenever the event loop comes by, until cancelled."""
        while True:
            self.count += 1
            await asyncio.sleep(0)


@asynccontextmanager
async def counted() -> AsyncIterator[Turns]:
    """Counts from entry to exit."""
    turns = Turns()
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(turns.take())
        yield turns
        taking.cancel()
