"""Zone cuts, glue, and the server responsible for DS."""

import dns.flags
import pytest
from tests.dns.local_server import LocalServer, flags, format_records, rcode

from zonegit.nameserver.message.query import STREAM

ZONE = """
@ 3600 NS ns1.example.
child 300 NS ns.child
child 300 NS ns.sibling
child 300 NS ns.elsewhere.org.
child 300 NS host
child 300 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
ns.child 300 A 192.0.2.1
ns.child 301 AAAA 2001:db8::1
www.child 300 A 192.0.2.99
sibling 300 NS ns.sibling
ns.sibling 300 A 192.0.2.2
host 300 A 192.0.2.3
plain 300 NS ns.elsewhere.org.
a.deep 300 NS ns.elsewhere.org.
"""


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


@pytest.mark.parametrize("name", ["child.foo.com.", "www.child.foo.com.", "a.b.c.Child.foo.com."])
@pytest.mark.parametrize("rdtype", ["A", "NS", "SOA", "ANY"])
def test_names_at_and_below_a_cut_are_referred(server: LocalServer, name: str, rdtype: str) -> None:
    """RFC 1034 section 4.3.2, step 3b: no answer, no authority, no occluded records."""
    reply = server.ask(name, rdtype)
    assert rcode(reply) == "NOERROR"
    assert "AA" not in flags(reply)
    assert not reply.answer
    assert {record.to_text().lower() for record in reply.authority[0]} == {
        "ns.child.foo.com.",
        "ns.sibling.foo.com.",
        "ns.elsewhere.org.",
        "host.foo.com.",
    }
    assert str(reply.authority[0].name).lower() == "child.foo.com."


def test_a_referral_has_all_addresses_in_the_zone(server: LocalServer) -> None:
    """RFC 9471 sections 3.1 and 3.2: in-domain and sibling glue, and hosts of the zone itself."""
    assert format_records(server.ask("x.child.foo.com.").additional) == [
        "host.foo.com. 300 A 192.0.2.3",
        "ns.child.foo.com. 300 A 192.0.2.1",
        "ns.child.foo.com. 301 AAAA 2001:db8::1",
        "ns.sibling.foo.com. 300 A 192.0.2.2",
    ]
    assert not server.ask("plain.foo.com.").additional


def test_glue_follows_its_changes() -> None:
    """Referrals are cached as rendered: a new address of a name server must appear in all of
    them."""
    server = LocalServer({"foo.com.": ZONE})
    assert "ns.sibling.foo.com. 300 A 192.0.2.2" in format_records(
        server.ask("child.foo.com.").additional
    )
    server.put("foo.com.", ZONE.replace("192.0.2.2\n", "192.0.2.222\n"))
    assert "ns.sibling.foo.com. 300 A 192.0.2.222" in format_records(
        server.ask("child.foo.com.").additional
    )


def test_the_parent_side_answers_for_ds(server: LocalServer) -> None:
    """RFC 4035 section 3.1.4.1."""
    reply = server.ask("child.foo.com.", "DS")
    assert "AA" in flags(reply)
    assert len(reply.answer) == 1
    assert not reply.authority


def test_a_cut_without_ds_has_no_data_for_it(server: LocalServer) -> None:
    """RFC 4035 section 3.1.4.1."""
    reply = server.ask("plain.foo.com.", "DS")
    assert rcode(reply) == "NOERROR"
    assert "AA" in flags(reply)
    assert [found.rdtype.name for found in reply.authority] == ["SOA"]


def test_ds_below_a_cut_is_referred(server: LocalServer) -> None:
    reply = server.ask("x.plain.foo.com.", "DS")
    assert "AA" not in flags(reply)
    assert [found.rdtype.name for found in reply.authority] == ["NS"]


def test_the_parent_zone_answers_for_ds_even_if_the_child_is_served_too(
    server: LocalServer,
) -> None:
    """RFC 4035 section 3.1.4.1."""
    server.put("child.foo.com.", "@ 300 NS ns.child.foo.com.")
    assert len(server.ask("child.foo.com.", "DS").answer) == 1
    assert "AA" in flags(server.ask("child.foo.com.", "NS"))


def test_ds_of_an_apex_has_no_data_if_the_parent_is_not_served(server: LocalServer) -> None:
    """RFC 4035 section 3.1.4.1."""
    reply = server.ask("foo.com.", "DS")
    assert rcode(reply) == "NOERROR"
    assert [found.name.to_text() for found in reply.authority] == ["foo.com."]


def test_a_name_above_a_cut_is_an_empty_non_terminal(server: LocalServer) -> None:
    assert "AA" in flags(server.ask("deep.foo.com."))
    assert rcode(server.ask("deep.foo.com.")) == "NOERROR"
    assert "AA" not in flags(server.ask("a.deep.foo.com."))


def test_the_name_servers_of_the_apex_are_an_answer(server: LocalServer) -> None:
    reply = server.ask("foo.com.", "NS")
    assert "AA" in flags(reply)
    assert format_records(reply.answer) == ["foo.com. 3600 NS ns1.example."]


@pytest.mark.parametrize("servers", ["sub", "@"])
def test_glue_beyond_the_size_of_a_message_is_omitted_or_truncated(servers: str) -> None:
    """RRsets that each fit a message may have more addresses together than a message holds."""
    at = "" if servers == "@" else f".{servers}"
    delegation = [f"sub 300 NS n{n}{at}" for n in range(200)]
    addresses = [f"n{n}{at} 300 A 10.0.{m >> 8}.{m & 255}" for n in range(200) for m in range(60)]
    server = LocalServer({"foo.com.": "\n".join(delegation + addresses)})
    reply = server.ask("www.sub.foo.com.", limit=STREAM)
    if servers == "@":  # all of them are optional
        assert len(reply.authority[0]) == 200
        assert not reply.flags & dns.flags.TC
    else:
        assert reply.flags & dns.flags.TC


def test_sibling_glue_is_bounded() -> None:
    """Each referral is cached after the first query, so sibling glue is bounded (RFC 9471 section
    3.2 leaves the amount open)."""
    own = "sub 300 NS ns.sub\nns.sub 300 A 192.0.2.1"
    shared = [f"sub 300 NS n{n}.hosts" for n in range(13)]
    addresses = [f"n{n}.hosts 300 A 10.0.{n}.{m}" for n in range(13) for m in range(100)]
    server = LocalServer(
        {"foo.com.": "\n".join([own, "hosts 300 NS n0.hosts", *shared, *addresses])}
    )
    reply = server.ask("www.sub.foo.com.", limit=STREAM)
    assert "ns.sub.foo.com. 300 A 192.0.2.1" in format_records(reply.additional)
    assert len(format_records(reply.additional)) == 1 + 2 * 100
    assert not reply.flags & dns.flags.TC
