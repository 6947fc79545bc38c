"""The fast path answers ordinary queries itself, and leaves all others to the responder."""

import ipaddress

import dns.edns
import dns.message
import pytest
from dns.rdatatype import RRSIG, A
from tests.dns.local_server import LocalServer

from zonegit.nameserver.acl import LOOPBACK
from zonegit.nameserver.answer import fast_path
from zonegit.nameserver.answer.canary import Canary, peer_subnet
from zonegit.nameserver.message.query import DATAGRAM

ZONE = """
@ 300 NS ns
www 300 A 192.0.2.1
to 300 CNAME www
*.wild 300 A 192.0.2.2
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.3
d 300 DNAME www
"""


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


def answer_fast(
    server: LocalServer, name: str, rdtype: str = "A", peer: str = "192.0.2.1", **make
) -> bytes | None:
    """Return the answer of the fast path after the responder has rendered it."""
    wire = dns.message.make_query(name, rdtype, **make).to_wire()
    server.exchange(wire, peer=peer)
    return fast_path.try_fast(wire, server.zones, peer, DATAGRAM)


@pytest.mark.parametrize("edns", [-1, 0])
@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        ("www.foo.com.", "A"),
        ("WwW.fOO.com.", "A"),
        ("www.foo.com.", "TXT"),
        ("no.foo.com.", "A"),
        ("\\000\\001.foo.com.", "A"),
        ("a.b.wild.foo.com.", "A"),
        ("x.sub.foo.com.", "A"),
        ("to.foo.com.", "CNAME"),
        ("to.foo.com.", "A"),
    ],
)
def test_ordinary_queries_take_the_fast_path(
    server: LocalServer, name: str, rdtype: str, edns: int
) -> None:
    assert answer_fast(server, name, rdtype, use_edns=edns) is not None


@pytest.mark.parametrize(
    ("name", "rdtype", "make"),
    [
        ("x.d.foo.com.", "A", {}),
        ("foo.com.", "DS", {}),
        ("foo.com.", "AXFR", {}),
        ("www.foo.com.", "TYPE65400", {}),
        ("www.foo.com.", "A", {"rdclass": "CH"}),
        ("www.foo.com.", "A", {"use_edns": 1}),
        ("www.foo.org.", "A", {}),
    ],
)
def test_other_queries_take_the_slow_path(
    server: LocalServer, name: str, rdtype: str, make: dict
) -> None:
    assert answer_fast(server, name, rdtype, **make) is None


SIGNED = """
@ 300 NSEC www NS SOA RRSIG NSEC
www 300 A 192.0.2.1
www 300 RRSIG A 8 3 300 20300101000000 20200101000000 1 foo.com. AAAA
www 300 NSEC *.wild A RRSIG NSEC
*.wild 300 A 192.0.2.2
*.wild 300 RRSIG A 8 3 300 20300101000000 20200101000000 1 foo.com. AAAA
*.wild 300 NSEC @ A RRSIG NSEC
"""


def test_answers_without_proofs_of_a_signed_zone_take_the_fast_path() -> None:
    server = LocalServer({"foo.com.": SIGNED})
    reply = answer_fast(server, "wWw.foo.com.", want_dnssec=True)
    assert reply is not None
    assert [found.rdtype for found in dns.message.from_wire(reply).answer] == [A, RRSIG]
    for name in ("no.foo.com.", "x.wild.foo.com."):
        assert answer_fast(server, name, want_dnssec=True) is None
        assert answer_fast(server, name) is not None


def cookie(client: bytes) -> dns.edns.GenericOption:
    return dns.edns.GenericOption(dns.edns.OptionType.COOKIE, client)


def test_options_without_effect_take_the_fast_path(server: LocalServer) -> None:
    for option in (cookie(b"12345678"), cookie(bytes(8)), dns.edns.GenericOption(65_001, b"")):
        assert answer_fast(server, "www.foo.com.", use_edns=0, options=[option]) is not None


def test_options_for_a_zone_with_a_canary_take_the_slow_path() -> None:
    server = LocalServer({})
    server.split = Canary("canary", 50)
    server.put("foo.com.", ZONE, ZONE)
    assert answer_fast(server, "www.foo.com.", use_edns=0, options=[cookie(b"12345678")]) is None


@pytest.mark.parametrize("peer", ["192.0.2.1", "198.51.100.7", "2001:db8::1", "::ffff:192.0.2.9"])
@pytest.mark.parametrize("percent", [0, 50, 100])
def test_each_side_of_a_canary_takes_the_fast_path(peer: str, percent: int) -> None:
    split = Canary("canary", percent)
    server = LocalServer({})
    server.split = split
    server.put("foo.com.", ZONE, ZONE.replace("192.0.2.1", "203.0.113.1"))
    reply = answer_fast(server, "www.foo.com.", peer=peer)
    assert reply is not None
    sees_canary = split.includes(peer_subnet(peer))
    expected = "203.0.113.1" if sees_canary else "192.0.2.1"
    assert reply.endswith(ipaddress.ip_address(expected).packed)
    counted = {branch: sum(each.values()) for (_, branch), each in server.zones.queries.items()}
    assert counted == {"main": 0 if sees_canary else 3, "canary": 3 if sees_canary else 0}


