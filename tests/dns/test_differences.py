"""The changes since a secondary's serial: IXFR (RFC 1995), over TCP and UDP."""

import asyncio

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.rrset
import dns.xfr
import dns.zone
import pytest
from tests.dns.local_server import SOA, LocalServer
from tests.dns.loopback import serve_on_loopback
from tests.dns.transfer_client import KEYRING, make_ixfr_query, make_private_zone, receive_transfer

from zonegit.nameserver.answer.zone_table import BranchState
from zonegit.nameserver.message.fragment import FORMERR
from zonegit.nameserver.message.query import parse
from zonegit.nameserver.zone.records import ZoneDelta, compute_delta, iter_records, run_to_end
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names
from zonegit_resolver.xfr.outgoing import Outgoing, TransferCounters

ROWS = "\n".join(f'host{n} 300 TXT "as it was"' for n in range(8))


@pytest.mark.parametrize("rdata", [b"", bytes(19)])
def test_a_transfer_with_a_malformed_soa_is_a_format_error(rdata: bytes) -> None:
    query = b"\0\1\0\0\0\1\0\0\0\1\0\0" + b"\0\0\xfb\0\1"
    soa = b"\0\0\6\0\1\0\0\0\0" + len(rdata).to_bytes(2, "big") + rdata
    parsed = parse(query + soa)
    assert parsed is not None
    assert parsed.rcode == FORMERR


@pytest.mark.parametrize(("serial", "is_whole"), [(6, True), (7, False), (8, False)])
async def test_a_current_secondary_gets_a_single_soa(serial: int, is_whole: bool) -> None:
    """RFC 1995 section 2; the zone's serial is 7."""
    async with serve_on_loopback(LocalServer({"foo.com.": ROWS})) as (address, _):
        messages = await receive_transfer(address, make_ixfr_query("foo.com.", serial))
    found = [record for message in messages for record in message.answer]
    assert found[0].rdtype == dns.rdatatype.SOA
    assert (len(found) > 1) is is_whole


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


class OneStepHistory:
    """A history with one earlier state of a zone."""

    def __init__(self, snapshot: ZoneSnapshot) -> None:
        self.snapshot = snapshot

    def find_recent(
        self, apex: names.Name, state: BranchState, serial: int
    ) -> list[ZoneDelta] | None:
        if serial != self.snapshot.serial:
            return None
        both = (*iter_records(self.snapshot), *iter_records(state.snapshot))
        paths = [(), *(names.path(each.owner, apex) for each in both if each is not None)]
        return [run_to_end(compute_delta(self.snapshot, state.snapshot, paths))]

    async def find_difference(
        self, apex: names.Name, state: BranchState, serial: int
    ) -> ZoneDelta | None:
        found = self.find_recent(apex, state, serial)
        return found[0] if found else None


@pytest.fixture
def changed() -> tuple[LocalServer, OneStepHistory]:
    server = LocalServer({"foo.com.": OLD})
    past = OneStepHistory(server.zones.by_apex[names.parse("foo.com.")].default.snapshot)
    server.put("foo.com.", NEW)
    server.zones.find_deltas = past.find_recent
    return server, past


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
    """Return one short line for each record."""
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


async def test_a_secondary_gets_the_difference_to_its_serial(
    changed: tuple[LocalServer, OneStepHistory],
) -> None:
    """RFC 1995 section 4: the new SOA first and last, between them the old SOA, deletions, the new
    SOA and additions. A signature has the TTL of its RRset, and is replaced with it."""
    server, past = changed
    outgoing = Outgoing(server.zones, past)
    async with serve_on_loopback(server, outgoing=outgoing) as (address, _):
        (message,) = await receive_transfer(address, make_ixfr_query("foo.com.", 5))
    assert lines(message.answer) == SEQUENCE
    assert outgoing.counters == TransferCounters(
        {"axfr": 0, "ixfr": 1, "current": 0, "refused": 0, "slow": 0}, len(message.wire)
    )


async def test_an_unknown_serial_causes_a_whole_transfer(
    changed: tuple[LocalServer, OneStepHistory],
) -> None:
    """RFC 1995 section 4."""
    server, past = changed
    async with serve_on_loopback(server, outgoing=Outgoing(server.zones, past)) as (address, _):
        (message,) = await receive_transfer(address, make_ixfr_query("foo.com.", 4))
    assert lines(message.answer)[:2] == ["@ SOA 9", "@ 60 NS ns1.foo.com."]
    assert len(message.answer) == 11


async def test_a_difference_larger_than_the_zone_is_not_sent() -> None:
    """RFC 1995 section 4: the whole zone is shorter."""
    rows = "".join(f"h{number} 300 TXT x\n" for number in range(100))
    server = LocalServer({"foo.com.": OLD + rows})
    past = OneStepHistory(server.zones.by_apex[names.parse("foo.com.")].default.snapshot)
    server.put("foo.com.", NEW)
    async with serve_on_loopback(server, outgoing=Outgoing(server.zones, past)) as (address, _):
        (message,) = await receive_transfer(address, make_ixfr_query("foo.com.", 5))
    assert lines(message.answer)[:2] == ["@ SOA 9", "@ 60 NS ns1.foo.com."]


async def test_a_secondary_can_apply_a_signed_difference() -> None:
    server = make_private_zone(ROWS)
    past = OneStepHistory(server.zones.by_apex[names.parse("foo.com.")].default.snapshot)
    server.put("foo.com.", SOA.replace(" 7 ", " 8 ") + ROWS + "\nmore 300 A 192.0.2.9\n")
    async with serve_on_loopback(server, outgoing=Outgoing(server.zones, past)) as (address, _):
        zone = dns.zone.from_text(SOA + ROWS, "foo.com.", relativize=False, check_origin=False)
        query, _ = dns.xfr.make_query(zone, keyring=KEYRING)

        def load() -> None:
            dns.query.inbound_xfr(address.host, zone, query, port=address.port, lifetime=10)

        await asyncio.to_thread(load)
    assert zone.get_soa().serial == 8
    assert zone.find_rdataset("more.foo.com.", "A")


@pytest.mark.parametrize("zone", ["foo.com.", "FOO.com."])
def test_a_difference_that_fits_is_sent_over_udp(
    changed: tuple[LocalServer, OneStepHistory], zone: str
) -> None:
    """RFC 1995 section 2; the case of the question is preserved."""
    server, _ = changed
    query = make_ixfr_query(zone, 5, payload=1232)
    octets = server.exchange(query.to_wire(), peer="127.0.0.1")
    assert octets is not None
    assert lines(dns.message.from_wire(octets, one_rr_per_rrset=True).answer) == SEQUENCE
    assert server.zones.increments


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
def test_a_difference_that_does_not_fit_sends_the_client_to_tcp(
    changed: tuple[LocalServer, OneStepHistory], serial: int, peer: str, make: dict[str, object]
) -> None:
    """RFC 1995 section 2."""
    server, _ = changed
    text = "x" * 200
    if "use_edns" in make:
        server.put("foo.com.", NEW + f'new 300 TXT "{text}" "{text}" "{text}"\n')
    reply = server.send(make_ixfr_query("foo.com.", serial, **make), peer=peer)
    found = [record for each in reply.answer for record in each]
    assert [record.serial for record in found] == [9]
