"""Additional addresses of named hosts, and their omission from a full reply."""

import pytest
from tests.dns.local_server import SOA, LocalServer, flags, format_records, parse_zone

from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.query import STREAM
from zonegit.nameserver.zone.compiler import RRsetChange, apply_changes, compile_zone
from zonegit.zone import names

ZONE = """
@ 300 NS ns
@ 300 NS ns.elsewhere.org.
@ 300 MX 10 mail
ns 300 A 192.0.2.1
mail 300 A 192.0.2.2
mail 300 AAAA 2001:db8::2
_sip._tcp 300 SRV 0 0 5060 sip
sip 300 A 192.0.2.3
number 300 NAPTR 1 1 "a" "x-none" "" sip
svc 300 SVCB 1 mail alpn=h2
svc2 300 SVCB 0 svc
own 300 HTTPS 1 . alpn=h2
own 300 A 192.0.2.4
*.own 300 HTTPS 1 . alpn=h2
*.own 300 A 192.0.2.7
none 300 MX 0 .
*.wild 300 MX 1 mail
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.5
below 300 MX 1 ns.sub
moved 300 DNAME elsewhere.org.
host.moved 300 A 192.0.2.6
under 300 MX 1 host.moved
under 300 NS host.moved
to 300 CNAME @
"""
MAIL = ["mail.foo.com. 300 A 192.0.2.2", "mail.foo.com. 300 AAAA 2001:db8::2"]
SIP = ["sip.foo.com. 300 A 192.0.2.3"]


@pytest.fixture
def server() -> LocalServer:
    return LocalServer({"foo.com.": ZONE})


@pytest.mark.parametrize(
    ("name", "rdtype", "brought"),
    [
        ("foo.com.", "NS", ["ns.foo.com. 300 A 192.0.2.1"]),  # RFC 1034 section 3.7
        ("foo.com.", "MX", MAIL),  # RFC 1035 section 3.3.9
        ("_sip._tcp.foo.com.", "SRV", SIP),  # RFC 2782
        ("number.foo.com.", "NAPTR", SIP),  # RFC 3403 section 4.2
        ("svc.foo.com.", "SVCB", MAIL),  # RFC 9460 section 4.1
        ("svc2.foo.com.", "SVCB", ['svc.foo.com. 300 SVCB 1 mail.foo.com. alpn="h2"']),
        ("own.foo.com.", "HTTPS", ["own.foo.com. 300 A 192.0.2.4"]),  # RFC 9460 section 2.5
        ("q.own.foo.com.", "HTTPS", ["q.own.foo.com. 300 A 192.0.2.7"]),
        ("x.wild.foo.com.", "MX", MAIL),
        ("to.foo.com.", "MX", MAIL),
        ("none.foo.com.", "MX", []),  # RFC 7505
        ("mail.foo.com.", "A", []),
    ],
)
def test_addresses_are_additional_data(
    server: LocalServer, name: str, rdtype: str, brought: list[str]
) -> None:
    reply = server.ask(name, rdtype)
    assert reply.answer
    assert format_records(reply.additional) == brought
    loud = format_records(server.ask(name.upper(), rdtype, use_edns=0).additional)
    assert sorted(map(str.lower, loud)) == sorted(map(str.lower, brought))


@pytest.mark.parametrize("name", ["below.foo.com.", "under.foo.com."])
def test_records_outside_the_zones_authority_are_not_additional(
    server: LocalServer, name: str
) -> None:
    """RFC 2181 section 5.4.1: glue is only for referrals. RFC 6672 section 2.4: names below a DNAME
    do not exist."""
    assert not server.ask(name, "MX").additional


def test_a_query_for_any_has_no_additional_data(server: LocalServer) -> None:
    assert not server.ask("foo.com.", "ANY").additional


def test_minimal_responses_omit_optional_records() -> None:
    server = LocalServer({"foo.com.": ZONE}, conduct=ServerOptions(minimal_responses=True))
    for name, rdtype in [("foo.com.", "NS"), ("foo.com.", "MX"), ("svc2.foo.com.", "SVCB")]:
        assert server.ask(name, rdtype).answer
        assert not server.ask(name, rdtype).additional


