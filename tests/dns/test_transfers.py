"""Whole zones over real sockets: AXFR (RFC 5936)."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import AsyncGenerator

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.zone
import pytest
from tests.dns.local_server import SOA, LocalServer, format_records
from tests.dns.loopback import serve_on_loopback
from tests.dns.transfer_client import make_private_zone, make_query, receive_transfer, sign_query
from tests.support.framing import frame, receive
from tests.support.loop_turns import count_turns

from zonegit.nameserver.acl import Access
from zonegit.nameserver.message.fragment import FORMERR
from zonegit.nameserver.message.query import STREAM
from zonegit_resolver.dispatcher import DnsRequest, MessageDispatcher
from zonegit_resolver.xfr.outgoing import Outgoing

LARGE_ZONE = "\n".join(f'big 300 TXT "{n:04} {"x" * 200}"' for n in range(250))
ZONE = f"""
@ 3600 NS ns1
@ 3600 RRSIG NS 8 2 3600 20300101000000 20200101000000 1 foo.com. AAAA
ns1 300 A 192.0.2.1
www 300 A 192.0.2.2
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.3
*.wild 60 MX 1 www
{LARGE_ZONE}
"""


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


@pytest.fixture
def closed() -> LocalServer:
    """Return a zone that only clients with the key may transfer."""
    return make_private_zone(ZONE)


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
async def test_a_transfer_gives_every_record_between_two_soas(
    server: LocalServer, rdtype: str
) -> None:
    """RFC 5936 section 2.2; RFC 1995 section 4 permits this answer to IXFR."""
    async with serve_on_loopback(server) as (address, _):
        messages = await receive_transfer(address, make_query("foo.com.", rdtype))
    found = [record for message in messages for record in message.answer]
    assert found[0].rdtype == found[-1].rdtype == dns.rdatatype.SOA
    expected = dns.zone.from_text(SOA + ZONE, "foo.com.", relativize=False, check_origin=False)
    whole = [record for name, rds in expected.iterate_rdatasets() for record in [(name, rds)]]
    assert len(found) - 1 == sum(len(rds) for _, rds in whole)
    assert len(messages) > 1
    assert all(message.question[0].rdtype.name == rdtype for message in messages)
    assert "*.wild.foo.com. 60 MX 1 www.foo.com." in format_records(found)
    assert [record.ttl for record in found if record.rdtype == dns.rdatatype.RRSIG] == [3600]


async def test_a_secondary_can_load_a_transfer(server: LocalServer) -> None:
    async with serve_on_loopback(server) as (address, _):
        zone = dns.zone.Zone("foo.com.", relativize=False)

        def load() -> None:
            dns.query.inbound_xfr(address.host, zone, port=address.port, lifetime=10)

        await asyncio.to_thread(load)
    assert len(zone.find_rdataset("big.foo.com.", "TXT")) == 250


async def test_a_transfer_has_the_state_of_its_start(server: LocalServer) -> None:
    """Commits during the transfer do not change it."""
    wire = dns.message.make_query("foo.com.", "AXFR").to_wire()
    outgoing = Outgoing(server.zones)
    transfer = MessageDispatcher(server.zones, [outgoing.make_operation()]).respond(
        wire, "127.0.0.1", STREAM
    )
    assert isinstance(transfer, DnsRequest)
    replies = outgoing.answer(transfer)
    first = dns.message.from_wire(await anext(replies), one_rr_per_rrset=True)
    server.put("foo.com.", "@ 300 SOA a. b. 99 2 3 4 5")
    *_, last = [reply async for reply in replies]
    assert first.answer[0] == dns.message.from_wire(last, one_rr_per_rrset=True).answer[-1]


async def test_a_transfer_is_refused_to_other_clients(server: LocalServer) -> None:
    server.transfer_to = Access((ipaddress.ip_network("192.0.2.0/24"),))
    server.put("foo.com.", ZONE)
    async with serve_on_loopback(server) as (address, _):
        (message,) = await receive_transfer(address, make_query("foo.com."))
    assert message.rcode() == dns.rcode.REFUSED


async def test_a_transfer_of_another_zone_is_not_authoritative(server: LocalServer) -> None:
    """RFC 5936 section 2.2.1."""
    async with serve_on_loopback(server) as (address, _):
        (message,) = await receive_transfer(address, make_query("www.foo.com."))
    assert message.rcode() == dns.rcode.NOTAUTH


async def test_a_notify_is_not_a_transfer(server: LocalServer) -> None:
    """RFC 1996 section 3.12, for any type in the question."""
    query = make_query("foo.com.")
    query.set_opcode(dns.opcode.NOTIFY)
    async with serve_on_loopback(server) as (address, _):
        (reply,) = await receive_transfer(address, query)
    assert reply.rcode() == FORMERR
    assert reply.opcode() == dns.opcode.NOTIFY


async def test_a_transfer_works_over_ipv6(server: LocalServer) -> None:
    async with serve_on_loopback(server, host="::1") as (address, _):
        assert len(await receive_transfer(address, make_query("foo.com."))) > 1


async def test_a_record_that_fills_a_message_is_transferred() -> None:
    """A message has 65,535 octets, so it has no room for another record."""
    most = 65_535 - 12 - len(b"\3foo\3com\0") - 4 - 12
    server = LocalServer(
        {"foo.com.": f"@ 300 NS a.\n@ 300 TYPE65400 \\# {most} {'ab' * most}\n@ 300 A 1.2.3.4"}
    )
    async with serve_on_loopback(server) as (address, _):
        messages = await receive_transfer(address, make_query("foo.com."))
    assert sum(len(message.answer) for message in messages) == 5


async def test_many_transfers_take_turns() -> None:
    """Other work waits for one slice of one transfer, not for all transfers."""
    rows = "".join(f"h{number} 300 A 192.0.2.1\n" for number in range(1_000))
    server = LocalServer({"foo.com.": rows})
    made: list[int] = []

    class Noted(Outgoing):
        async def answer(self, request: DnsRequest) -> AsyncGenerator[bytes, None]:
            async for reply in super().answer(request):
                made.append(turns.count)
                yield reply

    async with (
        serve_on_loopback(server, outgoing=Noted(server.zones)) as (address, _),
        count_turns() as turns,
    ):
        clients = [receive_transfer(address, make_query("foo.com.")) for _ in range(12)]
        assert all(len(messages) > 1 for messages in await asyncio.gather(*clients))
    assert max(Counter(made).values()) < 5


async def test_a_transfer_comes_in_canonical_order_in_full_messages(server: LocalServer) -> None:
    """RFC 4034 section 6.1; RFC 5936 section 2.2: as many records per message as reasonable."""
    async with serve_on_loopback(server) as (address, _):
        messages = await receive_transfer(address, make_query("foo.com."))
    owners = [record.name for message in messages for record in message.answer[:-1]]
    assert owners == sorted(owners)
    sizes = [len(message.wire) for message in messages]
    assert all(15_000 < size <= 16_384 for size in sizes[:-1])


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
async def test_names_keep_their_case_for_any_case_of_the_question(rdtype: str) -> None:
    """RFC 5936 section 3.4: a pointer to the question would change the case of names in the
    zone."""
    server = LocalServer({"foo.com.": "@ 300 MX 1 mail.foo.com.\n@ 300 MX 2 Mail.Foo.com."})
    async with serve_on_loopback(server) as (address, _):
        (message,) = await receive_transfer(address, make_query("FOO.com.", rdtype))
    assert message.question[0].name.to_text() == "FOO.com."
    found = format_records(message.answer)
    assert "foo.com. 300 MX 1 mail.foo.com." in found
    assert "foo.com. 300 MX 2 Mail.Foo.com." in found


async def test_names_are_compressed_throughout_a_message() -> None:
    """RFC 5936 section 3.4."""
    rows = "".join(f"h{number:04} 300 MX 1 mail.{'x' * 50}.example.\n" for number in range(1_000))
    async with serve_on_loopback(LocalServer({"foo.com.": rows})) as (address, _):
        messages = await receive_transfer(address, make_query("foo.com."))
    records = sum(len(message.answer) for message in messages)
    assert sum(len(message.wire) for message in messages) < 30 * records


async def test_an_extended_error_has_the_reason_of_a_refused_transfer(server: LocalServer) -> None:
    """RFC 8914 sections 4.19 and 4.21."""
    server.transfer_to = Access()
    server.put("foo.com.", ZONE)
    async with serve_on_loopback(server) as (address, _):
        (prohibited,) = await receive_transfer(address, make_query("foo.com."))
        (elsewhere,) = await receive_transfer(address, make_query("bar.com."))
    assert [option.code for option in prohibited.options] == [18]
    assert [option.code for option in elsewhere.options] == [20]


async def test_every_message_of_a_signed_transfer_is_signed(closed: LocalServer) -> None:
    """RFC 8945 section 5.3.1: each together with the preceding one."""
    async with serve_on_loopback(closed) as (address, _):
        messages = await receive_transfer(address, sign_query(make_query("foo.com.")))
    assert len(messages) > 1
    assert all(message.had_tsig for message in messages)
    assert all(len(message.wire) <= 16_384 for message in messages)


async def test_an_unsigned_request_is_refused(closed: LocalServer) -> None:
    async with serve_on_loopback(closed) as (address, _):
        (message,) = await receive_transfer(address, make_query("foo.com."))
    assert message.rcode() == dns.rcode.REFUSED


async def test_an_invalid_signature_is_refused(closed: LocalServer) -> None:
    """RFC 8945 section 5.2.2."""
    query = make_query("foo.com.")
    other = dns.tsig.Key("axfr-key.", b"another secret", "hmac-sha256")
    query.use_tsig({other.name: other}, "axfr-key.")
    async with serve_on_loopback(closed) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(query.to_wire()))
        reply = await receive(reader)
        writer.close()
    assert reply[3] & 0xF == dns.rcode.NOTAUTH
