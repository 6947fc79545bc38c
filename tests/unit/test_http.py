"""The operators' pages over a real socket."""

import asyncio

import pytest

from tests.support.waiting import DEADLINE_S
from zonegit import http
from zonegit.errors import Unavailable
from zonegit.http import HttpReply


async def page() -> HttpReply:
    return HttpReply(200, b"fine\n")


async def test_a_page_is_served_on_a_free_port() -> None:
    async with http.serve("127.0.0.1", 0, {"/livez": page}) as port:
        reply = await http.get("127.0.0.1", port, "/livez", timeout=DEADLINE_S)
    assert (reply.status, reply.body) == (200, b"fine\n")


async def test_an_unknown_page_names_the_existing_ones() -> None:
    async with http.serve("127.0.0.1", 0, {"/livez": page}) as port:
        reply = await http.get("127.0.0.1", port, "/nope", timeout=DEADLINE_S)
    assert (reply.status, reply.body) == (404, b"not found; pages: /livez\n")


@pytest.mark.parametrize(
    ("octets", "begins"),
    [
        (b"POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 405"),
        (b"HEAD /livez HTTP/1.1\r\nhost: x\r\n\r\n", b"HTTP/1.1 200"),
        (b"\x00\x01\x02\r\n\r\n", b""),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b""),
    ],
)
async def test_invalid_requests_affect_no_other_client(octets: bytes, begins: bytes) -> None:
    async with http.serve("127.0.0.1", 0, {"/livez": page}) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(octets)
        try:
            received = await reader.read()
        except ConnectionResetError:
            received = b""
        writer.close()
        assert received.startswith(begins)
        assert bool(received) == bool(begins)
        assert (await http.get("127.0.0.1", port, "/livez", timeout=DEADLINE_S)).status == 200


async def test_a_missing_server_is_unavailable() -> None:
    async with http.serve("127.0.0.1", 0, {}) as port:
        pass
    with pytest.raises(Unavailable, match=str(port)):
        await http.get("127.0.0.1", port, "/", timeout=DEADLINE_S)
