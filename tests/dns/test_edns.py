"""EDNS: version, size, DO, options."""

import struct

import dns.edns
import dns.message
import pytest
from tests.dns.local_server import LocalServer, flags, rcode

from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.zone import names

OPT = struct.Struct("!BHHIH")
FOO = names.parse("foo.com.")


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": "www 300 A 192.0.2.1"})


def make_message(additional: bytes, count: int) -> bytes:
    question = b"\3www\3foo\3com\0" + b"\0\1\0\1"
    return struct.pack("!HHHHHH", 99, 0, 1, 0, 0, count) + question + additional


def test_a_query_without_edns_gets_a_reply_without_edns(server: LocalServer) -> None:
    """RFC 6891 section 7."""
    assert server.ask("www.foo.com.").edns == -1


def test_a_query_with_edns_gets_our_size_back(server: LocalServer) -> None:
    """RFC 6891 section 6.2.3; 1,232 octets are never fragmented (RFC 9715)."""
    reply = server.ask("www.foo.com.", use_edns=0, payload=4096)
    assert reply.edns == 0
    assert reply.payload == 1232


@pytest.mark.parametrize("name", ["www.foo.com.", "no.foo.com.", "www.foo.org."])
def test_do_is_copied(server: LocalServer, name: str) -> None:
    """RFC 3225 section 3."""
    assert server.ask(name, use_edns=0, want_dnssec=True).ednsflags == 0x8000
    assert server.ask(name, use_edns=0).ednsflags == 0


def test_other_flags_of_edns_are_cleared(server: LocalServer) -> None:
    """RFC 6891 section 6.1.4."""
    assert server.ask("www.foo.com.", use_edns=0, ednsflags=0x7FFF).ednsflags == 0


def test_a_later_version_is_badvers(server: LocalServer) -> None:
    """RFC 6891 section 6.1.3."""
    reply = server.ask("www.foo.com.", use_edns=1)
    assert rcode(reply) == "BADVERS"
    assert reply.edns == 0
    assert not reply.answer


def test_unknown_options_are_ignored(server: LocalServer) -> None:
    """RFC 6891 section 6.1.2."""
    cookie = dns.edns.GenericOption(10, b"12345678")
    reply = server.ask("www.foo.com.", use_edns=0, options=[cookie])
    assert rcode(reply) == "NOERROR"
    assert reply.options == ()


@pytest.mark.parametrize(
    "additional",
    [
        (OPT.pack(0, 41, 1232, 0, 0) * 2, 2),
        (b"\1x" + OPT.pack(0, 41, 1232, 0, 0), 1),
        (OPT.pack(0, 41, 1232, 0, 9), 1),
        (OPT.pack(0, 41, 1232, 0, 3) + b"\0\3\0", 1),
        (OPT.pack(0, 41, 1232, 0, 4) + b"\0\3\0\1", 1),
        (OPT.pack(0, 41, 1232, 0, 9) + b"\xff\xf0\0\0" + b"\0\3\0\2x", 1),
        (OPT.pack(0, 41, 1232, 0, 0) + b"x", 1),
        (OPT.pack(0, 41, 1232, 0, 0)[:-3], 1),
        (b"x", 0),
    ],
    ids=[
        "two",
        "not at the root",
        "too long",
        "an option without length",
        "an option too long",
        "a second option too long",
        "garbage behind it",
        "cut off",
        "garbage alone",
    ],
)
def test_a_malformed_opt_record_is_a_format_error(
    server: LocalServer, additional: tuple[bytes, int]
) -> None:
    """RFC 6891 section 6.1.1."""
    octets = server.exchange(make_message(additional=additional[0], count=additional[1]))
    assert octets is not None
    assert octets[:2] == b"\0\x63"
    assert octets[3] & 0xF == 1


def test_other_additional_records_are_ignored(server: LocalServer) -> None:
    record = b"\0" + struct.pack("!HHIH", 1, 1, 0, 4) + b"\x7f\0\0\1"
    octets = server.exchange(make_message(additional=record + OPT.pack(0, 41, 512, 0, 0), count=2))
    assert rcode(dns.message.from_wire(octets)) == "NOERROR"


