"""One network requests thousands of zone transfers while another requests one.

The tests check how many transfers to the greedy network come first, never times.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from tests.dns.local_server import LocalServer
from tests.dns.loopback import serve_on_loopback
from tests.dns.transfer_client import (
    is_complete,
    make_ixfr_query,
    make_private_zone,
    make_query,
    sign_query,
)
from tests.support.framing import frame, receive
from tests.support.waiting import DEADLINE_S, eventually

from zonegit.nameserver.acl import Address
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit_resolver.listen.tcp import ConnectionLimits
from zonegit_resolver.xfr import transfer_queue
from zonegit_resolver.xfr.outgoing import Outgoing
from zonegit_resolver.xfr.transfer_queue import DIFFERENCES, MAX_WAITING_OF_FLOW, WHOLE

ZONE = "\n".join(f'big 300 TXT "{n:04} {"x" * 200}"' for n in range(250))
GREEDY, MODEST = "127.0.1.1", "127.0.2.1"
"""Two networks of the loopback."""
CONNECTIONS = 200
PIPELINED = 20
AXFR = make_query("foo.com.")


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


@asynccontextmanager
async def flood(
    address: Address, query: dns.message.Message, connections: int = CONNECTIONS
) -> AsyncIterator[None]:
    """Request 4,000 transfers from one network, and read all of them."""
    writers: list[asyncio.StreamWriter] = []

    async def ask(group: asyncio.TaskGroup) -> None:
        reader, writer = await asyncio.open_connection(*address, local_addr=(GREEDY, 0))
        writers.append(writer)
        writer.write(frame(query.to_wire()) * PIPELINED)
        group.create_task(drain(reader))

    async def drain(reader: asyncio.StreamReader) -> None:
        while await reader.read(65_536):
            pass

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            await ask(group)
        yield
        for writer in writers:
            writer.transport.abort()


async def ask(address: Address, query: dns.message.Message) -> list[dns.message.Message]:
    """Return the messages of a reply to another network."""
    reader, writer = await asyncio.open_connection(*address, local_addr=(MODEST, 0))
    writer.write(frame(query.to_wire()))
    messages = [await receive_message(reader, query)]
    if query.question[0].rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        while not messages[-1].rcode() and not is_complete([r for m in messages for r in m.answer]):
            messages.append(await receive_message(reader, query, messages[-1]))
    writer.close()
    return messages


async def receive_message(
    reader: asyncio.StreamReader,
    query: dns.message.Message,
    before: dns.message.Message | None = None,
) -> dns.message.Message:
    return dns.message.from_wire(
        await receive(reader),
        one_rr_per_rrset=True,
        keyring=query.keyring,
        request_mac=query.mac,
        multi=True,
        tsig_ctx=before.tsig_ctx if before is not None else None,
    )


def count_sent(outgoing: Outgoing) -> int:
    return outgoing.counters.by_kind["axfr"]


async def test_a_network_with_thousands_of_transfers_does_not_delay_another(
    server: LocalServer,
) -> None:
    outgoing = Outgoing(server.zones)
    async with (
        serve_on_loopback(server, outgoing=outgoing) as (address, _),
        flood(address, AXFR),
    ):
        await eventually(lambda: outgoing.queue.waiting()[WHOLE] > CONNECTIONS / 2)
        before = count_sent(outgoing)
        (soa,) = await ask(address, make_query("foo.com.", "SOA"))
        assert soa.answer
        (current,) = await ask(address, make_ixfr_query("foo.com.", 7))
        assert len(current.answer) == 1
        whole = await ask(address, AXFR)
        assert sum(len(message.answer) for message in whole) > 250
        assert count_sent(outgoing) - before < 100 < CONNECTIONS * PIPELINED


async def test_with_one_place_the_transfer_of_the_other_network_is_next(
    server: LocalServer,
) -> None:
    server.zones.options = ServerOptions(max_transfers=1)
    outgoing = Outgoing(server.zones)
    async with (
        serve_on_loopback(server, outgoing=outgoing) as (address, _),
        flood(address, AXFR),
    ):
        await eventually(lambda: outgoing.queue.waiting()[WHOLE] > CONNECTIONS / 2)
        waiting = len(outgoing.queue.list_flows())
        asking = asyncio.create_task(ask(address, AXFR))
        await eventually(lambda: len(outgoing.queue.list_flows()) > waiting or asking.done())
        before = count_sent(outgoing)
        await asking
        assert count_sent(outgoing) - before <= 5


async def test_a_key_has_a_queue_of_its_own() -> None:
    """The greedy client has no key; the other one signs, from the same network."""
    server = make_private_zone(ZONE)
    assert transfer_queue.client_network(GREEDY) == transfer_queue.client_network("127.0.1.77")
    server.transfer_to = server.transfer_to.__class__(
        networks=LocalServer({}).transfer_to.networks, keys=server.transfer_to.keys
    )
    server.put("foo.com.", ZONE)
    outgoing = Outgoing(server.zones)
    async with (
        serve_on_loopback(server, outgoing=outgoing) as (address, _),
        flood(address, AXFR),
    ):
        await eventually(lambda: outgoing.queue.waiting()[WHOLE] > CONNECTIONS / 2)
        before = count_sent(outgoing)
        query = sign_query(make_query("foo.com."))
        messages = await ask(address, query)
        assert all(message.had_tsig for message in messages)
        assert count_sent(outgoing) - before < 100


async def test_a_full_queue_causes_not_ready(server: LocalServer) -> None:
    server.zones.options = ServerOptions(max_transfers=1, max_tcp_per_subnet=1_000)
    outgoing = Outgoing(server.zones)
    async with (
        serve_on_loopback(server, outgoing=outgoing) as (address, _),
        flood(address, AXFR, MAX_WAITING_OF_FLOW + 50),
    ):
        await eventually(lambda: outgoing.queue.refused()[WHOLE] > 0)
        (soa,) = await ask(address, make_query("foo.com.", "SOA"))
        assert soa.answer
        (refused,) = await find_refusal(address)
        assert refused.rcode() == dns.rcode.SERVFAIL


async def find_refusal(address: Address) -> list[dns.message.Message]:
    """Return a refusal for one more client of the greedy network."""
    while True:
        reader, writer = await asyncio.open_connection(*address, local_addr=(GREEDY, 0))
        writer.write(frame(AXFR.to_wire()))
        message = await receive_message(reader, AXFR)
        writer.transport.abort()
        if message.rcode():
            return [message]


async def test_a_transfer_of_a_disconnected_client_is_dropped(server: LocalServer) -> None:
    server.zones.options = ServerOptions(max_transfers=1)
    outgoing = Outgoing(server.zones)
    async with serve_on_loopback(server, outgoing=outgoing) as (address, streams):
        async with flood(address, AXFR):
            await eventually(lambda: outgoing.queue.waiting()[WHOLE] > CONNECTIONS / 2)
        before = count_sent(outgoing)
        await eventually(lambda: streams.connections == 0)
        assert outgoing.queue.waiting()[WHOLE] == 0
        assert count_sent(outgoing) - before <= 20


LARGE_ZONE = "\n".join(f"big{n} 300 TXT " + f'"{"x" * 250}" ' * 16 for n in range(2_500))
"""10 MB of RDATA, which is more than the buffers of a connection take, in few records."""


@pytest.fixture(scope="module")
def large_server() -> LocalServer:
    """Return a server of that zone that sends one transfer at a time."""
    server = LocalServer({"foo.com.": LARGE_ZONE})
    server.zones.options = ServerOptions(max_transfers=1)
    return server


"""More than the kernel keeps for a client that does not read."""


async def count_octets(address: Address, query: dns.message.Message) -> int:
    """Return the number of octets that another network gets until the connection ends."""
    reader, writer = await asyncio.open_connection(*address, local_addr=(MODEST, 0))
    writer.write(frame(query.to_wire()) + frame(b""))
    total = 0
    while octets := await reader.read(1 << 20):
        total += len(octets)
    writer.close()
    return total


async def connect_with_small_window(
    address: Address,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect from the greedy network, with a small receive buffer in the kernel."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setblocking(False)
    sock.bind((GREEDY, 0))
    await asyncio.get_running_loop().sock_connect(sock, tuple(address))
    return await asyncio.open_connection(sock=sock)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every client too slow."""
    monkeypatch.setattr(transfer_queue, "GRACE_S", 0.0)


