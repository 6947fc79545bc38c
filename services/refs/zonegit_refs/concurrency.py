"""A bound on how many tasks of one kind run, and how many wait."""

import asyncio
from types import TracebackType

from zonegit.errors import Unavailable


class ConcurrencyLimit:
    """A context that ``running`` tasks may be in at a time, while ``waiting`` others wait for it.

    Entering raises Unavailable where so many wait already: nothing piles up.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(running)
        self._left = running + waiting

    async def __aenter__(self) -> None:
        if self._left == 0:
            raise Unavailable(
                "too many moves are being judged at this moment", hint="try again in a second"
            )
        self._left -= 1
        try:
            await self._free.acquire()
        except BaseException:
            self._left += 1
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._left += 1
        self._free.release()