def test_an_opt_record_outside_the_additional_section_is_a_format_error(
    server: LocalServer,
) -> None:
    """RFC 6891 section 6.1.1."""
    wire = bytearray(make_message(additional=OPT.pack(0, 41, 1232, 0, 0), count=1))
    wire[8:12] = b"\0\1\0\0"
    octets = server.exchange(bytes(wire))
    assert octets is not None
    assert octets[3] & 0xF == 1


def test_a_later_version_may_have_options_of_another_form(server: LocalServer) -> None:
    """The reply is BADVERS, not a format error (RFC 6891 section 6.1.3)."""
    octets = server.exchange(
        make_message(additional=OPT.pack(0, 41, 1232, 1 << 16, 1) + b"x", count=1)
    )
    assert rcode(dns.message.from_wire(octets)) == "BADVERS"


def test_a_format_error_after_an_opt_record_has_edns(server: LocalServer) -> None:
    """RFC 6891 section 6.1.1: a query with an OPT record gets one."""
    octets = server.exchange(make_message(additional=OPT.pack(0, 41, 1232, 0, 0) * 2, count=2))
    reply = dns.message.from_wire(octets)
    assert rcode(reply) == "FORMERR"
    assert reply.edns == 0


# size

SIZES = LocalServer({"foo.com.": "\n".join(f'big 300 TXT "{n} {"x" * 150}"' for n in range(12))})


@pytest.mark.parametrize("size", [0, 1, 511])
def test_a_size_below_512_counts_as_512(size: int) -> None:
    """RFC 6891 section 6.2.3."""
    server = LocalServer({"foo.com.": f'fits 300 TXT "{"x" * 250}" "{"y" * 190}"'})
    reply = server.ask("fits.foo.com.", "TXT", use_edns=0, payload=size)
    assert "TC" not in flags(reply)
    assert 480 < len(reply.to_wire()) <= 512


@pytest.mark.parametrize(
    ("theirs", "ours", "is_cut"),
    [(4096, 1232, True), (4096, 2500, False), (1232, 4096, True), (65535, 4096, False)],
)
def test_a_reply_is_no_longer_than_client_and_server_want(
    theirs: int, ours: int, is_cut: bool
) -> None:
    """RFC 6891 section 6.2.5; the reply has some 2,000 octets."""
    reply = SIZES.ask("big.foo.com.", "TXT", use_edns=0, payload=theirs, limit=ours)
    assert ("TC" in flags(reply)) is is_cut
    assert reply.edns == 0


# name server identifier

NSID = dns.edns.GenericOption(dns.edns.NSID, b"")


def test_a_query_for_nsid_gets_the_name_of_the_server() -> None:
    """RFC 5001 section 2.1, whatever the answer is."""
    server = LocalServer({"foo.com.": "www 300 A 192.0.2.1"}, conduct=ServerOptions(nsid=b"ns1"))
    for name in ("www.foo.com.", "no.foo.com.", "www.foo.org."):
        for options in ([NSID], [dns.edns.GenericOption(10, b"12345678"), NSID], [NSID, NSID]):
            reply = server.ask(name, use_edns=0, options=options)
            assert [each.nsid for each in read_option(reply, dns.edns.NSID)] == [b"ns1"]
        assert not read_option(server.ask(name, use_edns=0), dns.edns.NSID)


def test_an_nsid_in_a_query_is_ignored() -> None:
    """RFC 5001 section 2.1."""
    server = LocalServer({"foo.com.": "www 300 A 192.0.2.1"}, conduct=ServerOptions(nsid=b"ns1"))
    option = dns.edns.GenericOption(dns.edns.NSID, b"whoever")
    (found,) = read_option(server.ask("www.foo.com.", use_edns=0, options=[option]), dns.edns.NSID)
    assert found.nsid == b"ns1"


def test_a_server_without_a_name_sends_no_nsid(server: LocalServer) -> None:
    assert not server.ask("www.foo.com.", use_edns=0, options=[NSID]).options


# extended errors


def read_option(reply: dns.message.Message, code: int) -> list[dns.edns.Option]:
    return [option for option in reply.options if option.otype == code]


def list_extended_errors(reply: dns.message.Message) -> list[int]:
    return [option.code for option in read_option(reply, dns.edns.EDE)]


def test_a_query_outside_all_zones_is_not_authoritative(server: LocalServer) -> None:
    """RFC 8914 section 4.21."""
    reply = server.ask("www.foo.org.", use_edns=0)
    assert (rcode(reply), list_extended_errors(reply)) == ("REFUSED", [20])


