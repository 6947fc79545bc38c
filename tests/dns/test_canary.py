"""The canary: which clients see it, and how they learn of it."""

import json
from pathlib import Path

import dns.edns
import dns.message
import pytest
from tests.dns.local_server import LocalServer, format_records, rcode

from zonegit.errors import Invalid
from zonegit.nameserver.acl import Access
from zonegit.nameserver.answer import canary
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.tsig import TsigKey
from zonegit.zone import names

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "canary.json").read_text())
OLD, NEW = "www 300 A 192.0.2.1", "www 300 A 192.0.2.2"
SALT = "demo-rollout"  # 10.1.0.0/24 has bucket 43, 10.2.0.0/24 has 10


@pytest.fixture
def server() -> LocalServer:
    made = LocalServer({}, Canary("canary", 30, SALT))
    made.put("foo.com.", OLD, canary=NEW)
    return made


def client_address(server: LocalServer, name: str = "www.foo.com.", **ask) -> str:
    return format_records(server.ask(name, **ask).answer)[0].split()[-1]


@pytest.mark.parametrize("vector", VECTORS)
def test_buckets_are_those_of_the_vectors(vector: dict) -> None:
    subnet = bytes.fromhex(vector["subnet_octets"])
    assert canary.bucket(subnet, vector["salt"]) == vector["bucket"]


def test_the_peer_address_decides_without_a_client_subnet(server: LocalServer) -> None:
    assert client_address(server, peer="10.1.0.77") == "192.0.2.1"
    assert client_address(server, peer="10.2.0.77") == "192.0.2.2"


def test_a_mapped_address_is_ipv4(server: LocalServer) -> None:
    assert client_address(server, peer="::ffff:10.2.0.1") == "192.0.2.2"
    mapped = dns.edns.ECSOption("::ffff:10.2.0.1", 128)
    assert client_address(server, peer="10.1.0.1", use_edns=0, options=[mapped]) == "192.0.2.2"


def test_the_client_subnet_overrides_the_peer(server: LocalServer) -> None:
    """RFC 7871 section 7.2.1."""
    option = dns.edns.ECSOption("10.2.0.0", 24)
    reply = server.ask("www.foo.com.", peer="10.1.0.1", use_edns=0, options=[option])
    assert format_records(reply.answer)[0].endswith("192.0.2.2")
    (echoed,) = reply.options
    assert (echoed.address, echoed.srclen, echoed.scopelen) == ("10.2.0.0", 24, 24)


def test_a_source_prefix_of_zero_bits_is_respected(server: LocalServer) -> None:
    """RFC 7871 section 7.1.2: a source prefix of zero bits. The answer is valid for all clients of
    the peer."""
    option = dns.edns.ECSOption("0.0.0.0", 0)
    reply = server.ask("www.foo.com.", peer="10.2.0.1", use_edns=0, options=[option])
    assert format_records(reply.answer)[0].endswith("192.0.2.2")
    assert reply.options[0].scopelen == 0


def test_the_zero_subnet_of_dig_is_accepted(server: LocalServer) -> None:
    """``+subnet=0`` has no family, no bits and no address."""
    option = dns.edns.GenericOption(8, bytes(4))
    query = dns.message.make_query("www.foo.com.", "A", use_edns=0, options=[option])
    octets = server.exchange(query.to_wire())
    assert octets is not None
    assert octets[3] & 0xF == 0
    assert octets.endswith(b"\0\x08\0\4" + bytes(4))


def test_ipv6_clients_are_split_by_48_bits(server: LocalServer) -> None:
    option = dns.edns.ECSOption("2001:db8:1::", 56)
    reply = server.ask("www.foo.com.", use_edns=0, options=[option])
    taken = canary.bucket(bytes.fromhex("20010db80001"), SALT) < 30
    assert format_records(reply.answer)[0].endswith("192.0.2.2" if taken else "192.0.2.1")
    assert reply.options[0].scopelen == 48


@pytest.mark.parametrize(
    "content",
    [
        b"\0\1\x18\0\x0a\2",  # too few octets of address
        b"\0\1\x18\0\x0a\2\0\0",  # too many
        b"\0\1\x11\0\x0a\2\1",  # bits beyond the prefix
        b"\0\1\x21\0\x0a\2\0\0\0",  # more bits than an address has
        b"\0\3\0\0",  # no family of addresses
        b"\0\0\x18\0\x0a\2\0",  # an address of no family
        b"\0\1\0\x18",  # a scope in a query
        b"\0\1",
    ],
)
def test_a_malformed_client_subnet_is_a_format_error(server: LocalServer, content: bytes) -> None:
    """RFC 7871 section 7.1.2."""
    option = dns.edns.GenericOption(8, content)
    assert rcode(server.ask("www.foo.com.", use_edns=0, options=[option])) == "FORMERR"
    assert rcode(
        LocalServer({"foo.com.": OLD}).ask("www.foo.com.", use_edns=0, options=[option])
    ) == ("NOERROR")


