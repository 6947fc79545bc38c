"""Messages that are not queries about a zone: opcodes, counts, classes, types, and NOTIFY."""

import struct

import dns.flags
import dns.message
import dns.opcode
import dns.rdataclass
import dns.rrset
import pytest
from tests.dns.world import World, flags, rcode, records

from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.query import STREAM

SELF = ["version.bind.", "VERSION.Server.", "id.server.", "HostName.bind."]
OPEN = ServerOptions(server_version="zonegit 9", identity="ns1.example")


@pytest.fixture
def world() -> World:
    return World({"foo.com.": "www 300 A 192.0.2.1"}, conduct=OPEN)


def header(flags: int, *counts: int) -> bytes:
    return struct.pack("!HHHHHH", 99, flags, *counts)


QUESTION = b"\3www\3foo\3com\0\0\1\0\1"


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0" * 11, header(0x8000, 1, 0, 0, 0) + QUESTION])
def test_what_is_no_query_gets_no_answer(world: World, octets: bytes) -> None:
    """A message shorter than a header, and a reply: answers to those could loop for ever."""
    assert world.exchange(octets) is None


@pytest.mark.parametrize(
    "octets",
    [
        header(0x0100, 0, 0, 0, 0),
        header(0x0100, 1, 0, 0, 0),
        header(0x0100, 1, 0, 0, 0) + QUESTION[:-1],
        header(0x0100, 2, 0, 0, 0) + QUESTION * 2,
        header(0x0100, 1, 0, 0, 0) + b"\x40" + QUESTION[1:],
        header(0x0100, 1, 0, 0, 0) + b"\xc0\x0c" + QUESTION[-4:],
        header(0x0100, 1, 0, 0, 0) + b"\x3f" + b"x" * 63,
        header(0x0100, 1, 0, 0, 0) + (b"\1x" * 128) + b"\0\0\1\0\1",
    ],
    ids=["none", "missing", "cut off", "two", "bad label type", "pointer", "too short", "too long"],
)
def test_a_question_that_cannot_be_read_is_a_format_error_with_the_header_alone(
    world: World, octets: bytes
) -> None:
    """Id, opcode and RD are copied; the sections are empty (RFC 1035 section 4.1.1, RFC 9619)."""
    assert world.exchange(octets) == header(0x8101, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("counts", "rest"),
    [((1, 0, 0), b""), ((0, 1, 0), b""), ((0, 0, 1), b""), ((0, 0, 0), b"x"), ((0, 0, 9), b"")],
)
def test_what_is_malformed_behind_its_question_is_told_so_with_the_question(
    world: World, counts: tuple[int, int, int], rest: bytes
) -> None:
    """The sender can then match the reply to its query."""
    octets = world.exchange(header(0x0100, 1, *counts) + QUESTION + rest)
    assert octets == header(0x8101, 1, 0, 0, 0) + QUESTION


@pytest.mark.parametrize("opcode", [1, 2, 3, 5, 6, 7, 15])
@pytest.mark.parametrize("counts", [(1, 0, 0, 0), (0, 0, 0, 0), (9, 9, 9, 9)])
def test_another_operation_is_not_implemented_whatever_it_says(
    world: World, opcode: int, counts: tuple[int, ...]
) -> None:
    """UPDATE has a zone in place of the question: the counts depend on the opcode."""
    octets = world.exchange(header(opcode << 11 | 0x0100, *counts) + QUESTION)
    assert octets == header(0x8104 | opcode << 11, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("rdtype", "expected"),
    [
        ("TYPE0", "NOTIMP"),
        ("OPT", "FORMERR"),
        ("TKEY", "FORMERR"),
        ("TSIG", "FORMERR"),
        ("TYPE128", "FORMERR"),
        ("MAILB", "NOTIMP"),
        ("MAILA", "NOTIMP"),
        ("AXFR", "NOTIMP"),
        ("TYPE65400", "NOERROR"),
    ],
)
@pytest.mark.parametrize("name", ["www.foo.com.", "www.foo.org."])
def test_types_of_messages_are_in_no_zone(
    world: World, rdtype: str, expected: str, name: str
) -> None:
    """RFC 6895 section 3.1, for NXNAME RFC 9824 section 3.5; a transfer needs TCP (RFC 5936 section
    4.2)."""
    reply = world.ask(name, rdtype)
    is_ours = name.endswith("foo.com.")
    assert rcode(reply) == (expected if is_ours or expected != "NOERROR" else "REFUSED")
    assert reply.question[0].name.to_text() == name


