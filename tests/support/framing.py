"""The client side of DNS over TCP: messages with their length in front (RFC 1035 section 4.2.2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.waiting import DEADLINE_S


def frame(wire: bytes) -> bytes:
    return len(wire).to_bytes(2, "big") + wire


async def receive(reader: asyncio.StreamReader) -> bytes:
    """Return the next message.

    Raises:
        asyncio.IncompleteReadError: the connection ended within it.
        TimeoutError: it did not arrive.
    """
    async with asyncio.timeout(DEADLINE_S):
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


@asynccontextmanager
async def connect(
    address: tuple[str, int],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection, and close it at exit."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):  # the server may have closed it first
            await writer.wait_closed()
