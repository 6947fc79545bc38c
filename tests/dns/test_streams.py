"""TCP by RFC 7766, over real sockets of both families: the rights of clients, and their limits."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import dns.message
import pytest
from tests.dns.local_server import LocalServer
from tests.dns.loopback import serve_on_loopback
from tests.support.framing import connect, frame, receive
from tests.support.waiting import DEADLINE_S, eventually

from zonegit.nameserver.acl import Address
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit_resolver.listen.tcp import ConnectionLimits

QUERY = dns.message.make_query("www.foo.com.", "A").to_wire()
LARGE_QUERY = dns.message.make_query("big.foo.com.", "TXT").to_wire()
LARGE_ZONE = "\n".join(f'big 300 TXT "{n:04} {"x" * 240}"' for n in range(250))
CLIENT_COUNT = 2_000
MIB = 1 << 20


@pytest.fixture
def server() -> LocalServer:
    many = ServerOptions(max_tcp_per_subnet=CLIENT_COUNT + 100)
    return LocalServer({"foo.com.": f"www 300 A 192.0.2.1\n{LARGE_ZONE}"}, conduct=many)


@pytest.fixture(params=["127.0.0.1", "::1"])
def host(request: pytest.FixtureRequest) -> str:
    return request.param


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Return all octets until the server closes."""
    async with asyncio.timeout(DEADLINE_S):
        return await reader.read()


async def is_served(address: Address, server: LocalServer) -> bool:
    """Return whether another client is answered."""
    async with connect(address) as (reader, writer):
        writer.write(frame(QUERY))
        return await receive(reader) == server.exchange(QUERY)


async def query_repeatedly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(frame(QUERY))
        await receive(reader)


async def test_pipelined_queries_are_answered(server: LocalServer, host: str) -> None:
    """Section 6.2.1.1: pipelining; each query gets its reply, for any number of them."""
    async with (
        serve_on_loopback(server, host=host) as (address, _),
        connect(address) as (reader, writer),
    ):
        ids = [number.to_bytes(2, "big") for number in range(1_000)]
        writer.write(b"".join(frame(each + QUERY[2:]) for each in ids))
        assert sorted([(await receive(reader))[:2] for _ in ids]) == ids


async def test_an_empty_message_ends_the_connection(server: LocalServer, host: str) -> None:
    """Earlier queries are answered, later ones are not."""
    async with serve_on_loopback(server, host=host) as (address, streams):
        async with connect(address) as (reader, writer):
            writer.write(frame(QUERY) + frame(b"") + frame(QUERY))
            reply = server.exchange(QUERY)
            assert reply is not None
            assert await read_to_end(reader) == frame(reply)
        await eventually(lambda: streams.connections == 0)


async def test_a_client_that_sends_octet_by_octet_is_served(server: LocalServer, host: str) -> None:
    """Section 8: a message may come in any number of segments."""
    async with (
        serve_on_loopback(server, host=host) as (address, _),
        connect(address) as (reader, writer),
    ):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in frame(QUERY) * 2:
            writer.write(bytes((octet,)))
            await writer.drain()
            await asyncio.sleep(0)
        assert [await receive(reader) for _ in range(2)] == [server.exchange(QUERY)] * 2


async def test_a_client_that_has_closed_its_side_is_answered(
    server: LocalServer, host: str
) -> None:
    """Section 6.2.4: all its queries, even if the replies exceed any buffer."""
    async with serve_on_loopback(server, host=host) as (address, streams):
        async with connect(address) as (reader, writer):
            writer.write(frame(QUERY) + frame(LARGE_QUERY) * 20)
            writer.write_eof()
            octets = await read_to_end(reader)
        first, big = (server.exchange(each, limit=65_535) for each in (QUERY, LARGE_QUERY))
        assert first is not None
        assert big is not None
        assert octets == frame(first) + frame(big) * 20
        await eventually(lambda: streams.connections == 0)


async def test_the_longest_message_is_read_and_answered(server: LocalServer, host: str) -> None:
    """65,535 octets: not a valid query, so a format error."""
    async with (
        serve_on_loopback(server, host=host) as (address, _),
        connect(address) as (reader, writer),
    ):
        writer.write(frame(QUERY + bytes(65_535 - len(QUERY))) + frame(QUERY))
        assert (await receive(reader))[3] & 0xF == 1
        assert await receive(reader) == server.exchange(QUERY)


async def test_a_message_has_to_arrive_in_time(server: LocalServer, host: str) -> None:
    """Section 6.2.3; a further octet does not extend the time."""
    limits = ConnectionLimits(idle_s=0.3)
    async with (
        serve_on_loopback(server, limits, host) as (address, _),
        connect(address) as (reader, writer),
    ):
        writer.write(frame(QUERY)[:-1])
        assert await read_to_end(reader) == b""


async def test_a_busy_connection_ends_after_a_maximum_time(server: LocalServer, host: str) -> None:
    """Section 6.2.3: even a busy connection ends."""
    limits = ConnectionLimits(total_s=0.3)
    async with (
        serve_on_loopback(server, limits, host) as (address, _),
        connect(address) as (reader, writer),
    ):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await query_repeatedly(reader, writer)


