"""Hundreds of questions, asked of NSD and Knot too: the same answers, but where said.

What may differ: additional data that nobody needs, the order of records, how names are compressed,
and what ``FREE`` says.
"""

from collections.abc import Iterator

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from tests.dns.world import SOA, World, records
from tests.support import peers

ZONE = (
    SOA
    + """
@ 3600 NS ns1
@ 3600 NS ns2.example.
@ 300 MX 10 mail
ns1 300 A 192.0.2.1
mail 300 A 192.0.2.2
mail 300 AAAA 2001:db8::2
www 60 A 192.0.2.3
www 60 A 192.0.2.4
www 60 TXT "a" "b"
alias 300 CNAME www
alias2 300 CNAME alias
gone 300 CNAME nothing
empty 300 CNAME ent.a
away 300 CNAME www.elsewhere.
over 300 CNAME www.other.test.
down 300 CNAME host.sub
x.ent.a 300 A 192.0.2.5
*.wild 300 A 192.0.2.6
*.wild 300 MX 5 mail
here.wild 300 TXT "here"
y.b.wild 300 A 192.0.2.7
*.cw 300 CNAME www
*.cn 300 CNAME nothing
sub 300 NS ns.sub
sub 300 NS ns1
sub 300 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
ns.sub 300 A 192.0.2.8
ns.sub 300 AAAA 2001:db8::8
bare 300 NS ns.elsewhere.
dn 300 DNAME wild
dn2 300 DNAME other.test.
svc 300 SRV 0 0 5060 www
unknown 300 TYPE65400 \\# 2 abcd
caa 300 CAA 0 issue "x"
"""
)
OTHER = SOA + "@ 300 NS ns1\nwww 300 A 198.51.100.1\n"
ZONES = {"foo.test.": ZONE, "other.test.": OTHER}
OWNERS = [
    *("@", "www", "nothing", "a.nothing", "ent.a", "a", "x.ent.a", "y.ent.a", "alias", "alias2"),
    *("gone", "empty", "away", "over", "down", "*.wild", "q.wild", "q.q.wild", "here.wild", "wild"),
    *("q.here.wild", "b.wild", "y.b.wild", "z.b.wild", "q.cw", "q.cn", "cw", "sub", "host.sub"),
    *("ns.sub", "a.b.sub", "bare", "q.bare", "dn", "q.dn", "q.q.dn", "q.dn2", "www.dn2", "svc"),
    *("unknown", "caa", "mail", "ns1", "WwW", "nO.WiLd", "hOsT.SuB"),
]
TYPES = ["A", "AAAA", "MX", "NS", "SOA", "CNAME", "TXT", "DS", "DNAME", "SRV", "TYPE65400", "CAA"]
QUESTIONS = [
    (f"{owner}.foo.test." if owner != "@" else "foo.test.", rdtype)
    for owner in OWNERS
    for rdtype in TYPES
]
FREE = {
    # Knot does not follow an alias into another zone; a resolver asks again.
    "knotd": {"over.foo.test.", "q.dn2.foo.test.", "www.dn2.foo.test."},
    "nsd": set(),
}


@pytest.fixture(scope="module", params=["nsd", "knotd"])
def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    program = request.param
    if peers.installed(program) is None:
        pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp(program)
    with peers.serving(program, folder, peers.written(folder, ZONES), minimal=True) as running:
        yield program, running.port


def told(reply: dns.message.Message) -> tuple[str, bool, bool, list[str], list[str]]:
    """What a reply says, without what may differ. The case of names is the question's or not."""
    return (
        dns.rcode.to_text(reply.rcode()),
        bool(reply.flags & dns.flags.AA),
        bool(reply.flags & dns.flags.TC),
        [line.lower() for line in records(reply.answer)],
        [line.lower() for line in records(reply.authority)],
    )


@pytest.mark.parametrize("edns", [-1, 0])
def test_answers_are_those_of_other_servers(peer: tuple[str, int], edns: int) -> None:
    program, port = peer
    world = World(ZONES)
    differences = []
    for name, rdtype in QUESTIONS:
        query = dns.message.make_query(name, rdtype, use_edns=edns)
        theirs = dns.query.udp(query, "127.0.0.1", 10, port, ignore_unexpected=True)
        ours = world.send(query)
        if name not in FREE[program] and told(ours) != told(theirs):
            differences.append((name, rdtype, told(ours), told(theirs)))
    assert not differences, "\n" + "\n".join(map(str, differences))


def test_glue_is_that_of_other_servers(peer: tuple[str, int]) -> None:
    _, port = peer
    query = dns.message.make_query("host.sub.foo.test.", "A")
    theirs = dns.query.udp(query, "127.0.0.1", 10, port, ignore_unexpected=True)
    assert records(World(ZONES).send(query).additional) == records(theirs.additional)
