"""CNAME and DNAME: chains, their ends, and loops."""

from itertools import pairwise

import pytest
from tests.dns.local_server import LocalServer, flags, format_records, rcode

from zonegit.nameserver.message.query import STREAM
from zonegit.zone import names

ZONE = """
@ 3600 NS ns1.example.
host 300 A 192.0.2.1
host 300 MX 5 mx.host
one 301 CNAME two
two 302 CNAME host
gone 300 CNAME nothing
bare 300 CNAME host
out 300 CNAME www.elsewhere.org.
other 300 CNAME www.bar.com.
round 300 CNAME round2
round2 300 CNAME round
self 300 CNAME self
down 300 CNAME www.sub
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.53
Upper 300 CNAME HOST.Foo.Com.
*.wild 300 CNAME host
old 300 DNAME new
a.new 300 A 192.0.2.7
abroad 300 DNAME bar.com.
"""
OTHER = """
@ 3600 NS ns1.example.
www 300 A 198.51.100.1
back 300 CNAME host.foo.com.
www 300 MX 1 www
"""


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE, "bar.com.": OTHER})


def test_a_chain_is_followed_to_its_end(server: LocalServer) -> None:
    """RFC 1034 section 4.3.2, step 3a."""
    reply = server.ask("one.foo.com.")
    assert "AA" in flags(reply)
    assert [found.name.to_text() for found in reply.answer] == [
        "one.foo.com.",
        "two.foo.com.",
        "host.foo.com.",
    ]
    assert format_records(reply.answer) == [
        "host.foo.com. 300 A 192.0.2.1",
        "one.foo.com. 301 CNAME two.foo.com.",
        "two.foo.com. 302 CNAME host.foo.com.",
    ]


def test_compressed_names_at_the_end_of_a_chain_are_right(server: LocalServer) -> None:
    assert format_records(server.ask("one.foo.com.", "MX").answer)[0] == (
        "host.foo.com. 300 MX 5 mx.host.foo.com."
    )
    assert format_records(server.ask("x.wild.foo.com.", "MX").answer)[0] == (
        "host.foo.com. 300 MX 5 mx.host.foo.com."
    )


def test_the_alias_itself_can_be_asked_for(server: LocalServer) -> None:
    reply = server.ask("one.foo.com.", "CNAME")
    assert format_records(reply.answer) == ["one.foo.com. 301 CNAME two.foo.com."]
    assert format_records(server.ask("one.foo.com.", "ANY").answer) == format_records(reply.answer)


def test_the_end_of_the_chain_decides_the_rcode(server: LocalServer) -> None:
    """RFC 6604 section 3."""
    reply = server.ask("gone.foo.com.")
    assert rcode(reply) == "NXDOMAIN"
    assert len(reply.answer) == 1
    assert [found.name.to_text() for found in reply.authority] == ["foo.com."]


def test_a_chain_to_a_name_without_that_type_ends_with_the_soa(server: LocalServer) -> None:
    """RFC 2308 section 2.2."""
    reply = server.ask("bare.foo.com.", "AAAA")
    assert rcode(reply) == "NOERROR"
    assert len(reply.answer) == 1
    assert [found.rdtype.name for found in reply.authority] == ["SOA"]


def test_a_chain_that_leaves_the_served_zones_ends_there(server: LocalServer) -> None:
    reply = server.ask("out.foo.com.")
    assert rcode(reply) == "NOERROR"
    assert format_records(reply.answer) == ["out.foo.com. 300 CNAME www.elsewhere.org."]
    assert not reply.authority


def test_a_chain_continues_in_another_served_zone(server: LocalServer) -> None:
    """The current state of that zone counts, not its state at the first query for the alias."""
    assert "www.bar.com. 300 A 198.51.100.1" in format_records(server.ask("other.foo.com.").answer)
    server.put("bar.com.", "www 300 A 198.51.100.2")
    assert "www.bar.com. 300 A 198.51.100.2" in format_records(server.ask("other.foo.com.").answer)
    server.put("bar.com.", "@ 300 TXT empty")
    reply = server.ask("other.foo.com.")
    assert rcode(reply) == "NXDOMAIN"
    assert [found.name.to_text() for found in reply.authority] == ["bar.com."]


@pytest.mark.parametrize(("name", "links"), [("round.foo.com.", 2), ("self.foo.com.", 1)])
def test_a_loop_is_answered_once(server: LocalServer, name: str, links: int) -> None:
    """RFC 1034 section 3.6.2: the client detects the loop itself."""
    reply = server.ask(name)
    assert rcode(reply) == "NOERROR"
    assert len(reply.answer) == links


def chain(links: int) -> LocalServer:
    text = "".join(f"c{n} 300 CNAME c{n + 1}\n" for n in range(links))
    return LocalServer({"foo.com.": f"{text}c{links} 300 A 192.0.2.1\n"})


def test_sixteen_links_are_followed_to_their_end() -> None:
    reply = chain(16).ask("c0.foo.com.")
    assert rcode(reply) == "NOERROR"
    assert len(reply.answer) == 17


def test_a_longer_chain_fails_with_a_partial_answer() -> None:
    """RFC 1034 section 5.2.2 requires bounded work; NOERROR would mean that there is no address."""
    reply = chain(17).ask("c0.foo.com.")
    assert rcode(reply) == "SERVFAIL"
    assert "AA" in flags(reply)
    assert len(reply.answer) == 16
    assert rcode(chain(17).ask("c1.foo.com.")) == "NOERROR"


