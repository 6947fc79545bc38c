"""Signed queries and their replies (RFC 8945), with dnspython as the client."""

import asyncio
import struct
import time

import dns.edns
import dns.message
import dns.opcode
import dns.query
import dns.tsig
import dns.xfr
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dns.local_server import LocalServer, flags, format_records, rcode
from tests.dns.loopback import serve_on_loopback

from zonegit.nameserver.acl import Access
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.query import parse
from zonegit.nameserver.message.tsig import ALGORITHMS, MAX_KEY_NAME, TsigKey
from zonegit.zone import names

FULL_KEY_NAME = names.parse("x" * 63 + "." + "y" * 34 + ".")
KEYS = {name: TsigKey(names.parse(f"{name}.key."), name, b"shared by two") for name in ALGORITHMS}
DEFAULT_KEY = KEYS["hmac-sha256"]
SERVER_OPTIONS = ServerOptions(keys={key.name: key for key in KEYS.values()}, nsid=b"n" * 128)
LARGE_ZONE = "\n".join(f'big 300 TXT "{n} {"x" * 200}"' for n in range(250))
ZONE = f"""
@ 300 NS ns1
ns1 300 A 192.0.2.1
www 300 A 192.0.2.1
{LARGE_ZONE}
"""


def make_server(conduct: ServerOptions = SERVER_OPTIONS) -> LocalServer:
    server = LocalServer({"foo.com.": ZONE}, conduct=conduct)
    now = time.time()
    server.zones.clock = lambda: now  # otherwise two replies to one query might differ
    return server


@pytest.fixture
def server() -> LocalServer:
    return make_server()


def signed(
    name: str = "www.foo.com.", rdtype: str = "A", key: TsigKey = DEFAULT_KEY, **make
) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, **make)
    query.use_tsig(key.primitive)
    return query


def exchange(
    server: LocalServer, query: dns.message.Message, limit: int = 1232
) -> dns.message.Message:
    """Return the reply after verifying its signature."""
    octets = server.exchange(query.to_wire(), limit=limit)
    assert octets is not None
    reply = dns.message.from_wire(octets, keyring=query.keyring, request_mac=query.mac)
    assert reply.had_tsig
    assert query.is_response(reply)
    return reply


def refused(server: LocalServer, wire: bytes) -> dns.message.Message:
    octets = server.exchange(wire)
    assert octets is not None
    return dns.message.from_wire(octets, keyring=False)


def split_signed(wire: bytes) -> tuple[bytes, bytes]:
    """Return a signed message without its TSIG record, and the TSIG record."""
    query = parse(wire)
    assert query is not None
    assert query.tsig is not None
    return wire[: query.tsig], wire[query.tsig :]


def count_errors(wire: bytes, additional: int) -> bytes:
    return wire[:10] + struct.pack("!H", additional) + wire[12:]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signed_query_gets_a_signed_reply(server: LocalServer, algorithm: str) -> None:
    """Section 5.3."""
    reply = exchange(server, signed(key=KEYS[algorithm]))
    assert format_records(reply.answer) == ["www.foo.com. 300 A 192.0.2.1"]
    assert reply.tsig[0].fudge == 300


@pytest.mark.parametrize(
    ("name", "rdtype", "expected"),
    [("no.foo.com.", "A", "NXDOMAIN"), ("foo.org.", "A", "REFUSED"), (".", "TSIG", "FORMERR")],
)
def test_every_answer_to_a_signed_query_is_signed(
    server: LocalServer, name: str, rdtype: str, expected: str
) -> None:
    assert rcode(exchange(server, signed(name, rdtype))) == expected


def test_badvers_is_signed(server: LocalServer) -> None:
    assert rcode(exchange(server, signed(use_edns=1))) == "BADVERS"


def test_a_signature_counts_towards_the_size_of_a_reply(server: LocalServer) -> None:
    """Section 5.3: the reply is truncated so that the signature fits."""
    reply = exchange(server, signed("big.foo.com.", "TXT"), limit=512)
    assert flags(reply) == {"QR", "AA", "RD", "TC"}
    assert not reply.answer


def test_a_signature_by_the_longest_key_fits_after_the_longest_question() -> None:
    key = TsigKey(FULL_KEY_NAME, "hmac-sha512", b"x")
    assert len(FULL_KEY_NAME) == MAX_KEY_NAME
    server = make_server(conduct=ServerOptions(keys={key.name: key}, nsid=b"n" * 128))
    name = ".".join(("x" * 63, "y" * 63, "z" * 63, "w" * 53, "foo.com."))
    nsid = dns.edns.GenericOption(dns.edns.NSID, b"")
    for make in ({}, {"use_edns": 0, "options": [nsid], "payload": 512}):
        reply = exchange(server, signed(name, key=key, **make), limit=512)
        assert rcode(reply) == "NXDOMAIN"
        octets = server.exchange(signed(name[:-8] + "foo.org.", key=key, **make).to_wire())
        assert octets is not None
        assert octets[3] & 0xF == 5
        assert len(octets) <= 512