@pytest.mark.usefixtures("strict")
async def test_a_client_that_reads_slowly_loses_its_place_when_others_wait(
    large_server: LocalServer,
) -> None:
    outgoing = Outgoing(large_server.zones)
    async with serve_on_loopback(
        large_server, ConnectionLimits(stall_s=DEADLINE_S), outgoing=outgoing
    ) as (
        address,
        _,
    ):
        slow, writer = await connect_with_small_window(address)
        writer.write(frame(AXFR.to_wire()))
        await eventually(lambda: outgoing.queue.running == 1)
        asking = asyncio.create_task(count_octets(address, AXFR))
        given = outgoing.counters.by_kind
        await eventually(lambda: outgoing.queue.waiting()[WHOLE] == 1 or given["slow"] == 1)
        with suppress(ConnectionError):
            while await slow.read(65_536):
                pass
        assert await asking > 40_000 * 250
        assert given["slow"] == 1
        writer.transport.abort()


@pytest.mark.usefixtures("strict")
async def test_a_slow_client_gets_the_zone_while_no_other_waits(large_server: LocalServer) -> None:
    outgoing = Outgoing(large_server.zones)
    async with serve_on_loopback(large_server, outgoing=outgoing) as (address, _):
        assert await count_octets(address, AXFR) > 40_000 * 250
    assert outgoing.counters.by_kind["slow"] == 0
    assert count_sent(outgoing) == 1


