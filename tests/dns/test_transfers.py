"""Zone transfers over real sockets: AXFR (RFC 5936) and IXFR (RFC 1995)."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import AsyncGenerator

import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.xfr
import dns.zone
import pytest
from tests.dns.serving import served
from tests.dns.world import SOA, World, records
from tests.support.framing import framed, receive

from zonegit.zone import names
from zonegit_resolver.addresses import Access, Address
from zonegit_resolver.answering.conduct import Conduct
from zonegit_resolver.answering.zones import State
from zonegit_resolver.compiled.records import Delta, at_once, difference, whole
from zonegit_resolver.compiled.snapshot import Snapshot
from zonegit_resolver.messages.parts import FORMERR
from zonegit_resolver.messages.query import Query, parse
from zonegit_resolver.messages.tsig import Key
from zonegit_resolver.transfers.outgoing import Given, Outgoing

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


@pytest.fixture
def world() -> World:
    return World({"foo.com.": ZONE})


def serial_query(zone: str, serial: int, **make) -> dns.message.Message:
    """RFC 1995 section 3: the client's SOA in the authority section."""
    query = dns.message.make_query(zone, "IXFR", **make)
    query.authority = [dns.rrset.from_text(zone, 0, "IN", "SOA", f". . {serial} 0 0 0 0")]
    return query


def query_for(zone: str, rdtype: str = "AXFR", **make) -> dns.message.Message:
    return dns.message.make_query(zone, rdtype, use_edns=0, **make)


