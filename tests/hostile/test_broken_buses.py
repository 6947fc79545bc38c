"""A bus that ends a connection with an error while the client still sends."""

import asyncio
from contextlib import suppress

import pytest
from tests.support.waiting import PATIENCE_S, eventually

from zonegit.bus import connect
from zonegit.config import BusSettings
from zonegit.errors import Unavailable

INFO = b'INFO {"server_id": "x", "version": "2.10.0", "max_payload": 67108864, "headers": true}\r\n'
ERROR = b"-ERR 'Maximum Connections Exceeded'\r\n"
MORE_THAN_BUFFERS = 32 << 20


@pytest.mark.parametrize("cuts", [True, False], ids=["it cuts the connection", "it stays silent"])
async def test_a_connection_ended_with_an_error_is_reported_even_if_the_bus_no_longer_reads(
    *, cuts: bool
) -> None:
    """The close of the library failed or never ended, and nothing was reported."""
    may_end = asyncio.Event()
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        while b"PING" not in await reader.readline():
            pass
        writer.write(b"PONG\r\n")
        await may_end.wait()
        writer.write(ERROR)
        await writer.drain()
        if not cuts:
            await is_over.wait()
        writer.transport.abort()

    async def send() -> None:
        with suppress(Unavailable):
            await bus.send("zg.heartbeat", bytes(MORE_THAN_BUFFERS))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connect(BusSettings(f"nats://127.0.0.1:{port}"), name="refs") as bus:
        sending = []
        for count in (1, 2):  # The first message fills the socket, and the second one has to wait.
            sending.append(asyncio.create_task(send()))
            await eventually(lambda count=count: bus.client.stats["out_msgs"] == count)
        assert bus.client.pending_data_size > MORE_THAN_BUFFERS
        may_end.set()
        async with asyncio.timeout(PATIENCE_S):
            await bus.closed.wait()
        is_over.set()
        await asyncio.gather(*sending)
