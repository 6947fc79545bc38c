"""Octets from any sender: no exception, no second reply, and no leak.

``make fuzz`` tries more of them.
"""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dns.local_server import LocalServer, rcode
from tests.support.hostile_queries import (
    MAX_SIZES,
    ZONE,
    check_reply,
    make_queries,
    make_question,
    make_servers,
)

SERVERS = make_servers()
QUERIES = make_queries()
FORMERR = 1
MUTATIONS = 20_000
MAX_EDITS = 4

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
MESSAGES = st.tuples(
    st.just(b"\1\2\1\0\0\1\0\0\0\0\0\1") | HEADERS,
    NAMES,
    st.sampled_from([b"\0", b""]),
    st.sampled_from([b"\0\1\0\1", b"\0\5\0\1", b"\0\xff\0\1", b"\0\x2b\0\1", b"\0\xfb\0\1"])
    | st.binary(max_size=4),
    OPT | st.binary(max_size=12),
).map(b"".join)


def check_wire(wire: bytes) -> None:
    for server in SERVERS:
        for limit in MAX_SIZES:
            check_reply(server, wire, limit)


@given(st.binary(max_size=600) | MESSAGES)
def test_no_octets_raise_or_get_a_reply_to_another_query(wire: bytes) -> None:
    check_wire(wire)


@pytest.mark.parametrize("kind", QUERIES)
def test_a_truncated_query_is_a_format_error_and_less_than_a_header_gets_no_reply(
    kind: str,
) -> None:
    """RFC 1035 section 4.1.1. Missing octets are not guessed, even if the whole query was seen
    before."""
    wire = QUERIES[kind]
    for length in range(len(wire)):
        check_wire(wire)
        check_wire(wire[:length])
        for server in SERVERS:
            reply = server.exchange(wire[:length])
            assert (reply is None) == (length < 12)
            assert reply is None or reply[3] & 0xF == FORMERR


def test_mutated_queries_are_answered_or_refused() -> None:
    chosen = random.Random(4)
    pool = list(QUERIES.values())
    for _ in range(MUTATIONS):
        wire = _mutated(chosen, pool)
        check_reply(chosen.choice(SERVERS), wire, chosen.choice(MAX_SIZES))


def _mutated(chosen: random.Random, pool: list[bytes]) -> bytes:
    wire = bytearray(chosen.choice(pool))
    for _ in range(chosen.randint(1, MAX_EDITS)):
        at = chosen.randrange(len(wire) + 1)
        end = chosen.randint(at, min(len(wire), at + 12))
        match chosen.randrange(5):
            case 0 if at < len(wire):
                wire[at] ^= 1 << chosen.randrange(8)
            case 1 if at < len(wire):
                wire[at] = chosen.choice((0, 1, 63, 64, 127, 192, 255, chosen.randrange(256)))
            case 2:
                wire[at:at] = chosen.randbytes(chosen.randint(1, 12))
            case 3:
                del wire[at:end]
            case _:
                other = chosen.choice(pool)
                wire[at:end] = other[chosen.randrange(len(other)) :][: chosen.randint(1, 40)]
    return bytes(wire)


@pytest.mark.parametrize(
    "name",
    [
        *(b"\xc0\x0c", b"\xc0\x00", b"\xc0\xff", b"\xff\xff", b"\3www\xc0\x0c", b"\3www\xc0\x10"),
        *(b"\x40www\0", b"\x80www\0", b"\xbfwww\0", b"\3www\x41\1x\0", b"\x3f\0", b"\xc0"),
        *((b"\x3f" + b"x" * 63) * 4 + b"\0", b"\1x" * 128 + b"\0"),
    ],
)
def test_compression_pointers_and_malformed_names_are_format_errors(name: bytes) -> None:
    """The only name of a query has nothing to point to (RFC 1035 section 4.1.4); label types 01 and
    10 are not in use (RFC 6891 section 5)."""
    wire = make_question(name)
    check_wire(wire)
    reply = SERVERS[0].exchange(wire)
    assert reply is not None
    assert reply[3] & 0xF == FORMERR


def test_pointer_loops_in_owners_do_no_harm() -> None:
    for owner in (b"\xc0\x1d", b"\xc0\x0c", b"\xff\xff", b"\3www\xc0\x1d"):
        for rdtype in (1, 41, 250):
            tail = owner + struct.pack("!HHIH", rdtype, 1, 0, 0)
            wire = bytearray(make_question(b"\3www\3foo\3com\0") + tail)
            wire[11] = 1
            check_wire(bytes(wire))


def test_all_opcodes_flags_and_classes_get_a_reply() -> None:
    name = b"\3www\3foo\3com\0"
    for flags in range(0, 0x8000, 0x40):
        check_wire(make_question(name, flags=flags))
    for rdclass in (*range(300), *(1 << bit for bit in range(16)), 65_535):
        check_wire(make_question(name, struct.pack("!HH", 1, rdclass)))
    for rdtype in (*range(300), *(1 << bit for bit in range(16)), 65_535):
        check_wire(make_question(name, struct.pack("!HH", rdtype, 1)))


def test_odd_edns_gets_a_reply() -> None:
    """All versions and flags, sizes from none to the maximum, options of any code, too short or too
    long."""
    sizes = ((size, 0) for size in (0, 1, 511, 512, 513, 1_232, 65_535))
    extended = (
        (1_232, rcode << 24 | version << 16) for rcode in (0, 255) for version in range(256)
    )
    flags = ((1_232, 1 << bit) for bit in range(16))
    options = (struct.pack("!HH", code, size) for code in range(20) for size in (0, 1, 4, 65_535))
    for size, ttl in (*sizes, *extended, *flags):
        check_wire(_with_opt(size, ttl, b""))
    for option in options:
        for body in (b"", b"x", b"\0\1\x18\0", b"\0\2\x80\0" + b"x" * 16):
            check_wire(_with_opt(1_232, 0, option + body))


def _with_opt(size: int, ttl: int, options: bytes) -> bytes:
    opt = b"\0" + struct.pack("!HHIH", 41, size, ttl, len(options)) + options
    wire = bytearray(make_question(b"\1a\4wild\3foo\3com\0") + opt)
    wire[11] = 1
    return bytes(wire)


def test_types_without_a_mnemonic_are_counted_together() -> None:
    """Otherwise a flood of invented types would fill the memory."""
    server = LocalServer({"foo.com.": ZONE})
    for rdtype in range(400, 600):
        assert rcode(server.ask("www.foo.com.", f"TYPE{rdtype}")) == "NOERROR"
    ((_, served),) = list(server.zones)
    assert len(served.default.queries) < 10


def test_queries_for_missing_names_are_not_cached() -> None:
    """A wildcard alias has any number of names."""
    server = LocalServer({"foo.com.": ZONE})
    for number in range(500):
        server.exchange(make_question(b"\3%03d\4wild\3foo\3com\0" % number))
    assert not server.zones.alias_replies