async def test_a_client_that_never_reads_uses_less_than_a_mebibyte_and_delays_no_other(
    server: LocalServer, host: str
) -> None:
    """Each requests 12 MB. The memory is that of this process, and of the kernel for its side of
    the connections."""
    limits = ConnectionLimits(stall_s=60, idle_s=60)
    async with (
        serve_on_loopback(server, limits, host) as (address, streams),
        AsyncExitStack() as stack,
    ):
        clients = []
        for _ in range(20):
            sock = stack.enter_context(socket.socket(socket_family(host), socket.SOCK_STREAM))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, tuple(address))
            clients.append(sock)
        await eventually(lambda: streams.connections == len(clients))
        before = resident_octets()
        for sock in clients:
            send_until_full(sock, frame(LARGE_QUERY) * 200)
        for _ in range(20):
            assert await is_served(address, server)
        assert resident_octets() - before < len(clients) * MIB
        assert buffered_octets(address) < len(clients) * MIB
        assert streams.connections >= len(clients)


async def test_2000_clients_at_once_are_all_answered(server: LocalServer, host: str) -> None:
    """All are connected before the first query."""
    async with serve_on_loopback(server, ConnectionLimits(idle_s=60), host) as (address, streams):
        with require_open_files(2 * CLIENT_COUNT + 500):
            async with AsyncExitStack() as stack:
                opening = [stack.enter_async_context(connect(address)) for _ in range(CLIENT_COUNT)]
                async with asyncio.timeout(DEADLINE_S):
                    clients = await asyncio.gather(*opening)
                await eventually(lambda: streams.connections == CLIENT_COUNT)
                for _, writer in clients:
                    writer.write(frame(QUERY))
                async with asyncio.timeout(DEADLINE_S):
                    replies = [await receive(reader) for reader, _ in clients]
                assert set(replies) == {server.exchange(QUERY)}
        await eventually(lambda: streams.connections == 0)


async def test_the_number_of_connections_is_bounded(server: LocalServer, host: str) -> None:
    """A connection that ends makes room for another."""
    server.zones.options = ServerOptions(max_tcp=3)
    async with serve_on_loopback(server, host=host) as (address, streams):
        async with connect(address), connect(address), connect(address):
            await eventually(lambda: streams.connections == 3)
            async with connect(address) as (reader, _):
                assert await read_to_end(reader) == b""
        await eventually(lambda: streams.connections == 0)
        assert await is_served(address, server)


async def test_simultaneous_connections_are_counted_one_by_one(
    server: LocalServer, host: str
) -> None:
    """They wait in the backlog, and are accepted in one cycle of the event loop."""
    server.zones.options = ServerOptions(max_tcp_per_subnet=5)
    loop = asyncio.get_running_loop()
    async with (
        serve_on_loopback(server, host=host) as (address, streams),
        AsyncExitStack() as stack,
    ):
        socks = [socket.socket(socket_family(host), socket.SOCK_STREAM) for _ in range(100)]
        for sock in socks:
            stack.callback(sock.close)
            sock.connect(tuple(address))
            sock.setblocking(False)
        closed = 0
        async with asyncio.timeout(DEADLINE_S):
            for finished in asyncio.as_completed([loop.sock_recv(sock, 1) for sock in socks]):
                assert await finished == b""
                closed += 1
                if closed == len(socks) - 5:
                    break
        assert streams.connections == 5


async def test_a_subnet_of_ipv6_is_a_48(server: LocalServer) -> None:
    """All of ::1 is one."""
    server.zones.options = ServerOptions(max_tcp_per_subnet=1)
    async with serve_on_loopback(server, host="::1") as (address, streams), connect(address):
        await eventually(lambda: streams.connections == 1)
        async with connect(address) as (reader, _):
            assert await read_to_end(reader) == b""


async def test_a_reset_connection_leaves_nothing_behind(server: LocalServer, host: str) -> None:
    """It sends a reset within a message and within many replies."""
    async with serve_on_loopback(server, host=host) as (address, streams):
        for octets in (b"", b"\0", frame(QUERY)[:9], frame(LARGE_QUERY) * 50):
            sock = socket.socket(socket_family(host), socket.SOCK_STREAM)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, tuple(address))
            await eventually(lambda: streams.connections == 1)
            send_until_full(sock, octets)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
            await eventually(lambda: streams.connections == 0)
        assert await is_served(address, server)


def socket_family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def send_until_full(sock: socket.socket, octets: bytes) -> None:
    """Send as much as the kernel accepts."""
    try:
        while octets:
            octets = octets[sock.send(octets) :]
    except BlockingIOError:
        pass


def resident_octets() -> int:
    """Return the resident memory of this process, in octets."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def buffered_octets(address: Address) -> int:
    """Return the octets in the kernel's buffers for the connections of a listener."""
    table = "/proc/net/tcp6" if ":" in address.host else "/proc/net/tcp"
    total = 0
    with open(table) as file:
        for line in list(file)[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == address.port:
                total += sum(int(number, 16) for number in fields[4].split(":"))
    return total


@contextmanager
def require_open_files(count: int) -> Iterator[None]:
    """Skip the test if this host does not permit enough open files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < count:
        pytest.skip(f"a process may have {before[1]} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], count), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