def test_an_unknown_key_is_badkey(server: LocalServer) -> None:
    """Section 5.2.1; the reply is unsigned, because there is no shared key (section 5.3.2)."""
    stranger = TsigKey(names.parse("stranger."), "hmac-sha256", b"x")
    reply = refused(server, signed(key=stranger).to_wire())
    assert rcode(reply) == "NOTAUTH"
    assert reply.tsig.name == stranger.primitive.name
    assert (reply.tsig[0].error, reply.tsig[0].mac) == (17, b"")
    assert not reply.answer
    assert server.zones.denied == 1 + 1  # counted by both paths


def test_another_algorithm_than_that_of_the_key_is_badkey(server: LocalServer) -> None:
    """Section 5.2.1."""
    other = TsigKey(DEFAULT_KEY.name, "hmac-sha512", DEFAULT_KEY.secret)
    assert refused(server, signed(key=other).to_wire()).tsig[0].error == 17
    weak = dns.message.make_query("www.foo.com.", "A")
    weak.use_tsig(dns.tsig.Key(DEFAULT_KEY.primitive.name, DEFAULT_KEY.secret, dns.tsig.HMAC_SHA1))
    assert refused(server, weak.to_wire()).tsig[0].error == 17


def test_another_secret_is_badsig(server: LocalServer) -> None:
    """Section 5.2.2."""
    other = TsigKey(DEFAULT_KEY.name, DEFAULT_KEY.algorithm, b"guessed")
    reply = refused(server, signed(key=other).to_wire())
    assert rcode(reply) == "NOTAUTH"
    assert (reply.tsig[0].error, reply.tsig[0].mac) == (16, b"")


@given(st.data())
def test_an_altered_query_gets_no_signed_answer(data: st.DataObject) -> None:
    """Each bit counts, except those of the id, which forwarders may change, and the case of
    names."""
    wire = bytearray(SIGNED)
    at = data.draw(st.integers(2, len(wire) - 1))
    wire[at] ^= 1 << data.draw(st.integers(0, 7))
    octets = SERVER.exchange(bytes(wire))
    if octets is not None and bytes(wire).lower() != SIGNED.lower():
        reply = dns.message.from_wire(octets, keyring=False)
        assert reply.rcode() or not reply.had_tsig


@pytest.mark.parametrize(
    ("size", "expected", "error"), [(31, 9, 22), (16, 9, 22), (15, 1, None), (0, 1, None)]
)
def test_a_truncated_signature_is_badtrunc(
    server: LocalServer, size: int, expected: int, error: int | None
) -> None:
    """Section 5.2.4, and the reply is signed; a signature below the minimum of any policy is
    malformed (section 5.2.2.1)."""
    query = signed()
    wire = query.to_wire()
    mac = query.mac[:size]
    reply = refused(server, with_mac(query, wire, mac))
    assert reply.rcode() == expected
    assert (reply.tsig[0].error if reply.had_tsig else None) == error
    if error is not None:
        octets = server.exchange(with_mac(query, wire, mac))
        assert octets is not None
        front = count_errors(octets[: octets.rindex(DEFAULT_KEY.primitive.name.to_wire())], 0)
        rdata = reply.tsig[0]
        right, _ = dns.tsig.sign(front, DEFAULT_KEY.primitive, rdata, rdata.time_signed, mac)
        assert rdata.mac == right.mac


def test_a_truncated_signature_by_another_secret_is_badsig(server: LocalServer) -> None:
    query = signed()
    reply = refused(server, with_mac(query, query.to_wire(), bytes(16)))
    assert (reply.rcode(), reply.tsig[0].error, reply.tsig[0].mac) == (9, 16, b"")


def with_mac(query: dns.message.Message, wire: bytes, mac: bytes) -> bytes:
    """Return a query with another signature, and its octets."""
    front, _ = split_signed(wire)
    rdata = query.tsig[0].replace(mac=mac).to_wire()
    head = DEFAULT_KEY.primitive.name.to_wire() + struct.pack("!HHIH", 250, 255, 0, len(rdata))
    return front + head + rdata


@pytest.mark.parametrize("apart", [-400, 400, 10**9])
def test_a_signature_of_another_time_is_badtime(server: LocalServer, apart: int) -> None:
    """Section 5.2.3: the reply is signed, with the client's time and ours."""
    ours = int(time.time()) + apart
    server.zones.clock = lambda: ours
    query = signed()
    octets = server.exchange(query.to_wire())
    assert octets is not None
    reply = refused(server, query.to_wire())
    rdata = reply.tsig[0]
    assert rcode(reply) == "NOTAUTH"
    assert rdata.error == 18
    assert rdata.time_signed == query.tsig[0].time_signed
    assert int.from_bytes(rdata.other, "big") == ours
    front = count_errors(octets[: octets.rindex(DEFAULT_KEY.primitive.name.to_wire())], 0)
    expected, _ = dns.tsig.sign(front, DEFAULT_KEY.primitive, rdata, rdata.time_signed, query.mac)
    assert rdata.mac == expected.mac