def test_a_dname_into_itself_ends() -> None:
    """RFC 6672 section 5.1: the name grows until there are too many links or too many octets."""
    server = LocalServer({"foo.com.": "d 300 DNAME x.d\nlong 300 DNAME " + "y" * 60 + ".long\n"})
    reply = server.ask("a.d.foo.com.", limit=STREAM)
    assert rcode(reply) == "SERVFAIL"
    assert [found.rdtype.name for found in reply.answer] == ["DNAME"] + 16 * ["CNAME"]
    assert sum(len(found) for found in reply.answer) == 17  # the DNAME is included once
    assert rcode(server.ask("a.long.foo.com.", limit=STREAM)) == "YXDOMAIN"


def test_an_alias_below_a_zone_cut_ends_in_a_referral(server: LocalServer) -> None:
    """The answer is authoritative for its first owner (RFC 1035 section 4.1.1)."""
    reply = server.ask("down.foo.com.")
    assert "AA" in flags(reply)
    assert format_records(reply.authority) == ["sub.foo.com. 300 NS ns.sub.foo.com."]
    assert format_records(reply.additional) == ["ns.sub.foo.com. 300 A 192.0.2.53"]


def test_the_case_of_a_target_is_kept(server: LocalServer) -> None:
    reply = server.ask("upper.foo.com.")
    assert reply.answer[0][0].target.to_text() == "HOST.Foo.Com."
    assert reply.answer[1].name.to_text() == "HOST.Foo.Com."


def test_a_wildcard_may_hold_an_alias(server: LocalServer) -> None:
    """RFC 4592 section 4.3."""
    reply = server.ask("any.wild.foo.com.")
    assert format_records(reply.answer) == [
        "any.wild.foo.com. 300 CNAME host.foo.com.",
        "host.foo.com. 300 A 192.0.2.1",
    ]


def test_names_below_a_dname_move(server: LocalServer) -> None:
    """RFC 6672 section 3.1."""
    reply = server.ask("a.old.foo.com.")
    assert format_records(reply.answer) == [
        "a.new.foo.com. 300 A 192.0.2.7",
        "a.old.foo.com. 300 CNAME a.new.foo.com.",
        "old.foo.com. 300 DNAME new.foo.com.",
    ]
    assert rcode(server.ask("b.old.foo.com.")) == "NXDOMAIN"
    assert "www.bar.com. 300 A 198.51.100.1" in format_records(
        server.ask("www.abroad.foo.com.").answer
    )
    assert len(server.ask("a.old.foo.com.", "CNAME").answer) == 2


def test_the_owner_of_a_dname_does_not_move(server: LocalServer) -> None:
    """RFC 6672 section 2.3."""
    assert format_records(server.ask("old.foo.com.", "DNAME").answer) == [
        "old.foo.com. 300 DNAME new.foo.com."
    ]
    assert not server.ask("old.foo.com.").answer


def test_a_name_that_a_dname_makes_too_long_is_yxdomain() -> None:
    """RFC 6672 section 2.2."""
    long = ".".join(["x" * 60] * 3)
    server = LocalServer({"foo.com.": f"d 300 DNAME {long}.foo.com."})
    reply = server.ask(f"{'y' * 60}.{'z' * 20}.d.foo.com.")
    assert rcode(reply) == "YXDOMAIN"
    assert [found.rdtype.name for found in reply.answer] == ["DNAME"]


def test_cached_aliases_are_dropped_at_any_change() -> None:
    server = LocalServer(
        {"foo.com.": "www 300 CNAME api.bar.org.\n", "bar.org.": "api 300 A 192.0.2.1\n"}
    )
    for address in ("192.0.2.1", "192.0.2.2"):
        server.put("bar.org.", f"api 300 A {address}\n")
        for _ in range(2):
            found = format_records(server.ask("www.foo.com.").answer)
            assert f"api.bar.org. 300 A {address}" in found
    server.zones.replace(names.parse("bar.org."), None)
    assert len(server.ask("www.foo.com.").answer) == 1


def test_names_under_a_wildcard_alias_are_not_cached() -> None:
    server = LocalServer(
        {"foo.com.": "*.w 300 CNAME api\napi 300 A 192.0.2.1\nwww 300 CNAME api\n"}
    )
    for label in ("a", "b", "c"):
        assert len(server.ask(f"{label}.w.foo.com.").answer) == 2
    server.ask("www.foo.com.")
    assert len(server.zones.alias_replies) == 1


def test_the_cache_of_aliases_is_bounded() -> None:
    big = "\n".join(f'big 300 TXT "{n:03} {"x" * 200}"' for n in range(10))
    server = LocalServer({"foo.com.": f"www 300 CNAME big\n{big}\n"})
    server.ask("www.foo.com.", "TXT", limit=STREAM)
    for rdtype in range(400, 600):
        server.ask("www.foo.com.", f"TYPE{rdtype}")
    assert not server.zones.alias_replies
    server.ask("www.foo.com.", "A")
    assert len(server.zones.alias_replies) == 1


def test_compression_pointers_after_the_longest_chain_are_valid() -> None:
    """RFC 1035 section 4.1.4: a pointer has 14 bits, also in a fragment that was moved far back."""
    owners = [f"{'x' * 63}.{'y' * 63}.{'z' * 63}.{n:02}{'w' * 55}" for n in range(17)]
    moves = [f"{old} 300 DNAME {new}" for old, new in pairwise(owners)]
    targets = [f"m{n // 2}.kkk.t{n // 2}." for n in range(1_400)]
    mail = [f"q.{owners[-1]} 300 MX {n} {target}" for n, target in enumerate(targets)]
    server = LocalServer({"t.": "\n".join([*moves, *mail])})
    reply = server.ask(f"q.{owners[0]}.t.", "MX", limit=STREAM)
    assert len(reply.answer) == 2 * len(moves) + 1
    exchanges = sorted(reply.answer[-1], key=lambda record: record.preference)
    assert [str(record.exchange) for record in exchanges] == targets
