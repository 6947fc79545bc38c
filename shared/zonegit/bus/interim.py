"""Tell the sender of a request that its answer takes longer than the request allows.

A handler whose work takes long, and advances, calls :func:`report` again and again. Each second the
sender gets an interim reply, if it accepts these, and both sides wait once more for the time that
the request allows. A handler that does not advance reports nothing, and ends at its deadline
(docs/adr/0048-interim-replies.md).
"""

import asyncio
import time
from contextvars import ContextVar
from typing import Final

from zonegit.bus import headers
from zonegit.bus.connection import Bus

MAX_INTERVAL_S: Final = 1.0
"""Seconds between two interim replies; a quarter of the time that the request allows, if that is
less."""
MIN_INTERVAL_S: Final = 0.1


class Extension:
    """The deadline of a running request, which may be extended.

    Args:
        bus: the connection.
        reply: the reply subject of the request.
        limit: cancels the handler at the deadline.
        allowed_s: the seconds that the sender waits again after an interim reply.
    """

    __slots__ = ("_allowed_s", "_bus", "_end", "_interval_s", "_limit", "_next", "_reply")

    def __init__(self, bus: Bus, reply: str, limit: asyncio.Timeout, allowed_s: float) -> None:
        self._bus = bus
        self._reply = reply
        self._limit = limit
        self._allowed_s = allowed_s
        began = asyncio.get_running_loop().time()
        self._interval_s = max(MIN_INTERVAL_S, min(MAX_INTERVAL_S, allowed_s / 4))
        self._next = began + self._interval_s
        self._end = began + headers.MAX_TOTAL_S

    async def extend(self) -> None:
        """Send an interim reply and extend the deadline, if it is time for one.

        Raises:
            Unavailable: there is no bus.
        """
        now = asyncio.get_running_loop().time()
        if not self._next <= now < self._end:
            return
        self._next = now + self._interval_s
        await self._bus.send(self._reply, b"", {headers.INTERIM: "1"})
        self._limit.reschedule(now + self._allowed_s)
        behalf = headers.BEHALF.get()
        if behalf is not None:
            behalf.deadline = time.time() + self._allowed_s


EXTENSION: Final[ContextVar[Extension | None]] = ContextVar("extension", default=None)
"""The deadline of the request that the current task answers; None if there is no request, or if its
sender does not accept interim replies."""


async def report() -> None:
    """Report that the work for the current request advances.

    Raises:
        Unavailable: there is no bus.
    """
    extension = EXTENSION.get()
    if extension is not None:
        await extension.extend()