def test_a_name_outside_all_zones_is_refused(world: World) -> None:
    reply = world.ask("www.foo.org.")
    assert rcode(reply) == "REFUSED"
    assert flags(reply) == {"QR", "RD"}


@pytest.mark.parametrize("rdclass", ["HS", "NONE", "ANY", "CLASS4711"])
def test_other_classes_are_refused(world: World, rdclass: str) -> None:
    assert rcode(world.ask("www.foo.com.", rdclass=rdclass)) == "REFUSED"
    assert rcode(world.ask("version.bind.", "TXT", rdclass=rdclass)) == "REFUSED"


# class CH


@pytest.mark.parametrize("name", SELF)
@pytest.mark.parametrize("rdtype", ["TXT", "ANY"])
def test_the_server_tells_of_itself_what_it_is_told_to(
    world: World, name: str, rdtype: str
) -> None:
    """RFC 4892 section 2."""
    reply = world.ask(name, rdtype, rdclass="CH", use_edns=0)
    (found,) = reply.answer
    expected = "zonegit 9" if name.lower().startswith("version") else "ns1.example"
    assert (found.rdclass, found.ttl) == (dns.rdataclass.CH, 0)
    assert found[0].strings == (expected.encode(),)
    assert found.name.to_text() == name
    assert flags(reply) == {"QR", "AA", "RD"}


@pytest.mark.parametrize("name", ["version.bind.", "version.server.", "id.server."])
def test_what_is_hidden_is_refused(name: str) -> None:
    """NSD and Knot do the same. Both are hidden by default."""
    world = World({"foo.com.": ""})
    assert rcode(world.ask(name, "TXT", rdclass="CH")) == "REFUSED"


@pytest.mark.parametrize(
    ("name", "rdtype"), [("version.bind.", "A"), ("authors.bind.", "TXT"), ("foo.com.", "SOA")]
)
def test_nothing_else_is_in_class_ch(world: World, name: str, rdtype: str) -> None:
    assert rcode(world.ask(name, rdtype, rdclass="CH")) == "REFUSED"


def test_an_identity_may_be_as_long_as_a_string() -> None:
    world = World({"foo.com.": ""}, conduct=ServerOptions(identity="x" * 255))
    ((found,),) = world.ask("id.server.", "TXT", rdclass="CH").answer
    assert found.strings == (b"x" * 255,)


# NOTIFY


def notify(zone: str, rdtype: str = "SOA", *, answer: bool = False) -> dns.message.Message:
    query = dns.message.make_query(zone, rdtype)
    query.flags = dns.flags.AA
    query.set_opcode(dns.opcode.NOTIFY)
    if answer:
        soa = "ns1.example. hostmaster.example. 8 7200 900 1209600 300"
        query.answer = [dns.rrset.from_text(zone, 3600, "IN", "SOA", soa)]
    return query


@pytest.mark.parametrize("answer", [False, True])
def test_a_change_of_a_zone_that_is_served_here_is_noted(world: World, answer: bool) -> None:
    """RFC 1996 section 3.7: the reply has the question and nothing else; the SOA is a hint."""
    reply = world.send(notify("Foo.com.", answer=answer))
    assert rcode(reply) == "NOERROR"
    assert flags(reply) == {"QR", "AA"}
    assert reply.opcode() == dns.opcode.NOTIFY
    assert reply.question[0].name.to_text() == "Foo.com."
    assert not records(reply.answer)


@pytest.mark.parametrize("zone", ["foo.org.", "www.foo.com.", "com."])
def test_a_change_of_what_is_no_zone_here_is_not_ours(world: World, zone: str) -> None:
    """RFC 1996 leaves it open; BIND replies NOTAUTH."""
    assert rcode(world.send(notify(zone))) == "NOTAUTH"


def test_a_change_of_anything_but_the_soa_is_a_format_error(world: World) -> None:
    assert rcode(world.send(notify("foo.com.", "A"))) == "FORMERR"


def test_the_same_is_told_on_a_stream(world: World) -> None:
    assert rcode(world.send(notify("foo.com."), limit=STREAM)) == "NOERROR"
    assert rcode(world.ask("www.foo.com.", "MAILA", limit=STREAM)) == "NOTIMP"
