"""Authoritative answers, positive and negative."""

import dns.message
import pytest
from tests.dns.local_server import SOA, LocalServer, flags, format_records, rcode

from zonegit.nameserver.message.query import STREAM

ZONE = """
@ 3600 NS ns1.example.
www 300 A 192.0.2.1
www 300 A 192.0.2.2
www 300 TXT "hello"
a.b.deep 300 A 192.0.2.3
WWW2 300 A 192.0.2.4
mail 300 MX 10 www
"""


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


def test_an_rrset_is_answered_whole_and_with_authority(server: LocalServer) -> None:
    """RFC 1035 section 4.1.1, RFC 2181 section 5."""
    reply = server.ask("www.foo.com.")
    assert rcode(reply) == "NOERROR"
    assert flags(reply) == {"QR", "AA", "RD"}
    assert format_records(reply.answer) == [
        "www.foo.com. 300 A 192.0.2.1",
        "www.foo.com. 300 A 192.0.2.2",
    ]
    assert not reply.authority
    assert not reply.additional


def test_recursion_desired_is_copied_and_never_available(server: LocalServer) -> None:
    """RFC 1035 section 4.1.1."""
    query = dns.message.make_query("www.foo.com.", "A", flags=0)
    assert flags(server.send(query)) == {"QR", "AA"}


def test_a_name_without_that_type_has_no_data(server: LocalServer) -> None:
    """RFC 2308 section 2.2."""
    reply = server.ask("www.foo.com.", "AAAA")
    assert rcode(reply) == "NOERROR"
    assert "AA" in flags(reply)
    assert not reply.answer
    assert [found.name.to_text() for found in reply.authority] == ["foo.com."]


def test_a_name_that_does_not_exist_is_nxdomain(server: LocalServer) -> None:
    """RFC 2308 section 2.1."""
    reply = server.ask("nothing.foo.com.")
    assert rcode(reply) == "NXDOMAIN"
    assert "AA" in flags(reply)
    assert not reply.answer
    assert len(reply.authority) == 1


def test_an_empty_non_terminal_exists(server: LocalServer) -> None:
    """RFC 8020 section 2: what has names below it is no NXDOMAIN."""
    assert rcode(server.ask("b.deep.foo.com.")) == "NOERROR"
    assert rcode(server.ask("deep.foo.com.")) == "NOERROR"
    assert rcode(server.ask("x.deep.foo.com.")) == "NXDOMAIN"


@pytest.mark.parametrize(("ttl", "minimum", "told"), [(3600, 300, 300), (60, 300, 60)])
def test_the_soa_of_a_negative_answer_lives_as_long_as_the_answer_may(
    ttl: int, minimum: int, told: int
) -> None:
    """RFC 2308 section 3: the smaller of its own TTL and its MINIMUM."""
    server = LocalServer({"foo.com.": f"@ {ttl} SOA a. b. 1 2 3 4 {minimum}"})
    reply = server.ask("x.foo.com.")
    assert format_records(reply.authority) == [f"foo.com. {told} SOA a. b. 1 2 3 4 {minimum}"]
    assert format_records(server.ask("foo.com.", "SOA").answer)[0].split()[1] == str(ttl)


def test_the_case_of_the_question_is_preserved(server: LocalServer) -> None:
    """RFC 4343 section 4.1; clients that randomise case check it."""
    reply = server.ask("wWw.FoO.cOm.")
    assert reply.question[0].name.to_text() == "wWw.FoO.cOm."
    assert reply.answer[0].name.to_text() == "wWw.FoO.cOm."
    assert rcode(server.ask("www2.foo.com.")) == "NOERROR"
    assert server.ask("nO.fOO.com.").authority[0].name.to_text() == "fOO.com."


def test_names_outside_all_zones_are_refused(server: LocalServer) -> None:
    """Names are compared by label, not by the end of their text."""
    for name in ("foo.org.", "com.", ".", "xfoo.com."):
        reply = server.ask(name)
        assert rcode(reply) == "REFUSED"
        assert flags(reply) == {"QR", "RD"}


def test_other_classes_are_refused(server: LocalServer) -> None:
    assert rcode(server.ask("version.bind.", "TXT", rdclass="CH")) == "REFUSED"
    assert rcode(server.ask("www.foo.com.", "A", rdclass="ANY")) == "REFUSED"


def test_any_is_answered_with_one_rrset(server: LocalServer) -> None:
    """RFC 8482 section 4.1."""
    reply = server.ask("www.foo.com.", "ANY")
    assert [found.rdtype.name for found in reply.answer] == ["A"]
    assert rcode(server.ask("nothing.foo.com.", "ANY")) == "NXDOMAIN"
    assert not server.ask("deep.foo.com.", "ANY").answer


def test_each_signature_has_the_ttl_of_what_it_covers() -> None:
    """RFC 4034 section 3, although all RRSIGs of an owner are stored as one RRset."""
    signature = "8 2 300 20300101000000 20200101000000 1 foo.com. AAAA"
    server = LocalServer(
        {
            "foo.com.": f"@ 111 RRSIG SOA {signature}\n@ 222 NS ns1\n@ 222 RRSIG NS {signature}\n"
            f"@ 333 RRSIG MX {signature}\n"
        }
    )
    lines = format_records(server.ask("foo.com.", "RRSIG").answer)
    found = {line.split()[3]: line.split()[1] for line in lines}
    assert found["SOA"] == "3600"
    assert found["NS"] == "222"


def test_an_unknown_type_is_served_as_it_is() -> None:
    """RFC 3597."""
    server = LocalServer({"foo.com.": "x 300 TYPE65400 \\# 4 deadbeef"})
    assert format_records(server.ask("x.foo.com.", "TYPE65400").answer)[0].endswith(
        "\\# 4 deadbeef"
    )


def test_a_transfer_over_udp_is_not_implemented(server: LocalServer) -> None:
    """RFC 5936 section 4.2."""
    assert rcode(server.ask("foo.com.", "AXFR")) == "NOTIMP"


def test_an_incremental_transfer_in_a_datagram_gets_the_soa(server: LocalServer) -> None:
    """RFC 1995 section 4: the client then uses TCP."""
    query = dns.message.make_query("foo.com.", "IXFR")
    query.authority.append(dns.rrset.from_text("foo.com.", 0, "IN", "SOA", "a. b. 1 2 3 4 5"))
    reply = dns.message.from_wire(server.exchange(query.to_wire()))
    assert [found.rdtype.name for found in reply.answer] == ["SOA"]
    assert SOA.split()[3] in format_records(reply.answer)[0]


def test_an_rrset_may_have_any_number_of_records(server: LocalServer) -> None:
    """RFC 2181 section 5: as many as fit a message; other servers stop at a hundred."""
    text = "\n".join(f"big 300 A 10.0.{n >> 8}.{n & 255}" for n in range(4_000))
    server.put("foo.com.", text)
    assert "TC" in flags(server.ask("big.foo.com."))
    reply = server.ask("big.foo.com.", limit=STREAM)
    assert "TC" not in flags(reply)
    assert len(reply.answer[0]) == 4_000