async def transferred(address: Address, query: dns.message.Message) -> list[dns.message.Message]:
    """The messages of a transfer: an error, one SOA and no more, or all up to the last SOA."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(framed(query.to_wire()))
    messages: list[dns.message.Message] = []
    while True:
        messages.append(
            dns.message.from_wire(
                await receive(reader),
                one_rr_per_rrset=True,
                keyring=query.keyring,
                request_mac=query.mac,
                multi=True,
                tsig_ctx=messages[-1].tsig_ctx if messages else None,
            )
        )
        if messages[-1].rcode() or is_whole([each for one in messages for each in one.answer]):
            break
    writer.close()
    return messages


def is_whole(found: list[dns.rrset.RRset]) -> bool:
    """Whether the SOA that a transfer begins with has come again, for the last time: of one
    sequence of differences there are four (RFC 1995 section 4)."""
    soas = sum(each.rdtype == dns.rdatatype.SOA for each in found)
    is_incremental = len(found) > 1 and found[1].rdtype == dns.rdatatype.SOA
    return len(found) == 1 or soas == (4 if is_incremental else 2)


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
async def test_a_transfer_gives_every_record_between_two_soas(world: World, rdtype: str) -> None:
    """RFC 5936 section 2.2; RFC 1995 section 4 lets IXFR be answered so."""
    async with served(world) as (address, _):
        messages = await transferred(address, query_for("foo.com.", rdtype))
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
    async with served(world) as (address, _):
        messages = await transferred(address, serial_query("foo.com.", serial))
    found = [record for message in messages for record in message.answer]
    assert found[0].rdtype == dns.rdatatype.SOA
    assert (len(found) > 1) is is_whole


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


async def test_a_transfer_stays_with_the_state_it_began_with(world: World) -> None:
    """However many commits come meanwhile."""
    wire = dns.message.make_query("foo.com.", "AXFR").to_wire()
    query = parse(wire)
    assert query is not None
    replies = Outgoing(world.zones).replies(wire, query, "127.0.0.1")
    first = dns.message.from_wire(await anext(replies), one_rr_per_rrset=True)
    world.put("foo.com.", "@ 300 SOA a. b. 99 2 3 4 5")
    *_, last = [reply async for reply in replies]
    assert first.answer[0] == dns.message.from_wire(last, one_rr_per_rrset=True).answer[-1]


async def test_a_transfer_is_refused_to_strangers(world: World) -> None:
    world.transfer_to = Access((ipaddress.ip_network("192.0.2.0/24"),))
    world.put("foo.com.", ZONE)
    async with served(world) as (address, _):
        (message,) = await transferred(address, query_for("foo.com."))
    assert message.rcode() == dns.rcode.REFUSED


async def test_a_transfer_of_what_is_no_zone_here_is_not_ours_to_give(world: World) -> None:
    """RFC 5936 section 2.2.1."""
    async with served(world) as (address, _):
        (message,) = await transferred(address, query_for("www.foo.com."))
    assert message.rcode() == dns.rcode.NOTAUTH


async def test_a_notice_of_change_is_no_question_for_the_zone(world: World) -> None:
    """RFC 1996 section 3.12: whatever type it bears."""
    query = query_for("foo.com.")
    query.set_opcode(dns.opcode.NOTIFY)
    async with served(world) as (address, _):
        (reply,) = await transferred(address, query)
    assert reply.rcode() == FORMERR
    assert reply.opcode() == dns.opcode.NOTIFY


async def test_a_transfer_works_over_ipv6(world: World) -> None:
    async with served(world, host="::1") as (address, _):
        assert len(await transferred(address, query_for("foo.com."))) > 1


async def test_a_record_that_fills_a_message_is_transferred() -> None:
    """A message holds 65,535 octets, so others must not stand beside it."""
    most = 65_535 - 12 - len(b"\3foo\3com\0") - 4 - 12
    world = World(
        {"foo.com.": f"@ 300 NS a.\n@ 300 TYPE65400 \\# {most} {'ab' * most}\n@ 300 A 1.2.3.4"}
    )
    async with served(world) as (address, _):
        messages = await transferred(address, query_for("foo.com."))
    assert sum(len(message.answer) for message in messages) == 5


async def test_many_transfers_take_turns() -> None:
    """Whatever else is to be done waits for a slice of one of them, not of all."""
    rows = "".join(f"h{number} 300 A 192.0.2.1\n" for number in range(1_000))
    world = World({"foo.com.": rows})
    made: list[int] = []
    turn = 0

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    class Noted(Outgoing):
        async def replies(self, wire: bytes, query: Query, peer: str) -> AsyncGenerator[bytes]:
            async for reply in super().replies(wire, query, peer):
                made.append(turn)
                yield reply

    async with (
        served(world, outgoing=Noted(world.zones)) as (address, _),
        asyncio.TaskGroup() as group,
    ):
        counting = group.create_task(count())
        clients = [transferred(address, query_for("foo.com.")) for _ in range(12)]
        assert all(len(messages) > 1 for messages in await asyncio.gather(*clients))
        counting.cancel()
    assert max(Counter(made).values()) < 5


async def test_a_transfer_comes_in_canonical_order_in_full_messages(world: World) -> None:
    """RFC 4034 section 6.1; RFC 5936 section 2.2: as many records a message as are sensible."""
    async with served(world) as (address, _):
        messages = await transferred(address, query_for("foo.com."))
    owners = [record.name for message in messages for record in message.answer[:-1]]
    assert owners == sorted(owners)
    sizes = [len(message.wire) for message in messages]
    assert all(15_000 < size <= 16_384 for size in sizes[:-1])


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
async def test_names_keep_their_case_whatever_that_of_the_question(rdtype: str) -> None:
    """RFC 5936 section 3.4: a pointer at the question would make its case that of the zone."""
    world = World({"foo.com.": "@ 300 MX 1 mail.foo.com.\n@ 300 MX 2 Mail.Foo.com."})
    async with served(world) as (address, _):
        (message,) = await transferred(address, query_for("FOO.com.", rdtype))
    assert message.question[0].name.to_text() == "FOO.com."
    found = records(message.answer)
    assert "foo.com. 300 MX 1 mail.foo.com." in found
    assert "foo.com. 300 MX 2 Mail.Foo.com." in found


async def test_names_are_compressed_throughout_a_message() -> None:
    """RFC 5936 section 3.4."""
    rows = "".join(f"h{number:04} 300 MX 1 mail.{'x' * 50}.example.\n" for number in range(1_000))
    async with served(World({"foo.com.": rows})) as (address, _):
        messages = await transferred(address, query_for("foo.com."))
    records = sum(len(message.answer) for message in messages)
    assert sum(len(message.wire) for message in messages) < 30 * records


async def test_an_extended_error_says_why_a_transfer_is_refused(world: World) -> None:
    """RFC 8914 sections 4.19 and 4.21."""
    world.transfer_to = Access()
    world.put("foo.com.", ZONE)
    async with served(world) as (address, _):
        (prohibited,) = await transferred(address, query_for("foo.com."))
        (elsewhere,) = await transferred(address, query_for("bar.com."))
    assert [option.code for option in prohibited.options] == [18]
    assert [option.code for option in elsewhere.options] == [20]


# signed transfers


SECRET = b"0123456789abcdef0123456789abcdef"
KEY = Key(names.parse("axfr-key."), "hmac-sha256", SECRET)
KEYRING = {dns.name.from_text("axfr-key."): dns.tsig.Key("axfr-key.", SECRET, "hmac-sha256")}


def signed(query: dns.message.Message) -> dns.message.Message:
    query.use_tsig(KEYRING, "axfr-key.")
    return query


@pytest.fixture
def private() -> World:
    """A zone that whoever signs with the key may have, and nobody else."""
    made = World({}, conduct=Conduct(keys={KEY.name: KEY}))
    made.transfer_to = Access(keys=frozenset([KEY.name]))
    made.put("foo.com.", ZONE)
    return made


async def test_every_message_of_a_signed_transfer_is_signed(private: World) -> None:
    """RFC 8945 section 5.3.1: each together with the one before it."""
    async with served(private) as (address, _):
        messages = await transferred(address, signed(query_for("foo.com.")))
    assert len(messages) > 1
    assert all(message.had_tsig for message in messages)
    assert all(len(message.wire) <= 16_384 for message in messages)


async def test_who_does_not_sign_is_refused(private: World) -> None:
    async with served(private) as (address, _):
        (message,) = await transferred(address, query_for("foo.com."))
    assert message.rcode() == dns.rcode.REFUSED


async def test_a_signature_that_does_not_hold_is_refused(private: World) -> None:
    """RFC 8945 section 5.2.2."""
    query = query_for("foo.com.")
    other = dns.tsig.Key("axfr-key.", b"another secret", "hmac-sha256")
    query.use_tsig({other.name: other}, "axfr-key.")
    async with served(private) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(framed(query.to_wire()))
        reply = await receive(reader)
        writer.close()
    assert reply[3] & 0xF == dns.rcode.NOTAUTH


# what is new


OLD = """
@ 3600 SOA ns1 admin 5 7200 900 1209600 300
@ 3600 NS ns1
@ 3600 RRSIG NS 8 2 3600 20300101000000 20200101000000 1 foo.com. AAAA
ns1 300 A 192.0.2.1
www 300 A 192.0.2.2
www 300 A 192.0.2.3
old 300 TXT "gone soon"
a 300 TXT "as it was"
b 300 TXT "as it was"
c 300 TXT "as it was"
d 300 TXT "as it was"
"""
NEW = """
@ 3600 SOA ns1 admin 9 7200 900 1209600 300
@ 60 NS ns1
@ 60 RRSIG NS 8 2 3600 20300101000000 20200101000000 1 foo.com. AAAA
ns1 300 A 192.0.2.1
www 300 A 192.0.2.3
www 300 A 192.0.2.4
a 300 TXT "as it was"
b 300 TXT "as it was"
c 300 TXT "as it was"
d 300 TXT "as it was"
"""


class Past:
    """Knows one earlier state of a zone."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def recent(self, apex: names.Name, state: State, serial: int) -> list[Delta] | None:
        if serial != self.snapshot.serial:
            return None
        both = (*whole(self.snapshot), *whole(state.snapshot))
        paths = [(), *(names.path(each.owner, apex) for each in both if each is not None)]
        return [at_once(difference(self.snapshot, state.snapshot, paths))]

    async def since(self, apex: names.Name, state: State, serial: int) -> Delta | None:
        found = self.recent(apex, state, serial)
        return found[0] if found else None