def test_an_alias_within_a_zone_is_cached_for_each_side_of_its_canary() -> None:
    server = LocalServer({})
    server.split = Canary("canary", 50)
    server.put("foo.com.", ZONE, ZONE.replace("192.0.2.1", "203.0.113.1"))
    peers = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "2001:db8:1::1")
    sides = {server.split.includes(peer_subnet(peer)) for peer in peers}
    assert sides == {True, False}
    for peer in (*peers, *peers):
        reply = answer_fast(server, "to.foo.com.", peer=peer)
        assert reply is not None
        is_canary = server.split.includes(peer_subnet(peer))
        assert (ipaddress.ip_address("203.0.113.1").packed in reply) == is_canary


def test_an_alias_into_another_zone_is_cached_unless_that_has_a_canary() -> None:
    server = LocalServer({"org.": "www 300 A 192.0.2.1\nto 300 CNAME www.foo.com."})
    server.split = Canary("canary", 50)
    links = "out 300 CNAME www.org.\nto 300 CNAME www.{}.com.\nwww 300 A 192.0.2.2"
    for zone, other in (("foo", "bar"), ("bar", "foo")):
        server.put(f"{zone}.com.", links.format(other), links.format(other))
    assert answer_fast(server, "out.foo.com.") is not None
    assert answer_fast(server, "to.foo.com.") is None
    assert answer_fast(server, "to.org.") is None


def test_an_alias_into_a_zone_with_an_access_list_is_not_cached(server: LocalServer) -> None:
    server.query_from = LOOPBACK
    server.put("bar.com.", "www 300 A 192.0.2.9")
    server.put("foo.org.", "to 300 CNAME www.bar.com.")
    server.query_from = None
    server.put("foo.net.", "to 300 CNAME www.bar.com.")
    assert answer_fast(server, "to.foo.net.", peer="127.0.0.1") is None
    assert answer_fast(server, "to.foo.org.", peer="127.0.0.1") is None


def test_without_a_canary_branch_all_clients_see_the_default() -> None:
    server = LocalServer({"foo.com.": ZONE}, Canary("canary", 100))
    reply = answer_fast(server, "www.foo.com.")
    assert reply is not None
    assert reply.endswith(ipaddress.ip_address("192.0.2.1").packed)


def test_only_a_zone_with_an_access_list_takes_the_slow_path() -> None:
    server = LocalServer({"bar.com.": ZONE})
    server.query_from = LOOPBACK
    server.put("foo.com.", ZONE)
    assert answer_fast(server, "www.foo.com.", peer="127.0.0.1") is None
    assert answer_fast(server, "www.bar.com.") is not None


def test_any_number_of_kinds_of_clients_is_answered_alike(server: LocalServer) -> None:
    """The octets after the name are chosen by the client."""
    seen = set()
    for size in range(600, 600 + 2 * fast_path._MAX_ENDINGS):
        query = dns.message.make_query("www.foo.com.", "A", use_edns=0, payload=size, id=1)
        seen.add(fast_path.respond(query.to_wire(), server.zones, "192.0.2.1", DATAGRAM))
    assert len(seen) == 1
    assert len(fast_path._endings) <= fast_path._MAX_ENDINGS


def make_wire(name: bytes, ending: bytes, edns: int) -> bytes:
    return b"\0\1\1\0\0\1\0\0\0\0\0" + bytes((edns,)) + name + ending


A_IN = b"\0\1\0\1"
OPT = b"\0\0\x29\4\xd0\0\0\0\0\0\0"
WWW = b"\3www\3foo\3com\0"


@pytest.mark.parametrize(
    ("name", "ending", "edns"),
    [
        (WWW, A_IN + OPT, 0),
        (WWW, A_IN, 1),
        (WWW, A_IN + OPT[:-1], 1),
        (WWW, A_IN + OPT[:-2], 1),
        (WWW + A_IN + OPT, A_IN + OPT, 1),
        (b"\3www\0" + WWW, A_IN, 0),
        (b"\0" + WWW, A_IN, 0),
        (b"\3www\x40" + bytes(64) + WWW[4:], A_IN, 0),
        (b"\3www\xc0\x0c", A_IN, 0),
        (WWW[:-1], A_IN, 0),
        (WWW[:-1] + b"\5", A_IN, 0),
        (b"", A_IN, 0),
        (b"", b"", 0),
        (b"", b"", 1),
        (b"\1", A_IN + OPT, 1),
        ((b"\x3f" + b"x" * 63) * 3 + b"\x36" + b"x" * 54 + WWW[4:], A_IN, 0),
    ],
)
def test_the_fast_path_answers_almost_ordinary_octets_as_the_slow_path_does(
    server: LocalServer, name: bytes, ending: bytes, edns: int
) -> None:
    server.ask("www.foo.com.")
    wire = make_wire(name, ending, edns)
    server.exchange(wire)
    assert fast_path.try_fast(wire, server.zones, "192.0.2.1", DATAGRAM) is None
