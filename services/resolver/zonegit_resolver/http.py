"""``/metrics``, ``/livez``, ``/readyz``: a few requests a minute from a few clients, bounded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

import h11
import structlog

from zonegit.errors import Unavailable
from zonegit_resolver.listeners import Address

MOST_CONNECTIONS: Final = 32
REQUEST_S: Final = 10.0
_MOST_OCTETS: Final = 16 * 1024
_READ: Final = 4_096

log = structlog.get_logger()


class Page(NamedTuple):
    """What a path answers with."""

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"


Pages = Mapping[str, Callable[[], Awaitable[Page]]]


@asynccontextmanager
async def serving(address: Address, pages: Pages) -> AsyncIterator[Address]:
    """Answers GET requests for ``pages`` from entry to exit; gives the actual address.

    Raises:
        Unavailable: the address cannot be bound.
    """
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(conversations) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        conversations.add(task)
        try:
            async with asyncio.timeout(REQUEST_S):
                await _exchange(reader, writer, pages)
        except (TimeoutError, OSError, h11.RemoteProtocolError):
            pass
        except Exception as error:
            log.error("request.failed", exc_info=error)
        finally:
            conversations.discard(task)
            writer.transport.abort()

    try:
        server = await asyncio.start_server(converse, *address)
    except OSError as error:
        raise Unavailable(f"cannot listen on {address}: {error.strerror}") from error
    try:
        yield Address(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()
        for task in list(conversations):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: Pages
) -> None:
    """One request, one answer, end."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_OCTETS)
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_READ))
    if not isinstance(event, h11.Request):
        return
    page = await _page(event, pages)
    octets = page.text.encode()
    headers = [
        ("Content-Type", page.content_type),
        ("Content-Length", str(len(octets))),
        ("Connection", "close"),
    ]
    parts: list[h11.Event] = [h11.Response(status_code=page.status, headers=headers)]
    if event.method != b"HEAD":
        parts.append(h11.Data(data=octets))
    for part in (*parts, h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def _page(request: h11.Request, pages: Pages) -> Page:
    if request.method not in (b"GET", b"HEAD"):
        return Page(405, "only GET\n")
    path = request.target.decode("latin-1").partition("?")[0]
    page = pages.get(path)
    return await page() if page is not None else Page(404, f"try {' '.join(pages)}\n")