def test_a_server_is_not_ready_until_its_zones_are_loaded(server: LocalServer) -> None:
    """RFC 8914 section 4.15."""
    server.zones.is_complete = False
    assert list_extended_errors(server.ask("www.foo.org.", use_edns=0)) == [14]
    assert list_extended_errors(server.ask("www.foo.com.", use_edns=0)) == []


@pytest.mark.parametrize("name", ["www.foo.com.", "no.foo.com."])
def test_a_stale_zone_is_answered_with_stale_answer(server: LocalServer, name: str) -> None:
    """RFC 8914 section 4.4; the answer is the same."""
    fresh = server.ask(name, use_edns=0)
    server.zones.set_stale(FOO, is_stale=True)
    stale = server.ask(name, use_edns=0)
    assert (list_extended_errors(fresh), list_extended_errors(stale)) == ([], [3])
    assert (stale.rcode(), stale.answer, stale.authority) == (
        fresh.rcode(),
        fresh.answer,
        fresh.authority,
    )
    server.zones.set_stale(FOO, is_stale=False)
    assert list_extended_errors(server.ask(name, use_edns=0)) == []


def test_an_alias_into_a_stale_zone_is_stale(server: LocalServer) -> None:
    server.put("bar.com.", "x 300 CNAME www.foo.com.")
    assert list_extended_errors(server.ask("x.bar.com.", use_edns=0)) == []
    server.zones.set_stale(FOO, is_stale=True)
    for _ in range(2):
        assert list_extended_errors(server.ask("x.bar.com.", use_edns=0)) == [3]
    server.zones.set_stale(FOO, is_stale=False)
    assert list_extended_errors(server.ask("x.bar.com.", use_edns=0)) == []


def test_a_client_without_edns_gets_no_extended_error(server: LocalServer) -> None:
    """RFC 8914 section 3."""
    server.zones.set_stale(FOO, is_stale=True)
    for name in ("www.foo.com.", "www.foo.org."):
        assert server.ask(name).edns == -1


# errors

OPEN = ServerOptions(nsid=b"ns1")
ASKS_NSID = OPT.pack(0, 41, 1232, 0x8000, 4) + b"\0\3\0\0"
"""An OPT record that sets DO and asks for the server's identifier."""
QUESTION = b"\3www\3foo\3com\0\0\1\0\1"
CLASS_NONE = QUESTION[:-4] + struct.pack("!HHIH", 1, 254, 0, 4) + b"\x7f\0\0\1"
"""A record that UPDATE deletes (RFC 2136 section 2.5.4)."""


