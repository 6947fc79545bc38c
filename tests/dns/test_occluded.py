"""Data below a zone cut or a DNAME: stored in the zone, but not served from it."""

import pytest
from tests.dns.local_server import LocalServer, flags, format_records, rcode

ZONE = """
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.1
www.sub 300 A 192.0.2.2
*.sub 300 A 192.0.2.3
old.sub 300 DNAME new
inner.sub 300 NS ns.inner.sub
to.sub 300 CNAME www
old 300 DNAME new
old 300 A 192.0.2.4
www.old 300 A 192.0.2.5
*.old 300 TXT "hidden"
cut.old 300 NS ns.elsewhere.org.
www.new 300 A 192.0.2.6
both 300 DNAME new
both 300 NS ns.elsewhere.org.
www 300 A 192.0.2.7
"""


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


@pytest.mark.parametrize(
    "owner", ["sub", "www.sub", "q.sub", "x.old.sub", "x.inner.sub", "to.sub", "*.sub"]
)
@pytest.mark.parametrize("rdtype", ["A", "CNAME", "DNAME", "NS", "TXT"])
def test_everything_below_a_cut_is_referred_to_the_cut(
    server: LocalServer, owner: str, rdtype: str
) -> None:
    """RFC 1034 section 4.2.1: the topmost cut counts."""
    reply = server.ask(f"{owner}.foo.com.", rdtype)
    assert "AA" not in flags(reply)
    assert not reply.answer
    assert format_records(reply.authority) == ["sub.foo.com. 300 NS ns.sub.foo.com."]
    assert format_records(reply.additional) == ["ns.sub.foo.com. 300 A 192.0.2.1"]


def test_everything_below_a_dname_is_redirected(server: LocalServer) -> None:
    """RFC 6672 sections 2.3 and 2.4: the owner itself has not."""
    moved = server.ask("www.old.foo.com.")
    assert format_records(moved.answer)[1:] == [
        "www.new.foo.com. 300 A 192.0.2.6",
        "www.old.foo.com. 300 CNAME www.new.foo.com.",
    ]
    assert rcode(server.ask("q.old.foo.com.", "TXT")) == "NXDOMAIN"
    assert "AA" in flags(server.ask("cut.old.foo.com.", "NS"))
    assert format_records(server.ask("old.foo.com.").answer) == ["old.foo.com. 300 A 192.0.2.4"]


def test_a_zone_cut_hides_a_dname_at_the_same_name(server: LocalServer) -> None:
    """RFC 6672 section 2.3: below a cut, the child's DNAME counts, not this one."""
    for owner in ("both.foo.com.", "www.both.foo.com."):
        reply = server.ask(owner)
        assert not reply.answer
        assert format_records(reply.authority) == ["both.foo.com. 300 NS ns.elsewhere.org."]


def test_no_wildcard_applies_below_a_cut() -> None:
    """RFC 4592 section 4.2: a zone cut ends the zone, and the scope of its wildcards."""
    server = LocalServer({"foo.com.": "* 300 A 192.0.2.1\nsub 300 NS ns.elsewhere.org.\n"})
    assert not server.ask("q.sub.foo.com.").answer
    assert server.ask("q.other.foo.com.").answer
