"""TCP over real sockets: framing, pipelining, and limits."""

import asyncio
import resource
import socket

import dns.message
import pytest
from tests.dns.local_server import LocalServer
from tests.dns.loopback import serve_on_loopback
from tests.support.framing import frame, receive
from tests.support.loop_turns import count_turns
from tests.support.waiting import DEADLINE_S, eventually

from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit_resolver.listen.sockets import raise_fd_limit
from zonegit_resolver.listen.tcp import MESSAGES_BATCH, ConnectionLimits

QUERY = dns.message.make_query("www.foo.com.", "A").to_wire()
LARGE_ZONE = "\n".join(f'big 300 TXT "{n:04} {"x" * 200}"' for n in range(250))


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": f"www 300 A 192.0.2.2\n{LARGE_ZONE}"})


async def test_a_query_is_answered(server: LocalServer) -> None:
    async with serve_on_loopback(server) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(QUERY))
        assert await receive(reader) == server.exchange(QUERY)
        writer.close()


async def test_queries_on_one_connection_are_all_answered(server: LocalServer) -> None:
    """RFC 7766 sections 6.2.1 and 6.2.1.1: reuse and pipelining, for any segmentation."""
    octets = b"".join(frame(bytes((0, n)) + QUERY[2:]) for n in range(100))
    async with serve_on_loopback(server) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        for at in range(0, len(octets), 777):
            writer.write(octets[at : at + 777])
            await writer.drain()
        assert [(await receive(reader))[1] for _ in range(100)] == list(range(100))
        writer.close()


async def test_a_reply_may_be_larger_than_any_datagram(server: LocalServer) -> None:
    query = dns.message.make_query("big.foo.com.", "TXT")
    async with serve_on_loopback(server) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(query.to_wire()))
        reply = dns.message.from_wire(await receive(reader))
        writer.close()
    assert len(reply.answer[0]) == 250


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0\x20abc"])
async def test_a_client_that_sends_too_little_is_disconnected(
    server: LocalServer, octets: bytes
) -> None:
    """RFC 7766 section 6.2.3."""
    async with serve_on_loopback(server, ConnectionLimits(idle_s=0.05)) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(octets)
        async with asyncio.timeout(DEADLINE_S):
            assert await reader.read() == b""
        writer.close()


async def test_a_client_that_does_not_read_is_disconnected(server: LocalServer) -> None:
    """It may request much, but its replies must not accumulate."""
    query = frame(dns.message.make_query("big.foo.com.", "TXT").to_wire())
    async with serve_on_loopback(server, ConnectionLimits(stall_s=0.05)) as (address, streams):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, tuple(address))
            await loop.sock_sendall(sock, query * 200)
            await eventually(lambda: streams.connections == 1)
            await eventually(lambda: streams.connections == 0)


async def test_one_subnet_cannot_use_all_connections(server: LocalServer) -> None:
    server.zones.options = ServerOptions(max_tcp_per_subnet=2)
    async with serve_on_loopback(server, host="0.0.0.0") as (address, streams):
        held = [await asyncio.open_connection("127.0.0.1", address.port) for _ in range(2)]
        await eventually(lambda: streams.connections == 2)
        neighbour = ("127.0.0.9", 0)
        reader, _ = await asyncio.open_connection("127.0.0.1", address.port, local_addr=neighbour)
        async with asyncio.timeout(DEADLINE_S):
            assert await reader.read() == b""
        stranger = ("127.0.1.1", 0)
        elsewhere = await asyncio.open_connection("127.0.0.1", address.port, local_addr=stranger)
        elsewhere[1].write(frame(QUERY))
        assert await receive(elsewhere[0])
        held[0][1].close()
        await eventually(lambda: streams.connections == 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.write(frame(QUERY))
        assert await receive(reader)
        for _, each in (*held, elsewhere, (reader, writer)):
            each.close()


async def test_replies_and_garbage_get_no_reply_and_the_next_query_does(
    server: LocalServer,
) -> None:
    reply = server.exchange(QUERY)
    assert reply is not None
    async with serve_on_loopback(server) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(reply) + frame(b"garbage") + frame(QUERY))
        assert await receive(reader) == reply
        writer.close()


async def test_messages_without_a_reply_do_not_block_other_clients(server: LocalServer) -> None:
    """They cost the sender three octets each, and must not block other clients."""
    async with serve_on_loopback(server) as (address, _), count_turns() as turns:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(b"x") * 5_000 + frame(QUERY))
        assert await receive(reader) == server.exchange(QUERY)
        writer.close()
    assert turns.count > 5_000 / MESSAGES_BATCH


def test_the_limit_of_open_files_is_raised() -> None:
    """The soft limit of open files becomes the hard limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] // 2, before[1]))
    try:
        raise_fd_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
