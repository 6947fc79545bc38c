"""Serve a few read-only HTTP pages for monitoring, and fetch such a page.

h11 parses; this module has the sockets and the bounds on connections, request sizes and times.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import h11
import msgspec

from zonegit import containment
from zonegit.containment import contain
from zonegit.errors import Unavailable, ZonegitError

MAX_CONNECTIONS: Final = 64
MAX_REQUEST_OCTETS: Final = 8_192
REQUEST_S: Final = 10.0
READ_OCTETS: Final = 16_384
MAX_BODY_OCTETS: Final = 64 << 20
TEXT: Final = "text/plain; charset=utf-8"


class HttpReply(msgspec.Struct, frozen=True):
    """A status, a body and its content type."""

    status: int
    body: bytes
    kind: str = TEXT


Page = Callable[[], Awaitable[HttpReply]]


@asynccontextmanager
async def serve(host: str, port: int, pages: Mapping[str, Page]) -> AsyncIterator[int]:
    """Serve pages by path from entry to exit, and yield the port, which the system chooses for port
    0.

    Raises:
        Unavailable: The address cannot be bound.
    """
    visitors: set[asyncio.Task[None]] = set()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(visitors) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        visitors.add(task)
        try:
            async with asyncio.timeout(REQUEST_S):
                await _answer(reader, writer, pages)
        except (TimeoutError, OSError, h11.ProtocolError):
            pass  # client error: ignore
        except Exception as error:
            containment.note("page", error)
        finally:
            visitors.discard(task)
            writer.transport.abort()

    try:
        server = await asyncio.start_server(visit, host, port)
    except OSError as error:
        raise Unavailable(f"cannot serve HTTP on {host}:{port}: {error.strerror}") from error
    bound: int = server.sockets[0].getsockname()[1]
    try:
        yield bound
    finally:
        server.close()
        for task in list(visitors):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: Mapping[str, Page]
) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST_OCTETS)
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_OCTETS))
        elif isinstance(event, h11.Request):
            break
        else:
            return
    path = event.target.decode("ascii", "replace").partition("?")[0]
    if event.method not in (b"GET", b"HEAD"):
        reply = HttpReply(405, b"method not allowed\n")
    elif path not in pages:
        reply = HttpReply(404, f"not found; pages: {' '.join(sorted(pages))}\n".encode())
    else:
        reply = await _page(pages[path])
    headers = [
        ("content-type", reply.kind),
        ("content-length", str(len(reply.body))),
        ("connection", "close"),
    ]
    head = connection.send(h11.Response(status_code=reply.status, headers=headers))
    body = connection.send(h11.Data(data=reply.body)) if event.method == b"GET" else b""
    writer.write((head or b"") + (body or b""))
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def _page(page: Page) -> HttpReply:
    try:
        with contain("page"):
            return await page()
    except ZonegitError as error:
        return HttpReply(500, f"{error.message}\n".encode())


async def get(host: str, port: int, path: str, *, timeout: float) -> HttpReply:
    """Fetch a page.

    Raises:
        Unavailable: No server answers within ``timeout`` seconds, or not in HTTP.
    """
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return await _ask(reader, writer, host, path)
            finally:
                writer.close()
    except (TimeoutError, OSError, h11.ProtocolError) as error:
        raise Unavailable(f"http://{host}:{port}{path} does not answer: {error}") from error


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str
) -> HttpReply:
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target=path, headers=[("host", host)])
    writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    status, body = 0, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_OCTETS))
            continue
        match event:
            case h11.Response():
                status = event.status_code
            case h11.Data():
                body += event.data
                if len(body) > MAX_BODY_OCTETS:
                    raise h11.RemoteProtocolError("the body is too long")
            case h11.EndOfMessage():
                return HttpReply(status, bytes(body))
            case _:
                raise h11.RemoteProtocolError("the connection ended early")
