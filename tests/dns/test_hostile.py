"""Octets from anybody: nothing raises, nothing is answered twice, nothing leaks."""

import struct

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dns.world import World, rcode

from zonegit_resolver.answering.canary import Canary
from zonegit_resolver.messages.query import DATAGRAM, STREAM

ZONE = """
@ 300 NS ns.sub
www 300 A 192.0.2.1
*.wild 300 CNAME www
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.2
d 300 DNAME www
"""
WORLD = World({"foo.com.": ZONE, ".": "@ 300 NS a."})
SPLIT = World({"foo.com.": ZONE}, Canary("canary", 50))
SPLIT.put("foo.com.", ZONE, canary=ZONE)

LABELS = st.sampled_from([b"\3www", b"\4wild", b"\3sub", b"\1d", b"\3foo", b"\3com", b"\1*", b"\0"])
NAMES = st.lists(LABELS | st.binary(max_size=9), max_size=9).map(b"".join)
HEADERS = st.tuples(st.binary(min_size=4, max_size=4), *[st.integers(0, 3)] * 4).map(
    lambda parts: parts[0] + struct.pack("!HHHH", *parts[1:])
)
OPT = st.builds(
    lambda head, body: head + struct.pack("!H", len(body)) + body,
    st.sampled_from(
        [b"\0\0\x29\4\xd0\0\0\0\0", b"\0\0\x29\0\0\0\1\x80\0", b"\0\0\x29\xff\xff\0\0\x80\0"]
    ),
    st.binary(max_size=20) | st.just(b"\0\x08\0\x07\0\1\x18\0\xc0\0\2"),
)
QUERIES = st.tuples(
    st.just(b"\1\2\1\0\0\1\0\0\0\0\0\1") | HEADERS,
    NAMES,
    st.sampled_from([b"\0", b""]),
    st.sampled_from([b"\0\1\0\1", b"\0\5\0\1", b"\0\xff\0\1", b"\0\x2b\0\1", b"\0\xfb\0\1"])
    | st.binary(max_size=4),
    OPT | st.binary(max_size=12),
).map(b"".join)


@given(st.binary(max_size=600) | QUERIES, st.sampled_from([DATAGRAM, STREAM]))
def test_no_octets_make_it_raise_or_answer_somebody_else(wire: bytes, limit: int) -> None:
    for world in (WORLD, SPLIT):
        reply = world.exchange(wire, limit=limit)
        if reply is None:
            assert len(wire) < 12 or wire[2] & 0x80
        else:
            assert reply[:2] == wire[:2]
            assert reply[2] & 0x80
            assert (reply[2] ^ wire[2]) & 0x79 == 0  # the opcode and RD are the query's
            dns.message.from_wire(reply)


@given(QUERIES)
def test_a_reply_is_never_answered(wire: bytes) -> None:
    """Else two servers could talk for ever."""
    reply = WORLD.exchange(wire)
    if reply is not None:
        assert WORLD.exchange(reply) is None


@pytest.mark.parametrize("opcode", [1, 2, 3, 5, 6, 15])
def test_other_operations_are_not_implemented(opcode: int) -> None:
    query = dns.message.make_query("www.foo.com.", "A")
    query.set_opcode(opcode)
    octets = WORLD.exchange(query.to_wire())
    assert octets is not None
    assert octets[3] & 0xF == 4
    assert octets[2] >> 3 & 0xF == opcode


@pytest.mark.parametrize("count", [0, 2, 65535])
def test_a_query_has_one_question(count: int) -> None:
    """RFC 9619."""
    wire = bytearray(dns.message.make_query("www.foo.com.", "A").to_wire())
    wire[4:6] = struct.pack("!H", count)
    octets = WORLD.exchange(bytes(wire))
    assert octets is not None
    assert octets[3] & 0xF == 1


def test_a_compressed_question_is_a_format_error() -> None:
    """It could only point at itself or into the header."""
    octets = WORLD.exchange(b"\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1")
    assert octets is not None
    assert octets[3] & 0xF == 1


def test_types_without_a_mnemonic_are_counted_together() -> None:
    """Else a flood of made-up types would fill memory."""
    world = World({"foo.com.": ZONE})
    for rdtype in range(400, 600):
        assert rcode(world.ask("www.foo.com.", f"TYPE{rdtype}")) == "NOERROR"
    ((_, served),) = list(world.zones)
    assert len(served.default.queries) < 10
