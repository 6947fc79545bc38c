"""The DNS client fails at once if nothing listens, and tells the kinds of answers apart."""

import asyncio
import socket

import dns.flags
import dns.message
import dns.rcode
import pytest
from tests.support.ports import free_port

from zonegit.errors import Invalid, Unavailable
from zonegit.zone import names, rrtypes
from zonegit_cli import dns_client
from zonegit_cli.render.dns_messages import find_failure

QUERY = dns_client.make_query(names.parse("www.foo.com."), rrtypes.A)
NO_TIMEOUT = 3600.0
"""Seconds; longer than a test may run."""


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_on_which_nothing_listens_fails_without_the_timeout(host: str, tcp: bool) -> None:
    port = _find_closed_port(host)
    with pytest.raises(Unavailable, match="no DNS server listens on ") as at:
        asyncio.run(dns_client.ask(QUERY, host, port, timeout=NO_TIMEOUT, tcp=tcp))
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert shown in at.value.message
    assert "@HOST:PORT" in (at.value.hint or "")


def test_a_transfer_from_a_port_on_which_nothing_listens_fails_likewise() -> None:
    port = _find_closed_port("127.0.0.1")
    zone = names.parse("foo.com.")
    with pytest.raises(Unavailable, match="connection refused"):
        asyncio.run(dns_client.transfer(zone, "127.0.0.1", port, timeout=NO_TIMEOUT))


@pytest.mark.parametrize("host", ["ns1.example.com", "localhost", ""])
def test_a_server_is_named_by_its_address(host: str) -> None:
    with pytest.raises(Invalid, match="expected an IP address"):
        asyncio.run(dns_client.ask(QUERY, host, 53, timeout=NO_TIMEOUT, tcp=False))


SOA = "foo.com. 300 IN SOA ns1.foo.com. a.foo.com. 1 2 3 4 5"


@pytest.mark.parametrize(
    ("rcode", "answer", "authority", "status", "text"),
    [
        ("NOERROR", "www.foo.com. 300 IN A 192.0.2.1", "", None, ""),
        ("NOERROR", "www.foo.com. 300 IN CNAME x.net.", "", None, ""),
        ("NOERROR", "www.foo.com. 300 IN CNAME b.foo.com.", SOA, 11, "no data"),
        ("NOERROR", "", SOA, 11, "www.foo.com. A: no data"),
        ("NOERROR", "", "sub.foo.com. 300 IN NS ns.sub.foo.com.", 11, "referral"),
        ("NOERROR", "", "", 11, "no data"),
        ("NXDOMAIN", "", SOA, 3, "NXDOMAIN"),
        ("NXDOMAIN", "www.foo.com. 300 IN CNAME b.foo.com.", SOA, 3, "NXDOMAIN"),
        ("REFUSED", "", "", 6, "REFUSED"),
        ("SERVFAIL", "", "", 6, "SERVFAIL"),
    ],
)
def test_each_kind_of_answer_has_its_status(
    rcode: str, answer: str, authority: str, status: int | None, text: str
) -> None:
    head = f"id 1\nopcode QUERY\nrcode {rcode}\nflags QR\n;QUESTION\nwww.foo.com. IN A"
    lines = [head, ";ANSWER", answer, ";AUTHORITY", authority]
    message = dns.message.from_text("\n".join(line for line in lines if line))
    failure = find_failure(message)
    assert (failure.status if failure else None) == status
    assert failure is None or text in failure.text


def test_any_is_answered_by_any_type() -> None:
    message = dns.message.make_response(dns.message.make_query("foo.com.", "ANY"))
    assert find_failure(message) is not None
    message.answer = dns.message.from_text(f";ANSWER\n{SOA}\n").answer
    assert find_failure(message) is None


def test_a_response_without_a_question_is_described() -> None:
    message = dns.message.Message()
    message.flags |= dns.flags.QR
    message.set_rcode(dns.rcode.FORMERR)
    failure = find_failure(message)
    assert failure is not None
    assert "FORMERR" in failure.text


def _find_closed_port(host: str) -> int:
    """Return a port on which nothing listens; skip without this address family."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError:
        pytest.skip(f"this machine has no address {host}")
    return free_port(host)
