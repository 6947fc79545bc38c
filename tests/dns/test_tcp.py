"""Streams over real sockets: framing, pipelining, bounds; and zone transfers."""

import asyncio
import ipaddress
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.xfr
import dns.zone
import pytest
from tests.dns.world import SOA, World, records
from tests.support.waiting import eventually

from zonegit_resolver.addresses import Access, Address
from zonegit_resolver.answering import fast
from zonegit_resolver.answering.client import Client
from zonegit_resolver.answering.conduct import Conduct
from zonegit_resolver.listening.datagrams import Losses
from zonegit_resolver.listening.listeners import listening, make_room
from zonegit_resolver.listening.streams import Limits, Streams
from zonegit_resolver.messages.parts import FORMERR
from zonegit_resolver.messages.query import parse
from zonegit_resolver.transfers import axfr

QUERY = dns.message.make_query("www.foo.com.", "A").to_wire()
USUAL = Limits()
BIG = "\n".join(f'big 300 TXT "{n:04} {"x" * 200}"' for n in range(250))
ZONE = f"""
@ 3600 NS ns1
@ 3600 RRSIG NS 8 2 3600 20300101000000 20200101000000 1 foo.com. AAAA
ns1 300 A 192.0.2.1
www 300 A 192.0.2.2
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.3
*.wild 60 MX 1 www
{BIG}
"""


@asynccontextmanager
async def served(
    world: World, limits: Limits = USUAL, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[Address, Streams]]:
    losses = Losses()
    streams = Streams(world.zones, fast.respond, losses, limits)
    at = [Address(host, 0)]
    async with listening(at, world.zones, fast.respond, streams, losses) as (address,):
        yield address, streams
    assert losses.failed == 0


@pytest.fixture
def world() -> World:
    return World({"foo.com.": ZONE})


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2, "big") + wire


async def receive(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


async def test_a_query_is_answered(world: World) -> None:
    async with served(world) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(QUERY))
        assert await receive(reader) == world.exchange(QUERY)
        writer.close()


async def test_queries_on_one_connection_are_all_answered(world: World) -> None:
    """RFC 7766 sections 6.2.1 and 6.2.1.1: reuse and pipelining, however it is cut into pieces."""
    octets = b"".join(framed(bytes((0, n)) + QUERY[2:]) for n in range(100))
    async with served(world) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        for at in range(0, len(octets), 777):
            writer.write(octets[at : at + 777])
            await writer.drain()
        assert [(await receive(reader))[1] for _ in range(100)] == list(range(100))
        writer.close()


async def test_a_reply_may_be_larger_than_any_datagram(world: World) -> None:
    query = dns.message.make_query("big.foo.com.", "TXT")
    async with served(world) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(query.to_wire()))
        reply = dns.message.from_wire(await receive(reader))
        writer.close()
    assert len(reply.answer[0]) == 250


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0\x20abc"])
async def test_a_client_that_says_too_little_too_long_is_let_go(
    world: World, octets: bytes
) -> None:
    """RFC 7766 section 6.2.3."""
    async with served(world, Limits(idle_s=0.05)) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(octets)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_a_client_that_does_not_read_is_let_go(world: World) -> None:
    """It may ask for much, and must not make us keep it."""
    query = framed(dns.message.make_query("big.foo.com.", "TXT").to_wire())
    async with served(world, Limits(stall_s=0.05)) as (address, streams):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, tuple(address))
            await loop.sock_sendall(sock, query * 200)
            await eventually(lambda: streams.connections == 1)
            await eventually(lambda: streams.connections == 0)