class TransferClock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def read(
    turn: transfer_queue.TransferTurn, clock: TransferClock, octets: int, seconds: float
) -> None:
    turn.begin()
    clock.now += seconds
    turn.end(octets)


def test_time_in_which_a_client_does_not_read_is_charged() -> None:
    clock = TransferClock()
    fast, slow = (transfer_queue.TransferTurn(lambda: False, clock) for _ in range(2))
    read(fast, clock, 1_000_000, 0.0)
    read(slow, clock, 1_000_000, 4.0)
    assert slow.cost_s(16) == pytest.approx(fast.cost_s(16) + 0.25)
    slow.begin()
    clock.now += 8.0  # and then the connection is closed
    assert slow.cost_s(16) == pytest.approx(fast.cost_s(16) + 0.75)


@pytest.mark.parametrize("first", [0, 400 << 20])
def test_a_slow_client_is_ended_soon_even_after_a_fast_start(first: int) -> None:
    clock = TransferClock()
    turn = transfer_queue.TransferTurn(lambda: True, clock)
    read(turn, clock, first, 1.0)
    while not turn.is_too_slow():
        read(turn, clock, 65_000, 9.9)
    assert clock.now < 40


def test_a_client_that_is_fast_enough_is_never_too_slow() -> None:
    clock = TransferClock()
    turn = transfer_queue.TransferTurn(lambda: True, clock)
    for _ in range(1_000):
        read(turn, clock, 65_000, 3.9)
        assert not turn.is_too_slow()


def test_a_slow_client_gets_some_time_after_others_begin_to_wait() -> None:
    clock = TransferClock()
    waits: list[bool] = []
    turn = transfer_queue.TransferTurn(lambda: bool(waits), clock)
    for _ in range(100):
        read(turn, clock, 65_000, 9.9)
        assert not turn.is_too_slow()
    waits.append(True)
    began = clock.now
    while not turn.is_too_slow():
        read(turn, clock, 65_000, 9.9)
    assert clock.now - began < 40


async def test_a_client_is_not_ended_for_others_that_do_not_wait_for_its_place() -> None:
    """One network has all places that it may have, while others are free."""
    queue = transfer_queue.TransferQueue(16)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(queue.take_turn(WHOLE, "192.0.2.1", None))
        waiting = asyncio.create_task(enter(queue, WHOLE, "192.0.2.1"))
        slow = await stack.enter_async_context(queue.take_turn(WHOLE, "198.51.100.1", None))
        difference = await stack.enter_async_context(
            queue.take_turn(DIFFERENCES, "203.0.113.1", None)
        )
        await eventually(lambda: queue.waiting()[WHOLE] == 1)
        assert not is_too_slow(slow)
        for number in range(7):
            await stack.enter_async_context(queue.take_turn(WHOLE, f"10.0.{number}.1", None))
        last = asyncio.create_task(enter(queue, WHOLE, "10.1.0.1"))
        await eventually(lambda: queue.waiting()[WHOLE] == 2)
        # Whole zones occupy all their places, so one of them delays the last one.
        assert is_too_slow(slow)
        assert not is_too_slow(difference)
        waiting.cancel()
        last.cancel()


async def enter(queue: transfer_queue.TransferQueue, share: str, peer: str) -> None:
    async with queue.take_turn(share, peer, None):
        pass


def is_too_slow(turn: transfer_queue.TransferTurn) -> bool:
    """Return whether a client is too slow after it has read nothing for longer than allowed."""
    turn._slack_s = -1.0
    return turn.is_too_slow()


def test_networks_have_24_and_56_bits() -> None:
    assert transfer_queue.client_network("192.0.2.1") == transfer_queue.client_network(
        "::ffff:192.0.2.99"
    )
    assert transfer_queue.client_network("192.0.2.1") != transfer_queue.client_network("192.0.3.1")
    assert transfer_queue.client_network("2001:db8:0:ff::1") == transfer_queue.client_network(
        "2001:db8:0:0::2"
    )
    assert transfer_queue.client_network("2001:db8:0:100::1") != transfer_queue.client_network(
        "2001:db8:0:0::2"
    )
    assert transfer_queue.client_network("fe80::1%lo") == transfer_queue.client_network("fe80::2")
