"""Messages that are not queries about a zone: opcodes, counts, classes, types, and NOTIFY."""

import struct

import dns.flags
import dns.message
import dns.opcode
import dns.rdataclass
import dns.rrset
import pytest
from tests.dns.local_server import LocalServer, flags, format_records, rcode

from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.query import STREAM

SELF = ["version.bind.", "VERSION.Server.", "id.server.", "HostName.bind."]
OPEN = ServerOptions(server_version="zonegit 9", identity="ns1.example")


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": "www 300 A 192.0.2.1"}, conduct=OPEN)


def header(flags: int, *counts: int) -> bytes:
    return struct.pack("!HHHHHH", 99, flags, *counts)


QUESTION = b"\3www\3foo\3com\0\0\1\0\1"


@pytest.mark.parametrize("octets", [b"", b"\0", b"\0" * 11, header(0x8000, 1, 0, 0, 0) + QUESTION])
def test_a_message_that_is_not_a_query_gets_no_reply(server: LocalServer, octets: bytes) -> None:
    """A message shorter than a header, and a reply: answers to those could loop for ever."""
    assert server.exchange(octets) is None


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
def test_a_malformed_question_is_a_format_error_with_only_a_header(
    server: LocalServer, octets: bytes
) -> None:
    """Id, opcode and RD are copied; the sections are empty (RFC 1035 section 4.1.1, RFC 9619)."""
    assert server.exchange(octets) == header(0x8101, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("counts", "rest"),
    [((1, 0, 0), b""), ((0, 1, 0), b""), ((0, 0, 1), b""), ((0, 0, 0), b"x"), ((0, 0, 9), b"")],
)
def test_a_format_error_after_the_question_includes_the_question(
    server: LocalServer, counts: tuple[int, int, int], rest: bytes
) -> None:
    """The sender can then match the reply to its query."""
    octets = server.exchange(header(0x0100, 1, *counts) + QUESTION + rest)
    assert octets == header(0x8101, 1, 0, 0, 0) + QUESTION


@pytest.mark.parametrize("opcode", [1, 2, 3, 5, 6, 7, 15])
@pytest.mark.parametrize("counts", [(1, 0, 0, 0), (0, 0, 0, 0), (9, 9, 9, 9)])
def test_another_opcode_is_not_implemented_for_any_content(
    server: LocalServer, opcode: int, counts: tuple[int, ...]
) -> None:
    """UPDATE has a zone in place of the question: the counts depend on the opcode."""
    octets = server.exchange(header(opcode << 11 | 0x0100, *counts) + QUESTION)
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
def test_meta_types_are_errors_and_data_types_are_not(
    server: LocalServer, rdtype: str, expected: str, name: str
) -> None:
    """RFC 6895 section 3.1, for NXNAME RFC 9824 section 3.5; a transfer needs TCP (RFC 5936 section
    4.2)."""
    reply = server.ask(name, rdtype)
    is_ours = name.endswith("foo.com.")
    assert rcode(reply) == (expected if is_ours or expected != "NOERROR" else "REFUSED")
    assert reply.question[0].name.to_text() == name


def test_a_name_outside_all_zones_is_refused(server: LocalServer) -> None:
    reply = server.ask("www.foo.org.")
    assert rcode(reply) == "REFUSED"
    assert flags(reply) == {"QR", "RD"}


@pytest.mark.parametrize("rdclass", ["HS", "NONE", "ANY", "CLASS4711"])
def test_other_classes_are_refused(server: LocalServer, rdclass: str) -> None:
    assert rcode(server.ask("www.foo.com.", rdclass=rdclass)) == "REFUSED"
    assert rcode(server.ask("version.bind.", "TXT", rdclass=rdclass)) == "REFUSED"


# class CH


@pytest.mark.parametrize("name", SELF)
@pytest.mark.parametrize("rdtype", ["TXT", "ANY"])
def test_the_server_identifies_itself_as_configured(
    server: LocalServer, name: str, rdtype: str
) -> None:
    """RFC 4892 section 2."""
    reply = server.ask(name, rdtype, rdclass="CH", use_edns=0)
    (found,) = reply.answer
    expected = "zonegit 9" if name.lower().startswith("version") else "ns1.example"
    assert (found.rdclass, found.ttl) == (dns.rdataclass.CH, 0)
    assert found[0].strings == (expected.encode(),)
    assert found.name.to_text() == name
    assert flags(reply) == {"QR", "AA", "RD"}


@pytest.mark.parametrize("name", ["version.bind.", "version.server.", "id.server."])
def test_hidden_identification_is_refused(name: str) -> None:
    """NSD and Knot do the same. Both are hidden by default."""
    server = LocalServer({"foo.com.": ""})
    assert rcode(server.ask(name, "TXT", rdclass="CH")) == "REFUSED"


@pytest.mark.parametrize(
    ("name", "rdtype"), [("version.bind.", "A"), ("authors.bind.", "TXT"), ("foo.com.", "SOA")]
)
def test_other_names_in_class_ch_are_refused(server: LocalServer, name: str, rdtype: str) -> None:
    assert rcode(server.ask(name, rdtype, rdclass="CH")) == "REFUSED"


def test_an_identity_may_have_255_octets() -> None:
    server = LocalServer({"foo.com.": ""}, conduct=ServerOptions(identity="x" * 255))
    ((found,),) = server.ask("id.server.", "TXT", rdclass="CH").answer
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
def test_a_notify_for_a_served_zone_is_acknowledged(server: LocalServer, answer: bool) -> None:
    """RFC 1996 section 3.7: the reply has the question and nothing else; the SOA is a hint."""
    reply = server.send(notify("Foo.com.", answer=answer))
    assert rcode(reply) == "NOERROR"
    assert flags(reply) == {"QR", "AA"}
    assert reply.opcode() == dns.opcode.NOTIFY
    assert reply.question[0].name.to_text() == "Foo.com."
    assert not format_records(reply.answer)


@pytest.mark.parametrize("zone", ["foo.org.", "www.foo.com.", "com."])
def test_a_notify_for_another_zone_is_not_authoritative(server: LocalServer, zone: str) -> None:
    """RFC 1996 leaves it open; BIND replies NOTAUTH."""
    assert rcode(server.send(notify(zone))) == "NOTAUTH"


def test_a_notify_without_an_soa_question_is_a_format_error(server: LocalServer) -> None:
    assert rcode(server.send(notify("foo.com.", "A"))) == "FORMERR"


def test_tcp_gets_the_same_replies(server: LocalServer) -> None:
    assert rcode(server.send(notify("foo.com."), limit=STREAM)) == "NOERROR"
    assert rcode(server.ask("www.foo.com.", "MAILA", limit=STREAM)) == "NOTIMP"