def message(opcode: int, *sections: tuple[bytes, ...]) -> bytes:
    """Return a message with these sections, each the octets of its questions or records."""
    counts = [len(section) for section in sections]
    octets = b"".join(part for section in sections for part in section)
    return struct.pack("!HHHHHH", 99, opcode << 11 | 0x0100, *counts) + octets


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (message(0, (), (), (), (ASKS_NSID,)), "FORMERR"),
        (message(0, (QUESTION, QUESTION), (), (), (ASKS_NSID,)), "FORMERR"),
        (message(0, (QUESTION,), (CLASS_NONE,), (), (ASKS_NSID,)), "FORMERR"),
        (message(0, (QUESTION,), (), (CLASS_NONE,), (ASKS_NSID,)), "FORMERR"),
        (message(0, (QUESTION,), (), (), (*(CLASS_NONE,) * 9, ASKS_NSID)), "FORMERR"),
        (message(0, (QUESTION,), (), (), (ASKS_NSID,)) + b"left over", "FORMERR"),
        (message(0, (QUESTION,), (), (), (ASKS_NSID, ASKS_NSID)), "FORMERR"),
        (message(0, (QUESTION[:-4] + b"\0\x29\0\1",), (), (), (ASKS_NSID,)), "FORMERR"),
        (message(0, (QUESTION[:-4] + b"\0\xfd\0\1",), (), (), (ASKS_NSID,)), "NOTIMP"),
        (message(0, (QUESTION[:-4] + b"\0\0\0\1",), (), (), (ASKS_NSID,)), "NOTIMP"),
        (message(0, (b"\1x" + QUESTION[12:],), (), (), (ASKS_NSID,)), "REFUSED"),
        (message(0, (QUESTION[:-1] + b"\4",), (), (), (ASKS_NSID,)), "REFUSED"),
        (message(4, (QUESTION[:-4] + b"\0\1\0\1",), (), (), (ASKS_NSID,)), "FORMERR"),
        (message(4, (b"\1x" + QUESTION[12:-4] + b"\0\6\0\1",), (), (), (ASKS_NSID,)), "NOTAUTH"),
        (message(4, (), (), (), (ASKS_NSID,)), "FORMERR"),
        (message(1, (), (), (), (ASKS_NSID,)), "NOTIMP"),
        (message(2, (QUESTION,), (), (), (ASKS_NSID,)), "NOTIMP"),
        (message(5, (QUESTION,), (), (CLASS_NONE,) * 100, (ASKS_NSID,)), "NOTIMP"),
        (message(5, (QUESTION,), (CLASS_NONE,), (CLASS_NONE,), (ASKS_NSID, QUESTION)), "NOTIMP"),
        (message(15, (), (), (), (ASKS_NSID,)), "NOTIMP"),
    ],
    ids=[
        "no question",
        "two questions",
        "an answer in a query",
        "an authority in a query",
        "more records than a query has",
        "octets left over",
        "two OPT records",
        "type OPT",
        "type MAILB",
        "type 0",
        "another zone",
        "another class",
        "NOTIFY of another type",
        "NOTIFY of another zone",
        "NOTIFY without a question",
        "IQUERY",
        "STATUS",
        "a long UPDATE",
        "an UPDATE that breaks off behind its OPT record",
        "an opcode that is not assigned",
    ],
)
@pytest.mark.parametrize("limit", [1232, 65_535], ids=["datagram", "stream"])
def test_an_error_has_edns_where_the_message_has(wire: bytes, expected: str, limit: int) -> None:
    """RFC 6891 section 6.1.1; DO and the options are treated as in an answer."""
    server = LocalServer({"foo.com.": "www 300 A 192.0.2.1"}, conduct=OPEN)
    octets = server.exchange(wire, limit=limit)
    reply = dns.message.from_wire(octets, one_rr_per_rrset=True)
    assert rcode(reply) == expected
    assert (reply.edns, reply.ednsflags, reply.payload) == (0, 0x8000, 1232)
    assert [option.nsid for option in read_option(reply, dns.edns.NSID)] == [b"ns1"]


@pytest.mark.parametrize(
    "wire",
    [
        message(5, (QUESTION,), (), (CLASS_NONE[:-1],), (ASKS_NSID,)),
        message(5, (QUESTION,), (), (CLASS_NONE,) * 200, (ASKS_NSID,)),
        message(5, (QUESTION,), (), (ASKS_NSID,), ()),
        message(2, (QUESTION[:-5],), (), (), (ASKS_NSID,)),
        message(0, (), (), (), (b"\1x" + ASKS_NSID,)),
        message(0, (), (), (), (ASKS_NSID[:-1],)),
    ],
    ids=[
        "a record that ends late",
        "too many records before it",
        "in another section",
        "a question that ends late",
        "not at the root",
        "an OPT record that breaks off",
    ],
)
def test_an_error_has_no_edns_where_no_opt_record_can_be_read(wire: bytes) -> None:
    server = LocalServer({"foo.com.": "www 300 A 192.0.2.1"}, conduct=OPEN)
    octets = server.exchange(wire)
    assert octets is not None
    assert octets[10:12] == b"\0\0"
    assert len(octets) == 12


def test_an_opt_record_that_asks_for_a_later_version_gets_badvers_from_a_stream_too() -> None:
    """RFC 6891 section 6.1.3."""
    server = LocalServer({"foo.com.": "www 300 A 192.0.2.1"}, conduct=OPEN)
    query = message(0, (QUESTION,), (), (), (OPT.pack(0, 41, 1232, 1 << 16, 4) + b"\0\3\0\0",))
    for limit in (1232, 65_535):
        reply = dns.message.from_wire(server.exchange(query, limit=limit))
        assert (rcode(reply), reply.edns) == ("BADVERS", 0)
        assert [option.nsid for option in read_option(reply, dns.edns.NSID)] == [b"ns1"]
