"""Operations that wait, next to ordinary queries: a toy for the opcode UPDATE (RFC 2136)."""

import asyncio
import socket
from collections.abc import AsyncGenerator

import dns.edns
import dns.message
import dns.opcode
import dns.rcode
import pytest
from tests.dns.local_server import LocalServer
from tests.dns.loopback import serve_on_loopback
from tests.support.framing import frame, receive
from tests.support.waiting import DEADLINE_S, eventually

from zonegit.nameserver.acl import Address
from zonegit.nameserver.message.query import OPCODE, QUERY, STREAM, encode_error
from zonegit.zone import rrtypes
from zonegit_resolver.dispatcher import DnsOperation, DnsRequest, MessageDispatcher, OperationLimits
from zonegit_resolver.listen import udp_batch

UPDATE = 5 << 11
YXDOMAIN = 6


class Toy:
    """Answers each message YXDOMAIN when ``proceed`` is set."""

    def __init__(self) -> None:
        self.proceed = asyncio.Event()
        self.running = 0

    async def run(self, request: DnsRequest) -> AsyncGenerator[bytes, None]:
        self.running += 1
        try:
            await self.proceed.wait()
            yield encode_error(request.query, YXDOMAIN)
        finally:
            self.running -= 1

    def operation(self, **limits: float) -> DnsOperation:
        return DnsOperation(UPDATE, None, self.run, OperationLimits(**limits))  # type: ignore[arg-type]


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": "www 300 A 192.0.2.1"})


@pytest.fixture
def toy() -> Toy:
    return Toy()


def make_update(number: int = 1) -> bytes:
    query = dns.message.make_query("foo.com.", "SOA", use_edns=0, id=number)
    query.set_opcode(dns.opcode.UPDATE)
    return query.to_wire()


def make_query(number: int = 1) -> bytes:
    return dns.message.make_query("www.foo.com.", "A", id=number).to_wire()


def read_rcode(reply: bytes) -> str:
    return dns.rcode.to_text(dns.rcode.Rcode(reply[3] & 0xF))


