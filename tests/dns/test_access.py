"""Access control for queries: by network and by key."""

import time

import dns.message
import pytest
from tests.dns.local_server import LocalServer, flags, format_records, rcode
from tests.dns.test_tsig import DEFAULT_KEY, exchange, signed

from zonegit.nameserver import acl
from zonegit.nameserver.acl import Access
from zonegit.nameserver.answer.server_options import ServerOptions

INSIDE = Access(
    (acl.parse_network("192.0.2.0/24"), acl.parse_network("2001:db8::/32")),
    frozenset([DEFAULT_KEY.name]),
)
OPEN, CLOSED = "www.open.com.", "www.closed.com."


@pytest.fixture
def server() -> LocalServer:
    server = LocalServer(
        {"open.com.": "www 300 A 192.0.2.1\nto 300 CNAME www.closed.com."},
        conduct=ServerOptions(keys={DEFAULT_KEY.name: DEFAULT_KEY}),
    )
    now = time.time()
    server.zones.clock = lambda: now
    server.query_from = INSIDE
    server.put("closed.com.", "www 300 A 192.0.2.2")
    return server


@pytest.mark.parametrize("peer", ["192.0.2.77", "::ffff:192.0.2.77", "2001:db8:1::1"])
def test_a_client_within_the_networks_is_answered(server: LocalServer, peer: str) -> None:
    reply = server.ask(CLOSED, peer=peer)
    assert format_records(reply.answer) == ["www.closed.com. 300 A 192.0.2.2"]


@pytest.mark.parametrize("peer", ["192.0.3.1", "::1", "2001:db9::1", "fe80::1%eth0"])
@pytest.mark.parametrize("name", [CLOSED, "no.closed.com.", "closed.com."])
def test_a_client_outside_is_refused_with_prohibited(
    server: LocalServer, peer: str, name: str
) -> None:
    """RFC 8914 section 4.19. The reply does not reveal whether the name exists."""
    reply = server.ask(name, peer=peer, use_edns=0)
    assert rcode(reply) == "REFUSED"
    assert flags(reply) == {"QR", "RD"}
    assert [option.code for option in reply.options] == [18]
    assert not reply.authority


def test_a_client_with_a_key_is_answered_wherever_it_is(server: LocalServer) -> None:
    query = signed(CLOSED)
    reply = server.exchange(query.to_wire(), peer="198.51.100.1")
    assert reply is not None
    found = dns.message.from_wire(reply, keyring=query.keyring, request_mac=query.mac)
    assert found.had_tsig
    assert format_records(found.answer) == ["www.closed.com. 300 A 192.0.2.2"]


def test_a_refusal_to_a_client_with_a_key_is_signed(server: LocalServer) -> None:
    server.query_from = Access((acl.parse_network("198.51.100.0/24"),))
    server.put("closed.com.", "www 300 A 192.0.2.2")
    assert rcode(exchange(server, signed(CLOSED))) == "REFUSED"


def test_a_zone_without_a_list_is_open_to_all_clients(server: LocalServer) -> None:
    assert rcode(server.ask(OPEN, peer="203.0.113.1")) == "NOERROR"


def test_an_alias_into_a_closed_zone_is_followed_only_for_permitted_clients(
    server: LocalServer,
) -> None:
    """The answer to a permitted client is not cached for others."""
    for _ in range(2):
        inside = server.ask("to.open.com.", peer="192.0.2.1")
        outside = server.ask("to.open.com.", peer="203.0.113.1")
        assert len(inside.answer) == 2
        assert format_records(outside.answer) == ["to.open.com. 300 CNAME www.closed.com."]


def test_a_notify_for_a_closed_zone_is_accepted_only_from_permitted_clients(
    server: LocalServer,
) -> None:
    """Otherwise NOTIFY would reveal to any client that the zone is served here."""
    query = dns.message.make_query("closed.com.", "SOA")
    query.set_opcode(4)
    assert rcode(server.send(query, peer="192.0.2.1")) == "NOERROR"
    assert rcode(server.send(query, peer="203.0.113.1")) == "REFUSED"


def test_denied_queries_are_counted(server: LocalServer) -> None:
    server.ask(CLOSED, peer="203.0.113.1")
    assert server.zones.denied == 2  # counted by both paths
    assert server.zones.refused == 0