@pytest.fixture
def changed() -> tuple[World, Past]:
    world = World({"foo.com.": OLD})
    past = Past(world.zones.by_apex[names.parse("foo.com.")].default.snapshot)
    world.put("foo.com.", NEW)
    world.zones.recent = past.recent
    return world, past


SEQUENCE = [
    "@ SOA 9",
    "@ SOA 5",
    "@ 3600 NS ns1.foo.com.",
    "@ 3600 RRSIG NS",
    "old 300 TXT",
    "www 300 A 192.0.2.2",
    "@ SOA 9",
    "@ 60 NS ns1.foo.com.",
    "@ 60 RRSIG NS",
    "www 300 A 192.0.2.4",
    "@ SOA 9",
]


def lines(found: list[dns.rrset.RRset]) -> list[str]:
    """Records, one for one, as short as they are to be told apart."""
    origin = dns.name.from_text("foo.com.")
    told = []
    for each in found:
        owner, rdtype = each.name.relativize(origin), dns.rdatatype.to_text(each.rdtype)
        words = str(each[0]).split()
        match rdtype:
            case "SOA":
                told.append(f"{owner} SOA {words[2]}")
            case "TXT":
                told.append(f"{owner} {each.ttl} TXT")
            case _:
                told.append(f"{owner} {each.ttl} {rdtype} {words[0]}")
    return told