async def test_one_subnet_may_not_take_all_connections(world: World) -> None:
    world.zones.conduct = Conduct(connections_of_subnet=2)
    async with served(world, host="0.0.0.0") as (address, streams):
        held = [await asyncio.open_connection("127.0.0.1", address.port) for _ in range(2)]
        await eventually(lambda: streams.connections == 2)
        neighbour = ("127.0.0.9", 0)
        reader, _ = await asyncio.open_connection("127.0.0.1", address.port, local_addr=neighbour)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        stranger = ("127.0.1.1", 0)
        elsewhere = await asyncio.open_connection("127.0.0.1", address.port, local_addr=stranger)
        elsewhere[1].write(framed(QUERY))
        assert await receive(elsewhere[0])
        held[0][1].close()
        await eventually(lambda: streams.connections == 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.write(framed(QUERY))
        assert await receive(reader)
        for _, each in (*held, elsewhere, (reader, writer)):
            each.close()


async def test_replies_and_garbage_get_no_answer_but_the_next_query_does(world: World) -> None:
    reply = world.exchange(QUERY)
    assert reply is not None
    async with served(world) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(reply) + framed(b"garbage") + framed(QUERY))
        assert await receive(reader) == reply
        writer.close()


# transfers


async def transferred(
    address: Address, zone: str, rdtype: str = "AXFR"
) -> list[dns.message.Message]:
    """The messages of a transfer, until its second SOA or an error."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(framed(dns.message.make_query(zone, rdtype, use_edns=0).to_wire()))
    messages: list[dns.message.Message] = []
    soas = 0
    while soas < 2:
        messages.append(dns.message.from_wire(await receive(reader), one_rr_per_rrset=True))
        if messages[-1].rcode():
            break
        soas += sum(found.rdtype == dns.rdatatype.SOA for found in messages[-1].answer)
    writer.close()
    return messages


async def test_messages_without_a_reply_leave_others_their_turn(world: World) -> None:
    """They cost their sender three octets each, and may not hold up everybody else."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with served(world) as (address, _), asyncio.TaskGroup() as group:
        reader, writer = await asyncio.open_connection(*address)
        counting = group.create_task(other())
        writer.write(framed(b"x") * 5_000 + framed(QUERY))
        assert await receive(reader) == world.exchange(QUERY)
        counting.cancel()
        writer.close()
    assert turns > 5_000


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
async def test_a_transfer_gives_every_record_between_two_soas(world: World, rdtype: str) -> None:
    """RFC 5936 section 2.2; RFC 1995 section 4 lets IXFR be answered so."""
    async with served(world) as (address, _):
        messages = await transferred(address, "foo.com.", rdtype)
    found = [record for message in messages for record in message.answer]
    assert found[0].rdtype == found[-1].rdtype == dns.rdatatype.SOA
    expected = dns.zone.from_text(SOA + ZONE, "foo.com.", relativize=False, check_origin=False)
    whole = [record for name, rds in expected.iterate_rdatasets() for record in [(name, rds)]]
    assert len(found) - 1 == sum(len(rds) for _, rds in whole)
    assert len(messages) > 1
    assert all(message.question[0].rdtype.name == rdtype for message in messages)
    assert "*.wild.foo.com. 60 MX 1 www.foo.com." in records(found)
    assert [record.ttl for record in found if record.rdtype == dns.rdatatype.RRSIG] == [3600]


@pytest.mark.parametrize(("serial", "is_whole"), [(6, True), (7, False), (8, False)])
async def test_a_secondary_that_has_everything_gets_the_soa_alone(
    world: World, serial: int, is_whole: bool
) -> None:
    """RFC 1995 section 2; the zone's serial is 7."""
    query = dns.message.make_query("foo.com.", "IXFR")
    soa = f"foo.com. 0 IN SOA . . {serial} 0 0 0 0"
    query.authority = [dns.rrset.from_text(*soa.split(" ", 4))]
    async with served(world) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(query.to_wire()))
        reply = dns.message.from_wire(await receive(reader), xfr=True, multi=True)
        writer.close()
    assert reply.answer[0].rdtype == dns.rdatatype.SOA
    assert (len(reply.answer) > 1) is is_whole