def open_udp(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect(tuple(address))
    return sock


async def receive_datagram(sock: socket.socket) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return await asyncio.get_running_loop().sock_recv(sock, 4096)


async def test_an_operation_over_tcp_is_answered_in_order(server: LocalServer, toy: Toy) -> None:
    """The queries before and after it on the connection are answered, and so are those of other
    connections meanwhile."""
    async with serve_on_loopback(server, operations=[toy.operation()]) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        other_reader, other_writer = await asyncio.open_connection(*address)
        for wire in (make_query(1), make_update(2), make_query(3)):
            writer.write(frame(wire))
        assert (await receive(reader))[:2] == b"\0\1"
        await eventually(lambda: toy.running == 1)
        other_writer.write(frame(make_query(4)))
        assert (await receive(other_reader))[:2] == b"\0\4"
        toy.proceed.set()
        reply = await receive(reader)
        assert (reply[:2], read_rcode(reply)) == (b"\0\2", "YXDOMAIN")
        assert (await receive(reader))[:2] == b"\0\3"
        writer.close()
        other_writer.close()


@pytest.mark.parametrize("is_batched", [True, False])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::"])
async def test_an_operation_over_udp_is_answered_later(
    server: LocalServer, toy: Toy, host: str, is_batched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reply goes to its client, from the address that it asked: the client's socket is
    connected. Other queries are answered meanwhile."""
    if not is_batched:
        monkeypatch.setattr(udp_batch, "is_supported", lambda _: False)
    async with serve_on_loopback(server, host=host, operations=[toy.operation()]) as (address, _):
        to = Address({"0.0.0.0": "127.0.0.53", "::": "::1"}.get(host, host), address.port)
        with open_udp(to) as client, open_udp(to) as other:
            client.send(make_update(1))
            await eventually(lambda: toy.running == 1)
            other.send(make_query(2))
            assert (await receive_datagram(other))[:2] == b"\0\2"
            toy.proceed.set()
            reply = await receive_datagram(client)
    assert (reply[:2], read_rcode(reply)) == (b"\0\1", "YXDOMAIN")


async def test_requests_above_the_limits_get_servfail_at_once(
    server: LocalServer, toy: Toy
) -> None:
    """Datagrams leave a place to connections; a place is free again after a reply."""
    operation = toy.operation(max_running=2, max_datagrams=1)
    async with serve_on_loopback(server, operations=[operation]) as (address, _):
        with open_udp(address) as client, open_udp(address) as other:
            client.send(make_update(1))
            await eventually(lambda: toy.running == 1)
            other.send(make_update(2))
            refused = await receive_datagram(other)
            reader, writer = await asyncio.open_connection(*address)
            writer.write(frame(make_update(3)))
            await eventually(lambda: toy.running == 2)
            second_reader, second_writer = await asyncio.open_connection(*address)
            second_writer.write(frame(make_update(4)))
            assert read_rcode(await receive(second_reader)) == "SERVFAIL"
            toy.proceed.set()
            assert read_rcode(await receive_datagram(client)) == "YXDOMAIN"
            assert read_rcode(await receive(reader)) == "YXDOMAIN"
            second_writer.write(frame(make_update(5)))
            assert read_rcode(await receive(second_reader)) == "YXDOMAIN"
            writer.close()
            second_writer.close()
    message = dns.message.from_wire(refused)
    assert (read_rcode(refused), refused[:2]) == ("SERVFAIL", b"\0\2")
    assert [option.code for option in message.options] == [14]


def test_one_subnet_leaves_places_to_others(server: LocalServer, toy: Toy) -> None:
    dispatcher = MessageDispatcher(
        server.zones, [toy.operation(max_running=3, max_running_of_subnet=2)]
    )
    first, _ = (dispatcher.respond(make_update(), f"192.0.2.{n}", STREAM) for n in (1, 2))
    assert isinstance(dispatcher.respond(make_update(), "192.0.2.3", STREAM), bytes)
    assert isinstance(dispatcher.respond(make_update(), "198.51.100.1", STREAM), DnsRequest)
    assert isinstance(dispatcher.respond(make_update(), "203.0.113.1", STREAM), bytes)
    assert isinstance(first, DnsRequest)
    first.close()
    first.close()
    assert isinstance(dispatcher.respond(make_update(), "203.0.113.1", STREAM), DnsRequest)
    assert isinstance(dispatcher.respond(make_update(), "203.0.113.1", STREAM), bytes)


async def test_an_operation_that_takes_too_long_gets_servfail(
    server: LocalServer, toy: Toy
) -> None:
    """It is cancelled, and its place is free again."""
    operation = toy.operation(reply_s=0.05, max_running=1)
    async with serve_on_loopback(server, operations=[operation]) as (address, _):
        with open_udp(address) as client:
            for _ in range(2):
                client.send(make_update())
                assert read_rcode(await receive_datagram(client)) == "SERVFAIL"
            await eventually(lambda: toy.running == 0)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(make_update()))
        assert read_rcode(await receive(reader)) == "SERVFAIL"
        writer.close()


async def test_operations_that_run_end_with_their_socket(server: LocalServer, toy: Toy) -> None:
    async with serve_on_loopback(server, operations=[toy.operation()]) as (address, _):
        with open_udp(address) as client:
            client.send(make_update())
            await eventually(lambda: toy.running == 1)
    assert toy.running == 0


def test_other_messages_are_left_to_the_responder(server: LocalServer, toy: Toy) -> None:
    """Other opcodes, other types, malformed messages, and datagrams of operations for streams."""
    for_any = DnsOperation(QUERY, (rrtypes.ANY,), toy.run, limits=None, is_stream_only=True)
    dispatcher = MessageDispatcher(server.zones, [for_any])
    ask_any = dns.message.make_query("www.foo.com.", "ANY").to_wire()
    status = bytes((*make_update()[:2], 2 << 3, 0, *make_update()[4:]))
    for wire in (make_query(), make_update(), status, ask_any + b"\0"):
        assert dispatcher.respond(wire, "192.0.2.1", STREAM) == server.exchange(wire, limit=STREAM)
    assert dispatcher.respond(ask_any, "192.0.2.1", 1232) == server.exchange(ask_any, limit=1232)
    request = dispatcher.respond(ask_any, "192.0.2.1", STREAM)
    assert isinstance(request, DnsRequest)
    assert request.query.flags & OPCODE == QUERY


def test_one_kind_of_message_has_one_operation(server: LocalServer, toy: Toy) -> None:
    with pytest.raises(ValueError, match="two operations for opcode 5"):
        MessageDispatcher(server.zones, [toy.operation(), toy.operation()])