async def test_a_secondary_gets_what_is_new_to_it(changed: tuple[World, Past]) -> None:
    """RFC 1995 section 4: between the new SOA twice, the old SOA, what goes, the new SOA, what
    comes. A signature has the TTL of what it covers, and so goes and comes with that."""
    world, past = changed
    outgoing = Outgoing(world.zones, past)
    async with served(world, outgoing=outgoing) as (address, _):
        (message,) = await transferred(address, serial_query("foo.com.", 5))
    assert lines(message.answer) == SEQUENCE
    assert outgoing.given == Given(
        {"axfr": 0, "ixfr": 1, "current": 0, "refused": 0}, len(message.wire)
    )


async def test_a_secondary_with_a_serial_that_nobody_knows_gets_everything(
    changed: tuple[World, Past],
) -> None:
    """RFC 1995 section 4."""
    world, past = changed
    async with served(world, outgoing=Outgoing(world.zones, past)) as (address, _):
        (message,) = await transferred(address, serial_query("foo.com.", 4))
    assert lines(message.answer)[:2] == ["@ SOA 9", "@ 60 NS ns1.foo.com."]
    assert len(message.answer) == 11


async def test_what_differs_more_than_the_zone_holds_is_not_told() -> None:
    """RFC 1995 section 4: the whole zone is shorter."""
    rows = "".join(f"h{number} 300 TXT x\n" for number in range(100))
    world = World({"foo.com.": OLD + rows})
    past = Past(world.zones.by_apex[names.parse("foo.com.")].default.snapshot)
    world.put("foo.com.", NEW)
    async with served(world, outgoing=Outgoing(world.zones, past)) as (address, _):
        (message,) = await transferred(address, serial_query("foo.com.", 5))
    assert lines(message.answer)[:2] == ["@ SOA 9", "@ 60 NS ns1.foo.com."]


async def test_a_signed_difference_is_what_a_secondary_can_apply(private: World) -> None:
    past = Past(private.zones.by_apex[names.parse("foo.com.")].default.snapshot)
    private.put("foo.com.", SOA.replace(" 7 ", " 8 ") + ZONE + "more 300 A 192.0.2.9\n")
    async with served(private, outgoing=Outgoing(private.zones, past)) as (address, _):
        zone = dns.zone.from_text(SOA + ZONE, "foo.com.", relativize=False, check_origin=False)
        query, _ = dns.xfr.make_query(zone, keyring=KEYRING)

        def load() -> None:
            dns.query.inbound_xfr(address.host, zone, query, port=address.port, lifetime=10)

        await asyncio.to_thread(load)
    assert zone.get_soa().serial == 8
    assert zone.find_rdataset("more.foo.com.", "A")


# in datagrams


@pytest.mark.parametrize("zone", ["foo.com.", "FOO.com."])
def test_a_datagram_holds_what_is_new_if_it_fits(changed: tuple[World, Past], zone: str) -> None:
    """RFC 1995 section 2; the question's case is its own."""
    world, _ = changed
    query = serial_query(zone, 5, payload=1232)
    octets = world.exchange(query.to_wire(), peer="127.0.0.1")
    assert octets is not None
    assert lines(dns.message.from_wire(octets, one_rr_per_rrset=True).answer) == SEQUENCE
    assert world.zones.increments


@pytest.mark.parametrize(
    ("serial", "peer", "make"),
    [
        (5, "127.0.0.1", {"use_edns": False}),
        (4, "127.0.0.1", {"payload": 1232}),
        (9, "127.0.0.1", {"payload": 1232}),
        (5, "192.0.2.1", {"payload": 1232}),
    ],
    ids=["it does not fit", "nobody knows it", "nothing is new", "the client may not have it"],
)
def test_else_the_soa_alone_sends_the_client_to_tcp(
    changed: tuple[World, Past], serial: int, peer: str, make: dict[str, object]
) -> None:
    """RFC 1995 section 2."""
    world, _ = changed
    text = "x" * 200
    if "use_edns" in make:
        world.put("foo.com.", NEW + f'new 300 TXT "{text}" "{text}" "{text}"\n')
    reply = world.send(serial_query("foo.com.", serial, **make), peer=peer)
    found = [record for each in reply.answer for record in each]
    assert [record.serial for record in found] == [9]