@pytest.mark.parametrize("rdata", [b"", bytes(19)])
def test_a_transfer_with_a_malformed_soa_is_a_format_error(rdata: bytes) -> None:
    query = b"\0\1\0\0\0\1\0\0\0\1\0\0" + b"\0\0\xfb\0\1"
    soa = b"\0\0\6\0\1\0\0\0\0" + len(rdata).to_bytes(2, "big") + rdata
    parsed = parse(query + soa)
    assert parsed is not None
    assert parsed.rcode == FORMERR


async def test_a_transfer_is_what_a_secondary_can_load(world: World) -> None:
    async with served(world) as (address, _):
        zone = dns.zone.Zone("foo.com.", relativize=False)

        def load() -> None:
            dns.query.inbound_xfr(address.host, zone, port=address.port, lifetime=10)

        await asyncio.to_thread(load)
    assert len(zone.find_rdataset("big.foo.com.", "TXT")) == 250


def test_a_transfer_stays_with_the_state_it_began_with(world: World) -> None:
    """However many commits come meanwhile."""
    query = parse(dns.message.make_query("foo.com.", "AXFR").to_wire())
    assert query is not None
    replies = axfr.replies(query, world.zones, Client(query, "127.0.0.1", None))
    first = dns.message.from_wire(next(replies), one_rr_per_rrset=True)
    world.put("foo.com.", "@ 300 SOA a. b. 99 2 3 4 5")
    *_, last = replies
    assert first.answer[0] == dns.message.from_wire(last, one_rr_per_rrset=True).answer[-1]


async def test_a_transfer_is_refused_to_strangers(world: World) -> None:
    world.transfer_to = Access((ipaddress.ip_network("192.0.2.0/24"),))
    world.put("foo.com.", ZONE)
    async with served(world) as (address, _):
        (message,) = await transferred(address, "foo.com.")
    assert message.rcode() == dns.rcode.REFUSED


async def test_a_transfer_of_what_is_no_zone_here_is_not_ours_to_give(world: World) -> None:
    """RFC 5936 section 2.2.1."""
    async with served(world) as (address, _):
        (message,) = await transferred(address, "www.foo.com.")
    assert message.rcode() == dns.rcode.NOTAUTH


async def test_a_transfer_works_over_ipv6(world: World) -> None:
    async with served(world, host="::1") as (address, _):
        assert len(await transferred(address, "foo.com.")) > 1


async def test_a_record_that_fills_a_message_is_transferred() -> None:
    """A message holds 65,535 octets, so others must not stand beside it."""
    most = 65_535 - 12 - len(b"\3foo\3com\0") - 4 - 12
    world = World(
        {"foo.com.": f"@ 300 NS a.\n@ 300 TYPE65400 \\# {most} {'ab' * most}\n@ 300 A 1.2.3.4"}
    )
    async with served(world) as (address, _):
        messages = await transferred(address, "foo.com.")
    assert sum(len(message.answer) for message in messages) == 5


async def test_many_transfers_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else is to be done waits for a message of one of them, not of all."""
    rows = "".join(f"h{number} 300 A 192.0.2.1\n" for number in range(500))
    made: list[int] = []
    turn = 0

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    replies = axfr.replies

    def noted(*arguments) -> Iterator[bytes]:
        for reply in replies(*arguments):
            made.append(turn)
            yield reply

    monkeypatch.setattr(axfr, "replies", noted)

    async with served(World({"foo.com.": rows})) as (address, _), asyncio.TaskGroup() as group:
        counting = group.create_task(count())
        clients = [transferred(address, "foo.com.", "AXFR") for _ in range(30)]
        assert all(len(messages) > 1 for messages in await asyncio.gather(*clients))
        counting.cancel()
    assert max(Counter(made).values()) < 5


def test_there_is_room_for_more_than_all_connections() -> None:
    """What clients take must not be all there is."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] // 2, before[1]))
    try:
        make_room()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
