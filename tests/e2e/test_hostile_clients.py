"""A resolver's process with hostile clients: it answers other clients, in bounded memory."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import dns.message
import pytest
from tests.e2e.stack import Stack
from tests.support.framing import connect, frame, receive
from tests.support.hostile_queries import make_queries, make_question
from tests.support.waiting import DEADLINE_S

GROWTH_KIB = 64 << 10
"""Memory that all of it together may cost; some 30 MiB are those of a resolver at rest."""
QUERY = dns.message.make_query("api.foo.com.", "A", id=77, use_edns=0).to_wire()
LARGE_ZONE = "".join(f'big IN TXT "{number:04} {"x" * 200}"\n' for number in range(250))
LARGE_QUERY = dns.message.make_query("big.foo.com.", "TXT", id=78).to_wire()
DATAGRAMS = 20_000
CLIENTS = 100

Address = tuple[str, int]


@pytest.fixture
def address(own_stack: Stack) -> Address:
    from_file = "$TTL 300\n@ IN SOA ns1 admin 1 7200 3600 1209600 300\n  IN NS ns1\n"
    own_stack.up("--resolvers", "1")
    own_stack.zone("foo.com", f"{from_file}ns1 IN A 192.0.2.1\napi IN A 192.0.2.80\n{LARGE_ZONE}")
    host, _, port = own_stack.record()["dns"][0].rpartition(":")
    return host, int(port)


def resident_kib(stack: Stack) -> int:
    """Return the resident memory of the resolver, in KiB."""
    status = Path(f"/proc/{stack.pid_of('zonegit_resolver')}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])


async def check_answering(address: Address) -> None:
    """Check that the resolver answers over UDP and over TCP."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE_S):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(address)
            reply = b""
            while reply[:2] != QUERY[:2]:  # an earlier flood may have filled the socket
                await loop.sock_sendall(sock, QUERY)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        reply = await loop.sock_recv(sock, 4_096)
        async with connect(address) as (reader, writer):
            writer.write(frame(QUERY))
            over_tcp = await receive(reader)
    assert dns.message.from_wire(reply).answer == dns.message.from_wire(over_tcp).answer != []


async def send_datagrams(address: Address) -> None:
    """Send mutated queries, empty datagrams and maximal ones."""
    chosen = random.Random(5)
    pool = list(make_queries().values())
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(address)
        for _ in range(DATAGRAMS):
            wire = bytearray(chosen.choice(pool))
            for _ in range(3):
                wire[chosen.randrange(len(wire))] = chosen.randrange(256)
            with suppress(OSError):
                await loop.sock_sendall(sock, bytes(wire[: chosen.randrange(len(wire) + 1)]))
        for size in (0, 1, 11, 12, 65_507):
            await loop.sock_sendall(sock, bytes(size))


async def send_frames(address: Address) -> None:
    """Send messages without octets and of 65,535, of zeros, of pointers and of a query with a
    tail."""
    for message in (
        b"",
        bytes(65_535),
        b"\xc0\x0c" * 32_767,
        (QUERY * 2_000)[:65_535],
        make_question(b"\xc0\x0c"),
    ):
        async with connect(address) as (reader, writer):
            with suppress(OSError):
                writer.write(frame(message))
                await writer.drain()
                writer.write_eof()
                async with asyncio.timeout(DEADLINE_S):
                    await reader.read()


async def hold_unread_replies(address: Address) -> None:
    """Open connections that request megabytes and read nothing."""
    async with AsyncExitStack() as open_now:
        for _ in range(CLIENTS):
            _, writer = await open_now.enter_async_context(connect(address))
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(frame(LARGE_QUERY) * 200)
        await check_answering(address)


async def send_octet_by_octet(address: Address) -> None:
    """Open connections that send a query octet by octet and stop within it."""
    async with AsyncExitStack() as open_now:
        streams = [await open_now.enter_async_context(connect(address)) for _ in range(CLIENTS)]
        for octet in frame(QUERY)[:-1]:
            for _, writer in streams:
                writer.write(bytes([octet]))
                await writer.drain()
        await check_answering(address)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_hostile_clients_neither_stop_a_resolver_nor_fill_its_memory(
    own_stack: Stack, address: Address
) -> None:
    await check_answering(address)
    before, pid = resident_kib(own_stack), own_stack.pid_of("zonegit_resolver")
    attacks: tuple[Callable[[Address], Awaitable[None]], ...] = (
        send_datagrams,
        send_frames,
        hold_unread_replies,
        send_octet_by_octet,
    )
    for attack in attacks:
        await attack(address)
        await check_answering(address)
        assert resident_kib(own_stack) - before < GROWTH_KIB, attack.__name__
    assert own_stack.pid_of("zonegit_resolver") == pid
