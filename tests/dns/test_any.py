"""Queries for ANY: one RRset over UDP, all RRsets over TCP."""

import pytest
from tests.dns.local_server import LocalServer, flags, format_records, rcode

from zonegit.nameserver.message.query import STREAM

SIGNATURE = "8 3 300 20300101000000 20200101000000 1 foo.com. AAAA"
ZONE = f"""
www 300 TXT "text"
www 300 A 192.0.2.1
www 300 AAAA 2001:db8::1
www 300 RRSIG A {SIGNATURE}
www 300 RRSIG TXT {SIGNATURE}
*.wild 300 MX 1 www
*.wild 300 TXT "wild"
alias 300 CNAME www
alias 300 RRSIG CNAME {SIGNATURE}
moved 300 DNAME www
sub 300 NS ns.elsewhere.org.
"""


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


@pytest.mark.parametrize("do", [True, False])
def test_a_datagram_gets_one_rrset_and_its_signature(server: LocalServer, do: bool) -> None:
    """RFC 8482 section 4.1; RFC 3225 section 3: signatures are of any type, DO or not."""
    assert format_records(server.ask("www.foo.com.", "ANY", want_dnssec=do).answer) == [
        "www.foo.com. 300 A 192.0.2.1",
        f"www.foo.com. 300 RRSIG A {SIGNATURE}",
    ]


def test_a_stream_gets_all_of_them(server: LocalServer) -> None:
    """RFC 1034 section 3.7.1."""
    reply = server.ask("www.foo.com.", "ANY", limit=STREAM)
    assert [found.rdtype.name for found in reply.answer] == ["A", "TXT", "AAAA", "RRSIG", "RRSIG"]
    reply = server.ask("q.wild.foo.com.", "ANY", limit=STREAM)
    assert [found.rdtype.name for found in reply.answer] == ["MX", "TXT"]
    assert not reply.additional


@pytest.mark.parametrize("limit", [1232, STREAM])
def test_an_alias_is_an_answer_and_not_followed(server: LocalServer, limit: int) -> None:
    """RFC 1034 section 3.6.2."""
    reply = server.ask("alias.foo.com.", "ANY", limit=limit)
    assert [found.rdtype.name for found in reply.answer] == ["CNAME", "RRSIG"]


@pytest.mark.parametrize("limit", [1232, STREAM])
def test_a_missing_name_has_the_usual_negative_answer(server: LocalServer, limit: int) -> None:
    assert rcode(server.ask("no.foo.com.", "ANY", limit=limit)) == "NXDOMAIN"
    assert "AA" not in flags(server.ask("x.sub.foo.com.", "ANY", limit=limit))
    moved = server.ask("x.moved.foo.com.", "ANY", limit=limit)
    assert [found.rdtype.name for found in moved.answer] == ["DNAME", "CNAME"]


def test_rrsets_beyond_the_size_of_a_message_are_omitted() -> None:
    """RFC 8482 section 4.1: some of the RRsets are a valid answer, and TCP has no TC."""
    big = [f'x 300 {kind} "{n:03} {"y" * 200}"' for kind in ("TXT", "SPF") for n in range(200)]
    reply = LocalServer({"foo.com.": "\n".join(big)}).ask("x.foo.com.", "ANY", limit=STREAM)
    assert "TC" not in flags(reply)
    assert [len(found) for found in reply.answer] == [200]
