"""EDNS: version, size, DO, options."""

import struct

import dns.edns
import dns.message
import pytest
from tests.dns.world import World, rcode

OPT = struct.Struct("!BHHIH")


@pytest.fixture
def world() -> World:
    return World({"foo.com.": "www 300 A 192.0.2.1"})


def bare(name: bytes = b"\3www\3foo\3com\0", additional: bytes = b"", count: int = 0) -> bytes:
    return struct.pack("!HHHHHH", 99, 0, 1, 0, 0, count) + name + b"\0\1\0\1" + additional


def test_a_query_without_edns_gets_none_back(world: World) -> None:
    """RFC 6891 section 7."""
    assert world.ask("www.foo.com.").edns == -1


def test_a_query_with_edns_gets_our_size_back(world: World) -> None:
    """RFC 6891 section 6.2.3; 1,232 octets are never fragmented (RFC 9715)."""
    reply = world.ask("www.foo.com.", use_edns=0, payload=4096)
    assert reply.edns == 0
    assert reply.payload == 1232


@pytest.mark.parametrize("name", ["www.foo.com.", "no.foo.com.", "www.foo.org."])
def test_do_is_copied(world: World, name: str) -> None:
    """RFC 3225 section 3."""
    assert world.ask(name, use_edns=0, want_dnssec=True).ednsflags == 0x8000
    assert world.ask(name, use_edns=0).ednsflags == 0


def test_other_flags_of_edns_are_cleared(world: World) -> None:
    """RFC 6891 section 6.1.4."""
    assert world.ask("www.foo.com.", use_edns=0, ednsflags=0x7FFF).ednsflags == 0


def test_a_later_version_is_badvers(world: World) -> None:
    """RFC 6891 section 6.1.3."""
    reply = world.ask("www.foo.com.", use_edns=1)
    assert rcode(reply) == "BADVERS"
    assert reply.edns == 0
    assert not reply.answer


def test_unknown_options_are_ignored(world: World) -> None:
    """RFC 6891 section 6.1.2."""
    cookie = dns.edns.GenericOption(10, b"12345678")
    reply = world.ask("www.foo.com.", use_edns=0, options=[cookie])
    assert rcode(reply) == "NOERROR"
    assert reply.options == ()


@pytest.mark.parametrize(
    "additional",
    [
        (OPT.pack(0, 41, 1232, 0, 0) * 2, 2),
        (b"\1x" + OPT.pack(0, 41, 1232, 0, 0), 1),
        (OPT.pack(0, 41, 1232, 0, 9), 1),
        (OPT.pack(0, 41, 1232, 0, 0) + b"x", 1),
        (OPT.pack(0, 41, 1232, 0, 0)[:-3], 1),
        (b"x", 0),
    ],
    ids=["two", "not at the root", "too long", "garbage behind it", "cut off", "garbage alone"],
)
def test_a_malformed_opt_record_is_a_format_error(
    world: World, additional: tuple[bytes, int]
) -> None:
    """RFC 6891 section 6.1.1."""
    octets = world.exchange(bare(additional=additional[0], count=additional[1]))
    assert octets is not None
    assert octets[:2] == b"\0\x63"
    assert octets[3] & 0xF == 1


def test_other_additional_records_do_no_harm(world: World) -> None:
    record = b"\0" + struct.pack("!HHIH", 1, 1, 0, 4) + b"\x7f\0\0\1"
    octets = world.exchange(bare(additional=record + OPT.pack(0, 41, 512, 0, 0), count=2))
    assert rcode(dns.message.from_wire(octets)) == "NOERROR"