def test_minimal_responses_apply_at_once(server: LocalServer) -> None:
    """This includes cached aliases and answers."""
    assert server.ask("to.foo.com.", "MX").additional
    server.zones.set_options(ServerOptions(minimal_responses=True))
    assert not server.ask("to.foo.com.", "MX").additional
    assert not server.ask("foo.com.", "MX").additional
    server.zones.set_options(ServerOptions())
    assert server.ask("to.foo.com.", "MX").additional


def test_minimal_responses_keep_glue() -> None:
    """RFC 9471 section 3: the glue of the cut itself and of its siblings."""
    text = ZONE + "child 300 NS ns.sub\nchild 300 NS mail\n"
    server = LocalServer({"foo.com.": text}, conduct=ServerOptions(minimal_responses=True))
    assert format_records(server.ask("x.sub.foo.com.").additional) == [
        "ns.sub.foo.com. 300 A 192.0.2.5"
    ]
    assert format_records(server.ask("child.foo.com.").additional) == [
        "ns.sub.foo.com. 300 A 192.0.2.5"
    ]


def test_optional_records_that_do_not_fit_are_left_out_without_truncation() -> None:
    """RFC 2181 section 9: TC is only for required records."""
    text = "".join(f"@ 300 MX {n} m{n}\nm{n} 300 A 192.0.2.{n}\n" for n in range(24))
    server = LocalServer({"foo.com.": text})
    small = server.ask("foo.com.", "MX")
    assert "TC" not in flags(small)
    assert len(small.answer[0]) == 24
    assert len(small.additional) < 24
    assert len(server.ask("foo.com.", "MX", use_edns=0).additional) == 24


def test_optional_records_are_bounded() -> None:
    """Rendered answers are cached, and a thousand hosts may have a thousand addresses."""
    hosts = [f"@ 300 MX {n} m{n}" for n in range(50)]
    addresses = [f"m{n} 300 A 10.0.{n}.{host}" for n in range(50) for host in range(100)]
    reply = LocalServer({"foo.com.": "\n".join(hosts + addresses)}).ask(
        "foo.com.", "MX", limit=STREAM
    )
    assert len(reply.answer[0]) == 50
    assert len(reply.to_wire()) < 4_500


@pytest.mark.parametrize(
    ("name", "rdtype", "before", "after"),
    [
        ("foo.com.", "MX", "mail 300 A 192.0.2.2\n", "mail 300 A 192.0.2.222\n"),
        ("foo.com.", "MX", "mail 300 AAAA 2001:db8::2\n", ""),
        ("foo.com.", "NS", "ns 300 A 192.0.2.1\n", "ns 60 A 192.0.2.1\n"),
        ("svc2.foo.com.", "SVCB", "svc 300 SVCB 1 mail alpn=h2\n", "svc 300 SVCB 2 sip\n"),
        ("foo.com.", "MX", "ns 300 A", "mail 300 NS ns.elsewhere.org.\nns 300 A"),
        ("foo.com.", "MX", "@ 300 MX 10 mail\n", "@ 300 MX 10 sip\n"),
    ],
    ids=["address", "gone", "ttl", "service", "cut", "host"],
)
def test_additional_data_follows_changes_of_its_records(
    name: str, rdtype: str, before: str, after: str
) -> None:
    """Answers are cached as rendered: a change elsewhere in the zone must appear in them."""
    apex = names.parse("foo.com.")
    old = {(one.owner, one.rdtype): one for one in parse_zone("foo.com.", SOA + ZONE)}
    text = ZONE.replace(before, after)
    assert text != ZONE
    new = {(one.owner, one.rdtype): one for one in parse_zone("foo.com.", SOA + text)}
    server = LocalServer({})
    server.serve(compile_zone(apex, old.values()))
    told = format_records(server.ask(name, rdtype).additional)
    changes = [
        RRsetChange(names.path(key[0], apex), key[1], new.get(key))
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
    server.serve(apply_changes(compile_zone(apex, old.values()), changes))
    assert format_records(server.ask(name, rdtype).additional) != told
    anew = format_records(LocalServer({"foo.com.": text}).ask(name, rdtype).additional)
    assert format_records(server.ask(name, rdtype).additional) == anew