def test_a_missing_canary_branch_sends_all_to_the_default(server: LocalServer) -> None:
    server.put("foo.com.", OLD)
    option = dns.edns.ECSOption("10.2.0.0", 24)
    reply = server.ask("www.foo.com.", use_edns=0, options=[option])
    assert format_records(reply.answer)[0].endswith("192.0.2.1")
    assert reply.options[0].scopelen == 0


def test_zero_percent_selects_no_client_and_100_percent_all_clients() -> None:
    for percent, expected in ((0, "192.0.2.1"), (100, "192.0.2.2")):
        server = LocalServer({}, Canary("canary", percent))
        server.put("foo.com.", OLD, canary=NEW)
        assert {client_address(server, peer=f"10.{n}.0.1") for n in range(50)} == {expected}


def test_an_alias_into_another_zone_stays_on_the_same_side(server: LocalServer) -> None:
    server.put("bar.com.", "x 300 CNAME www.foo.com.")
    assert "192.0.2.2" in str(server.ask("x.bar.com.", peer="10.2.0.1").answer)
    assert "192.0.2.1" in str(server.ask("x.bar.com.", peer="10.1.0.1").answer)


def test_a_secondary_gets_the_serial_of_the_default_state(server: LocalServer) -> None:
    """That is the default state, regardless of the canary: by IXFR over UDP (RFC 1995 section 2),
    and by a signed SOA query. Otherwise it would never follow, or never stop."""
    key = TsigKey(names.parse("k."), "hmac-sha256", bytes(32))
    server.zones.options = ServerOptions(keys={key.name: key})
    server.transfer_to = Access(keys=frozenset({key.name}))
    server.put("foo.com.", OLD, canary="@ 3600 SOA . . 5 1 1 1 1")
    in_canary = "10.2.0.1"
    assert serial(server.ask("foo.com.", "SOA", peer=in_canary)) == 5
    assert serial(server.ask("foo.com.", "IXFR", peer=in_canary)) == 7
    query = dns.message.make_query("foo.com.", "SOA")
    query.use_tsig(key.primitive)
    octets = server.exchange(query.to_wire(), peer=in_canary)
    assert octets is not None
    ring = {key.primitive.name: key.primitive}
    assert serial(dns.message.from_wire(octets, keyring=ring, request_mac=query.mac)) == 7


def serial(reply: dns.message.Message) -> int:
    (found,) = reply.answer
    return found[0].serial


def test_zones_have_canaries_of_their_own(server: LocalServer) -> None:
    """Another salt selects other subnets: with it, 10.2.0.0/24 has bucket 65."""
    server.split = Canary("canary", 30, "other")
    server.put("bar.com.", OLD, canary=NEW)
    assert client_address(server, "www.foo.com.", peer="10.2.0.1") == "192.0.2.2"
    assert client_address(server, "www.bar.com.", peer="10.2.0.1") == "192.0.2.1"


def test_a_zone_without_a_canary_ignores_the_client_subnet(server: LocalServer) -> None:
    """It also ignores a malformed one, as any unknown option (RFC 6891 section 6.1.2)."""
    server.split = None
    server.put("bar.com.", OLD)
    for option in (dns.edns.ECSOption("10.2.0.0", 24), dns.edns.GenericOption(8, b"\0\1")):
        reply = server.ask("www.bar.com.", use_edns=0, options=[option])
        assert format_records(reply.answer) == ["www.bar.com. 300 A 192.0.2.1"]
        assert not reply.options


def test_an_alias_from_a_zone_without_a_canary_leads_each_client_to_its_side(
    server: LocalServer,
) -> None:
    """The answer is not cached for other clients."""
    server.split = None
    server.put("bar.com.", "x 300 CNAME www.foo.com.\ny 300 CNAME www")
    for peer, expected in (("10.2.0.1", "192.0.2.2"), ("10.1.0.1", "192.0.2.1")) * 2:
        assert expected in str(server.ask("x.bar.com.", peer=peer).answer)
    bad = dns.edns.GenericOption(8, b"\0\1")
    assert rcode(server.ask("x.bar.com.", use_edns=0, options=[bad])) == "FORMERR"
    server.ask("y.bar.com.")
    assert [key[: key.index(0)] for key in server.zones.alias_replies] == [b"\1y\3bar\3com"]


@pytest.mark.parametrize("text", ["canary", "canary:", ":10", "canary:101", "canary:-1", "a..b:5"])
def test_a_malformed_split_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        canary.parse_canary(text)


def test_a_branch_may_have_a_slash() -> None:
    assert canary.parse_canary("rollout/a:7") == Canary("rollout/a", 7)
