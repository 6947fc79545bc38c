"""UDP over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.edns
import dns.message
import pytest
from tests.dns.local_server import LocalServer
from tests.support.waiting import DEADLINE_S, eventually, retry

from zonegit.errors import Unavailable
from zonegit.nameserver.acl import Address
from zonegit.nameserver.answer import fast_path
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit_resolver.dispatcher import MessageDispatcher
from zonegit_resolver.listen.sockets import bind, listen
from zonegit_resolver.listen.tcp import Streams
from zonegit_resolver.listen.udp import DropCounters

QUERY = dns.message.make_query("www.foo.com.", "A", use_edns=0).to_wire()


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": "www 300 A 192.0.2.1"})


@asynccontextmanager
async def served(server: LocalServer, *hosts: str, port: int = 0) -> AsyncIterator[list[Address]]:
    drops = DropCounters()
    dispatcher = MessageDispatcher(server.zones)
    streams = Streams(dispatcher, drops)
    addresses = [Address(host, port) for host in hosts]
    async with listen(addresses, dispatcher, streams, drops) as actual:
        yield actual


async def exchange(to: Address, wire: bytes) -> tuple[bytes, str]:
    """Return a reply and its source address."""
    family = socket.AF_INET6 if ":" in to.host else socket.AF_INET
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("::1" if ":" in to.host else "127.0.0.1", 0))
        async with asyncio.timeout(DEADLINE_S):
            await loop.sock_sendto(sock, wire, tuple(to))
            reply, peer = await loop.sock_recvfrom(sock, 4096)
    return reply, peer[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::"])
async def test_a_query_is_answered_on_every_kind_of_address(server: LocalServer, host: str) -> None:
    async with served(server, host) as (address,):
        to = Address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), address.port)
        reply, _ = await exchange(to, QUERY)
    assert reply == server.exchange(QUERY)


async def test_a_reply_comes_from_the_queried_address(server: LocalServer) -> None:
    """RFC 2181 section 4.1, for one socket with all addresses of the host."""
    async with served(server, "0.0.0.0") as (address,):
        _, source = await exchange(Address("127.0.0.53", address.port), QUERY)
    assert source == "127.0.0.53"


async def test_one_port_serves_both_families(server: LocalServer) -> None:
    """Another process may use the port in the other family; then the next port is tried."""

    async def attempt() -> None:
        is_taken = False
        try:
            async with (
                served(server, "127.0.0.1") as (first,),
                served(server, "::1", port=first.port) as (second,),
            ):
                assert second.port == first.port
                assert (await exchange(second, QUERY))[0] == server.exchange(QUERY)
        except* Unavailable:  # the task groups of the sockets raise it in groups
            is_taken = True
        if is_taken:
            raise Unavailable("the port is taken in the other family")

    await retry(attempt, Unavailable)


async def test_a_burst_is_answered_completely(server: LocalServer) -> None:
    """The burst has more datagrams than one wake-up receives."""
    count = 200
    async with served(server, "127.0.0.1") as (address,):
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(tuple(address))
            for number in range(count):
                sock.send(number.to_bytes(2, "big") + QUERY[2:])
            async with asyncio.timeout(DEADLINE_S):
                ids = {(await loop.sock_recv(sock, 4096))[:2] for _ in range(count)}
    assert len(ids) == count


@pytest.mark.parametrize(("ceiling", "is_whole"), [(512, False), (1_232, False), (4_096, True)])
async def test_a_datagram_is_within_the_maximum_size(ceiling: int, is_whole: bool) -> None:
    """The reply has some 3,000 octets, and the client accepts 4,096."""
    rows = "\n".join(f'big 300 TXT "{number} {"x" * 250}"' for number in range(11))
    server = LocalServer({"foo.com.": rows}, conduct=ServerOptions(max_udp_size=ceiling))
    query = dns.message.make_query("big.foo.com.", "TXT", use_edns=0, payload=4_096)
    async with served(server, "127.0.0.1") as (address,):
        octets, _ = await exchange(address, query.to_wire())
    assert len(octets) <= ceiling
    assert bool(dns.message.from_wire(octets).answer) is is_whole


@pytest.mark.parametrize("octets", [1_200, 1_500, 1_508, 4_096, 60_000])
async def test_a_query_of_any_length_gets_the_answer_that_a_stream_gives(
    server: LocalServer, octets: int
) -> None:
    padding = dns.edns.GenericOption(dns.edns.OptionType.PADDING, bytes(octets - len(QUERY) - 4))
    made = dns.message.make_query("www.foo.com.", "A", use_edns=0, options=[padding])
    query = made.to_wire(max_size=65_535)
    assert len(query) == octets
    async with served(server, "127.0.0.1") as (address,):
        reply, _ = await exchange(address, query)
    assert reply == server.exchange(query)
    assert dns.message.from_wire(reply).answer


async def test_octets_that_are_not_a_query_get_no_reply(server: LocalServer) -> None:
    async with served(server, "127.0.0.1") as (address,):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(tuple(address))
            sock.send(b"\xff" * 5000)
            sock.send(b"")
            sock.send(QUERY)
            async with asyncio.timeout(DEADLINE_S):
                reply = await asyncio.get_running_loop().sock_recv(sock, 4096)
    assert reply == server.exchange(QUERY)


async def test_a_bug_affects_one_query_and_is_counted(server: LocalServer) -> None:
    def buggy(wire, zones, peer, limit):
        if wire[:2] == b"\0\0":
            raise ZeroDivisionError
        return fast_path.respond(wire, zones, peer, limit)

    drops = DropCounters()
    dispatcher = MessageDispatcher(server.zones, try_fast=buggy)
    at = [Address("127.0.0.1", 0)]
    async with listen(at, dispatcher, Streams(dispatcher, drops), drops) as (address,):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"\0\0" + QUERY[2:], tuple(address))
        await eventually(lambda: drops.failed == 1)
        await exchange(address, b"\0\1" + QUERY[2:])
    assert drops.failed == 1


async def test_two_resolvers_may_share_a_port_and_another_program_may_not() -> None:
    first = bind(Address("127.0.0.1", 0))
    port = first[0].getsockname()[1]
    second = bind(Address("127.0.0.1", port))
    for sock in (*first, *second):
        sock.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="cannot listen on"):
            bind(Address("127.0.0.1", other.getsockname()[1]))


async def test_sockets_are_closed_when_serving_ends(server: LocalServer) -> None:
    async with served(server, "127.0.0.1") as (address,):
        pass
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        udp.bind(tuple(address))
        tcp.bind(tuple(address))
