"""Wildcards: RFC 4592, with its own example zone."""

import pytest
from tests.dns.local_server import LocalServer, format_records, rcode

EXAMPLE = """
@ 3600 NS ns.example.com.
@ 3600 NS ns.example.net.
*.example. 3600 TXT "this is a wildcard"
*.example. 3600 MX 10 host1.example.
sub.*.example. 3600 TXT "this is not a wildcard"
host1.example. 3600 A 192.0.2.1
_ssh._tcp.host1.example. 3600 SRV 0 0 22 host1
_ssh._tcp.host2.example. 3600 SRV 0 0 22 host2
subdel.example. 3600 NS ns.example.com.
subdel.example. 3600 NS ns.example.net.
"""


@pytest.fixture
def server() -> LocalServer:
    """Return the zone of RFC 4592 section 2.2.1."""
    return LocalServer({"example.": EXAMPLE})


@pytest.mark.parametrize(
    ("name", "rdtype", "answer"),
    [
        ("host3.example.", "MX", "host3.example. 3600 MX 10 host1.example."),
        ("foo.bar.example.", "TXT", 'foo.bar.example. 3600 TXT "this is a wildcard"'),
    ],
)
def test_a_missing_name_gets_the_records_of_the_wildcard(
    server: LocalServer, name: str, rdtype: str, answer: str
) -> None:
    """RFC 4592 section 2.2.1."""
    assert format_records(server.ask(name, rdtype).answer) == [answer]


def test_a_synthesised_name_has_no_more_types_than_the_wildcard(server: LocalServer) -> None:
    """RFC 4592 section 2.2.1: host3.example. A has no data, although the name is synthesised."""
    reply = server.ask("host3.example.", "A")
    assert rcode(reply) == "NOERROR"
    assert [found.rdtype.name for found in reply.authority] == ["SOA"]


@pytest.mark.parametrize(
    ("name", "rdtype", "expected"),
    [
        ("host1.example.", "MX", "NOERROR"),  # it exists, without MX
        ("sub.*.example.", "MX", "NOERROR"),  # this exists, too
        ("_telnet._tcp.host1.example.", "SRV", "NXDOMAIN"),  # closest encloser _tcp.host1
        ("ghost.*.example.", "MX", "NXDOMAIN"),  # closest encloser *.example.
        ("host2.example.", "TXT", "NOERROR"),  # an empty non-terminal
    ],
)
def test_an_existing_name_blocks_the_wildcard(
    server: LocalServer, name: str, rdtype: str, expected: str
) -> None:
    """RFC 4592 section 2.2.1, the answers without the wildcard."""
    reply = server.ask(name, rdtype)
    assert not reply.answer
    assert rcode(reply) == expected


def test_an_empty_non_terminal_blocks_the_wildcard_above_it(server: LocalServer) -> None:
    """RFC 4592 section 2.2.2."""
    assert rcode(server.ask("x.host2.example.", "TXT")) == "NXDOMAIN"


def test_a_zone_cut_blocks_the_wildcard(server: LocalServer) -> None:
    """RFC 4592 section 2.2.1: host.subdel.example. is a referral."""
    reply = server.ask("host.subdel.example.")
    assert not reply.answer
    assert [found.rdtype.name for found in reply.authority] == ["NS"]


def test_the_wildcard_can_be_queried_by_its_own_name(server: LocalServer) -> None:
    """RFC 4592 section 2.3."""
    assert format_records(server.ask("*.example.", "TXT").answer) == [
        '*.example. 3600 TXT "this is a wildcard"'
    ]


def test_rdata_that_names_the_wildcard_itself_is_not_changed() -> None:
    """A compression pointer to the question would change it."""
    server = LocalServer({"foo.com.": "*.w 300 MX 1 *.w\n*.w 300 MX 2 a.*.w\n*.w 300 MX 3 b.w\n"})
    answer = format_records(server.ask("some.thing.w.foo.com.", "MX").answer)
    assert [line.split()[-1] for line in answer] == [
        "*.w.foo.com.",
        "a.*.w.foo.com.",
        "b.w.foo.com.",
    ]


def test_name_servers_at_a_wildcard_are_ordinary_data() -> None:
    """RFC 4592 section 4.2 leaves this open: at names that match the wildcard they are data, and
    its own name is a zone cut."""
    server = LocalServer({"foo.com.": "*.w 300 NS ns.example.\n*.w 300 TXT x\n"})
    assert format_records(server.ask("x.w.foo.com.", "NS").answer) == [
        "x.w.foo.com. 300 NS ns.example."
    ]
    assert format_records(server.ask("x.w.foo.com.", "TXT").answer) == ['x.w.foo.com. 300 TXT "x"']
    assert [found.rdtype.name for found in server.ask("x.w.foo.com.").authority] == ["SOA"]
    for name in ("*.w.foo.com.", "a.*.w.foo.com."):
        assert [found.rdtype.name for found in server.ask(name).authority] == ["NS"]


def test_a_dname_at_a_wildcard_redirects_only_below_the_asterisk() -> None:
    """RFC 4592 section 4.4: it redirects names below the asterisk label itself, and no others."""
    server = LocalServer({"foo.com.": "*.w 300 DNAME e\nf.e 300 A 192.0.2.1\n"})
    assert server.ask("x.w.foo.com.", "DNAME").answer
    assert not server.ask("f.x.w.foo.com.").answer
    assert "f.e.foo.com. 300 A 192.0.2.1" in format_records(server.ask("f.*.w.foo.com.").answer)


def test_an_escaped_asterisk_is_an_asterisk() -> None:
    r"""RFC 4592 section 2.1.1: ``\042`` is the same octet."""
    server = LocalServer({"foo.com.": "\\042 300 A 192.0.2.1"})
    assert rcode(server.ask("anything.foo.com.")) == "NOERROR"


def test_an_asterisk_inside_a_label_is_not_a_wildcard() -> None:
    """RFC 4592 section 2.1.1."""
    server = LocalServer({"foo.com.": "a*b 300 A 192.0.2.1"})
    assert rcode(server.ask("acb.foo.com.")) == "NXDOMAIN"


def test_an_empty_non_terminal_wildcard_matches_and_has_no_data() -> None:
    """RFC 4592 sections 2.2.2 and 3.3.1: ``*.y`` exists, because a name below it does."""
    reply = LocalServer({"foo.com.": "x.*.y 300 A 192.0.2.1"}).ask("x.z.y.foo.com.")
    assert rcode(reply) == "NOERROR"
    assert not reply.answer