def test_a_forwarded_message_is_verified_with_its_original_id(
    server: LocalServer,
) -> None:
    """Section 4.2: the original id."""
    wire = signed().to_wire()
    octets = server.exchange(b"\xab\xcd" + wire[2:])
    assert octets is not None
    assert octets[:2] == b"\xab\xcd"
    assert octets[3] & 0xF == 0


def test_a_signature_must_be_single_and_last(server: LocalServer) -> None:
    """Section 5.1: any other position is a format error."""
    front, tsig = split_signed(signed().to_wire())
    record = b"\0" + struct.pack("!HHIH", 1, 1, 0, 4) + b"\x7f\0\0\1"
    in_authority = front[:8] + b"\0\1\0\0" + front[12:] + tsig
    for wire in (
        count_errors(front + tsig + tsig, 2),
        count_errors(front + tsig + record, 2),
        in_authority,
    ):
        octets = server.exchange(wire)
        assert octets is not None
        assert octets[3] & 0xF == 1
        assert octets[10:12] == b"\0\0"
    assert server.exchange(count_errors(front + record + tsig, 2))[3] & 0xF == 9


@pytest.mark.parametrize("cut", [1, 5, 20, 40])
def test_a_malformed_signature_is_a_format_error(server: LocalServer, cut: int) -> None:
    front, tsig = split_signed(signed().to_wire())
    at = len(DEFAULT_KEY.name) + 8
    length = int.from_bytes(tsig[at : at + 2], "big") - cut
    wire = front + tsig[:at] + length.to_bytes(2, "big") + tsig[at + 2 : -cut]
    assert server.exchange(wire)[3] & 0xF == 1
    another_class = (
        front + tsig[: len(DEFAULT_KEY.name) + 2] + b"\0\1" + tsig[len(DEFAULT_KEY.name) + 4 :]
    )
    assert server.exchange(another_class)[3] & 0xF == 1


def test_a_tsig_error_has_edns_if_the_query_has(server: LocalServer) -> None:
    """RFC 6891 section 6.1.1, for each error of RFC 8945 section 5.2."""
    query = signed(use_edns=0, want_dnssec=True)
    wire = query.to_wire()
    others = [
        TsigKey(names.parse("stranger."), "hmac-sha256", b"x"),
        TsigKey(DEFAULT_KEY.name, DEFAULT_KEY.algorithm, b"guessed"),
    ]
    wires = [signed(key=key, use_edns=0, want_dnssec=True).to_wire() for key in others]
    wires += [with_mac(query, wire, query.mac[:size]) for size in (31, 15)]
    front, tsig = split_signed(wire)
    wires += [
        front + tsig[: len(DEFAULT_KEY.name) + 2] + b"\0\1" + tsig[len(DEFAULT_KEY.name) + 4 :]
    ]
    now = time.time()
    for each, clock in [*((each, now) for each in wires), (wire, now + 10**6)]:
        server.zones.clock = lambda at=clock: at
        reply = refused(server, each)
        assert rcode(reply) in ("NOTAUTH", "FORMERR")
        assert (reply.edns, reply.ednsflags) == (0, 0x8000)


def test_notify_is_answered_signed(server: LocalServer) -> None:
    """RFC 1996 section 3, like any other message."""
    query = signed("foo.com.", "SOA")
    query.set_opcode(dns.opcode.NOTIFY)
    assert rcode(exchange(server, query)) == "NOERROR"


async def test_each_message_of_a_transfer_is_signed_together_with_the_one_before() -> None:
    """Section 5.3.1; dnspython checks the chain of all messages."""
    server = make_server()
    server.transfer_to = Access(keys=frozenset([DEFAULT_KEY.name]))
    server.put("foo.com.", ZONE)
    async with serve_on_loopback(server) as (address, _):

        def load(key: TsigKey | None) -> dns.zone.Zone:
            zone = dns.zone.Zone("foo.com.", relativize=False)
            query = dns.message.make_query("foo.com.", "AXFR")
            if key is not None:
                query.use_tsig(key.primitive)
            dns.query.inbound_xfr(address.host, zone, query, port=address.port, lifetime=10)
            return zone

        zone = await asyncio.to_thread(load, DEFAULT_KEY)
        with pytest.raises(dns.xfr.TransferError, match="REFUSED"):
            await asyncio.to_thread(load, None)
        with pytest.raises(dns.xfr.TransferError, match="REFUSED"):
            await asyncio.to_thread(load, KEYS["hmac-sha512"])
    assert len(zone.find_rdataset("big.foo.com.", "TXT")) == 250


SERVER = make_server()
SIGNED = signed(use_edns=0).to_wire()
