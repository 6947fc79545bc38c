"""Replies that do not fit the maximum size."""

import pytest
from tests.dns.local_server import LocalServer, flags

from zonegit.nameserver.message.query import STREAM

LARGE_RRSET = "\n".join(f'many 300 TXT "{n:03} {"x" * 60}"' for n in range(40))


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": LARGE_RRSET + "\nfew 300 A 192.0.2.1\nto 300 CNAME many"})


@pytest.mark.parametrize("payload", [None, 512, 1232, 4096])
@pytest.mark.parametrize("name", ["many.foo.com.", "to.foo.com."])
def test_an_rrset_that_does_not_fit_is_omitted_with_tc(
    server: LocalServer, name: str, payload: int | None
) -> None:
    """RFC 2181 section 9: never a part of an RRset without TC."""
    options = {} if payload is None else {"use_edns": 0, "payload": payload}
    reply = server.ask(name, "TXT", **options)
    assert flags(reply) == {"QR", "AA", "TC", "RD"}
    assert not reply.answer
    assert (reply.edns == 0) == (payload is not None)


def test_the_rrset_fits_over_tcp(server: LocalServer) -> None:
    """RFC 7766 section 8."""
    reply = server.ask("many.foo.com.", "TXT", limit=STREAM)
    assert "TC" not in flags(reply)
    assert len(reply.answer[0]) == 40


def test_a_client_with_a_smaller_size_gets_512_octets(server: LocalServer) -> None:
    """RFC 6891 section 6.2.3: smaller sizes count as 512."""
    assert "TC" not in flags(server.ask("few.foo.com.", use_edns=0, payload=1))


def test_a_client_size_below_ours_is_respected() -> None:
    server = LocalServer(
        {"foo.com.": "x 300 TXT " + " ".join('"' + "y" * 200 + '"' for _ in range(4))}
    )
    assert "TC" in flags(server.ask("x.foo.com.", "TXT"))
    assert "TC" in flags(server.ask("x.foo.com.", "TXT", use_edns=0, payload=800))
    assert "TC" not in flags(server.ask("x.foo.com.", "TXT", use_edns=0, payload=1232))


def glue(servers: int, below: str) -> str:
    return "".join(
        f"child 300 NS ns{n}.{below}\nns{n}.{below} 300 A 192.0.2.{n}\n"
        f"ns{n}.{below} 300 AAAA 2001:db8::{n}\n"
        for n in range(servers)
    )


def test_in_domain_glue_that_does_not_fit_sets_tc() -> None:
    """RFC 9471 section 3.1."""
    reply = LocalServer({"foo.com.": glue(13, "child")}).ask("www.child.foo.com.")
    assert "TC" in flags(reply)


def test_sibling_glue_is_omitted_in_whole_rrsets_without_tc() -> None:
    """RFC 9471 section 3.2, RFC 2181 section 9."""
    text = glue(11, "sibling") + "sibling 300 NS ns0.sibling\n"
    text += "child 300 NS ns.child\nns.child 300 A 192.0.2.99\n"
    server = LocalServer({"foo.com.": text})
    reply = server.ask("www.child.foo.com.")
    assert "TC" not in flags(reply)
    assert len(reply.authority[0]) == 12
    assert "192.0.2.99" in str(reply.additional)
    assert 1 < len(reply.additional) < 23
    assert len(server.ask("www.child.foo.com.", use_edns=0, payload=4096).additional) == 23
