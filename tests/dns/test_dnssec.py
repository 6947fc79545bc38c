"""Zones imported with signatures: the answers to clients that set DO, and their validation."""

from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from tests.dns.local_server import SOA, LocalServer, flags, format_records, rcode
from tests.support import zone_signing
from tests.support.validator import Validator

from zonegit.nameserver.answer import fast_path
from zonegit.nameserver.message.query import STREAM

ZONE = (
    SOA
    + """
@ 3600 NS ns1
@ 300 MX 10 mail
ns1 300 A 192.0.2.1
mail 300 A 192.0.2.2
mail 300 AAAA 2001:db8::2
www 60 A 192.0.2.3
www 90 TXT "a" "b"
alias 300 CNAME www
gone 300 CNAME nothing
empty 300 CNAME ent.a
down 300 CNAME host.sub
x.ent.a 300 A 192.0.2.5
*.wild 300 A 192.0.2.6
*.wild 300 MX 5 mail
here.wild 300 TXT "here"
y.b.wild 300 A 192.0.2.7
x.*.went 300 A 192.0.2.9
*.cw 300 CNAME www
*.cn 300 CNAME nothing
*.cs 300 CNAME host.sub
*.cc 300 CNAME q.cw
*.mm 300 CNAME q.wild
secure 300 NS ns.secure
secure 300 NS ns1
secure 300 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure 300 A 192.0.2.8
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.9
bare.deep 300 NS ns.elsewhere.
dn 300 DNAME wild
svc 300 SRV 0 0 5060 www
z\\000 300 A 192.0.2.77
"""
)
OWNERS = [
    *("@", "www", "WwW", "nothing", "a.nothing", "ent.a", "a", "y.ent.a", "x.ent.a", "alias"),
    *("gone", "empty", "down", "*.wild", "q.wild", "q.q.wild", "here.wild", "q.here.wild", "wild"),
    *("b.wild", "z.b.wild", "q.went", "went", "*.went", "q.cw", "q.cn", "q.cs", "q.cc", "q.mm"),
    *("secure", "x.secure", "sub", "host.sub", "bare.deep", "q.bare.deep", "deep", "x.deep", "dn"),
    *("q.dn", "q.b.dn", "svc", "z", "z\\000", "z\\000.a", "zz", "0", "\\000", "\\255"),
]
TYPES = ["A", "AAAA", "MX", "NS", "SOA", "CNAME", "TXT", "DS", "DNAME", "SRV", "DNSKEY", "RRSIG"]
KINDS = {
    "NSEC": zone_signing.NSEC,
    "NSEC3": zone_signing.NSEC3,
    "opt-out": zone_signing.NSEC3_OPT_OUT,
}

Signed = tuple[str, LocalServer, Validator]


@pytest.fixture(scope="module", params=KINDS)
def signed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    zone_signing.require_signer()
    folder: Path = tmp_path_factory.mktemp("keys")
    text = zone_signing.sign_zone(folder, "foo.test.", ZONE, *KINDS[request.param])
    return request.param, LocalServer({"foo.test.": text}), Validator("foo.test.", text)


def ask(server: LocalServer, owner: str, rdtype: str, **make) -> dns.message.Message:
    name = "foo.test." if owner == "@" else f"{owner}.foo.test."
    return server.ask(name, rdtype, limit=STREAM, want_dnssec=True, **make)


def kind_of(found: dns.rrset.RRset) -> tuple[str, str]:
    """Return the type of a record, and the type that it covers."""
    is_signature = found.rdtype == dns.rdatatype.RRSIG
    return found.rdtype.name, found.covers.name if is_signature else ""


@pytest.mark.parametrize("owner", OWNERS)
def test_every_answer_validates(signed: Signed, owner: str) -> None:
    """RFC 4035 sections 3.1.1 to 3.1.4, RFC 5155 sections 7.2.1 to 7.2.8: a signature for each
    RRset, and a proof for each denial."""
    _, server, validator = signed
    for rdtype in TYPES:
        validator.check(ask(server, owner, rdtype))


@pytest.mark.parametrize("owner", OWNERS)
def test_a_reply_without_do_has_no_dnssec_records(signed: Signed, owner: str) -> None:
    """RFC 4035 section 3.1: RRSIG, NSEC and NSEC3 only with DO, or when asked for by type."""
    _, server, _ = signed
    name = "foo.test." if owner == "@" else f"{owner}.foo.test."
    for rdtype in ("A", "MX", "SOA", "TXT"):
        for make in ({}, {"use_edns": 0}):
            reply = server.ask(name, rdtype, limit=STREAM, **make)
            types = {each.rdtype for each in reply.answer + reply.authority + reply.additional}
            assert not types & {dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3}


def test_the_signature_of_a_negative_answer_lives_as_long_as_its_soa(signed: Signed) -> None:
    """RFC 2308 section 3, RFC 4034 section 3."""
    _, server, _ = signed
    for owner, code in (("nothing", "NXDOMAIN"), ("www", "NOERROR")):
        reply = ask(server, owner, "SRV")
        assert rcode(reply) == code
        about_soa = [each for each in reply.authority if "SOA" in kind_of(each)]
        assert [each.ttl for each in about_soa] == [300, 300]


def test_additional_addresses_have_their_signatures(signed: Signed) -> None:
    """RFC 4035 section 3.1.1."""
    _, server, _ = signed
    found = [kind_of(each) for each in ask(server, "@", "MX").additional]
    assert sorted(found) == [("A", ""), ("AAAA", ""), ("RRSIG", "A"), ("RRSIG", "AAAA")]
    assert len(ask(server, "x.secure", "A").additional) == 3  # glue has none, ns1 has one


def test_a_cname_and_a_dname_have_their_signatures(signed: Signed) -> None:
    _, server, _ = signed
    assert [each.rdtype.name for each in ask(server, "alias", "A").answer] == [
        *("CNAME", "RRSIG", "A", "RRSIG")
    ]
    assert [each.rdtype.name for each in ask(server, "here.dn", "TXT").answer] == [
        *("DNAME", "RRSIG", "CNAME", "TXT", "RRSIG")
    ]


def test_yxdomain_has_the_signed_dname(signed: Signed) -> None:
    """RFC 6672 section 2.2."""
    _, server, _ = signed
    long = ".".join(["x" * 60] * 3 + ["y" * 57])
    reply = ask(server, f"{long}.dn", "A")
    assert rcode(reply) == "YXDOMAIN"
    assert [each.rdtype.name for each in reply.answer] == ["DNAME", "RRSIG"]


def test_a_secure_cut_comes_with_its_ds(signed: Signed) -> None:
    """RFC 4035 section 3.1.4."""
    _, server, _ = signed
    reply = ask(server, "x.secure", "A")
    assert "AA" not in flags(reply)
    assert [each.rdtype.name for each in reply.authority] == ["NS", "DS", "RRSIG"]
    assert [each.rdtype.name for each in ask(server, "secure", "DS").answer] == ["DS", "RRSIG"]


@pytest.mark.parametrize(
    ("owner", "rdtype"), [("www", "A"), ("x.secure", "A"), ("q.sub", "A"), ("q.bare.deep", "A")]
)
def test_hits_and_referrals_take_the_fast_path(signed: Signed, owner: str, rdtype: str) -> None:
    """Most queries to a large signed zone are of these kinds."""
    _, server, _ = signed
    ask(server, owner, rdtype)
    query = dns.message.make_query(f"{owner}.foo.test.", rdtype, want_dnssec=True)
    assert fast_path.try_fast(query.to_wire(), server.zones, "192.0.2.1", STREAM) is not None


def test_any_returns_the_signatures(signed: Signed) -> None:
    """RFC 8482 section 4.1, RFC 3225 section 3: whether DO is set or not."""
    _, server, _ = signed
    for do in (True, False):
        reply = server.ask("www.foo.test.", "ANY", want_dnssec=do)
        assert [kind_of(each) for each in reply.answer] == [*(("A", ""), ("RRSIG", "A"))]
        whole = server.ask("www.foo.test.", "ANY", want_dnssec=do, limit=STREAM)
        expected = {"A", "TXT", "RRSIG"} | ({"NSEC"} if signed[0] == "NSEC" else set())
        assert {each.rdtype.name for each in whole.answer} == expected


def test_the_owner_of_an_nsec3_record_is_not_a_name(signed: Signed) -> None:
    """RFC 5155 section 7.2.8."""
    kind, server, validator = signed
    proofs = ask(server, "nothing", "A").authority
    owners = {each.name.to_text() for each in proofs if each.rdtype.name == "NSEC3"}
    assert bool(owners) == (kind != "NSEC")
    for owner in owners:
        for rdtype in ("NSEC3", "RRSIG", "A"):
            reply = server.ask(owner, rdtype, limit=STREAM, want_dnssec=True)
            assert rcode(reply) == "NXDOMAIN"
            validator.check(reply)


def test_signatures_and_nsec_can_be_queried(signed: Signed) -> None:
    """RFC 4035 section 3.1: also without DO; each signature has the TTL of its RRset."""
    kind, server, _ = signed
    covered = {
        each[0].type_covered.name: each.ttl for each in server.ask("www.foo.test.", "RRSIG").answer
    }
    assert covered["A"] == 60
    assert covered["TXT"] == 90
    assert bool(server.ask("www.foo.test.", "NSEC").answer) == (kind == "NSEC")


def test_a_proof_that_does_not_fit_sets_tc(signed: Signed) -> None:
    """RFC 4035 section 3.1.1: it is not omitted; the client retries over TCP."""
    _, server, _ = signed
    reply = server.ask("q.cn.foo.test.", "A", want_dnssec=True, payload=512)
    assert "TC" in flags(reply)
    assert not reply.authority
    assert reply.edns == 0


def test_a_proof_beyond_the_reach_of_pointers_is_complete(tmp_path: Path) -> None:
    """RFC 1035 section 4.1.4: a pointer reaches 16,383 octets, and a message may have four times as
    many."""
    zone_signing.require_signer()
    big = "\n".join(f'*.big 300 TXT "{n:03} {"x" * 200}"' for n in range(100))
    text = zone_signing.sign_zone(
        tmp_path, "foo.test.", f"{SOA}@ 300 NS ns\n{big}\n", *zone_signing.NSEC3
    )
    reply = ask(LocalServer({"foo.test.": text}), "q.big", "TXT")
    assert len(reply.answer[0]) == 100
    Validator("foo.test.", text).check(reply)


def test_a_reply_may_have_proofs_of_several_zones(tmp_path: Path) -> None:
    """RFC 4035 section 3.1.3.3 in the zone of the alias, section 3.1.3.2 in that of its target:
    compression in a fragment is independent of its position."""
    zone_signing.require_signer()
    texts = {
        "foo.test.": f"{SOA}@ 300 NS ns\n*.w 300 CNAME a.nothing.bar.example.\n",
        "bar.example.": f"{SOA}@ 300 NS ns\n" + "".join(f"h{n} 300 TXT x\n" for n in range(20)),
    }
    validators = {}
    for zone, how in zip(list(texts), (zone_signing.NSEC, zone_signing.NSEC3), strict=True):
        (tmp_path / zone).mkdir()
        texts[zone] = zone_signing.sign_zone(tmp_path / zone, zone, texts[zone], *how)
        validators[zone] = Validator(zone, texts[zone])
    reply = LocalServer(texts).ask("very.long.name.w.foo.test.", limit=STREAM, want_dnssec=True)
    assert rcode(reply) == "NXDOMAIN"
    told = [found for found in reply.answer + reply.authority if not any(kind_of(found)[1:])]
    for found in told:
        zone = next(zone for zone in texts if found.name.to_text().endswith(zone))
        section = reply.answer if found in reply.answer else reply.authority
        validators[zone].validate(section, found)
    kinds = [(found.name.to_text().partition(".")[2], kind_of(found)[0]) for found in told]
    assert kinds.count(("w.foo.test.", "NSEC")) == 1
    assert kinds.count(("bar.example.", "NSEC3")) >= 2


def test_an_unsigned_zone_answers_alike_with_and_without_do() -> None:
    server = LocalServer({"foo.test.": ZONE})
    for owner in OWNERS:
        name = f"{owner}.foo.test." if owner != "@" else "foo.test."
        plain = server.ask(name, "A", use_edns=0)
        signed = server.ask(name, "A", want_dnssec=True)
        assert format_records(plain.answer) == format_records(signed.answer)
        assert format_records(plain.authority) == format_records(signed.authority)
        assert signed.ednsflags & dns.flags.DO


def test_a_record_that_proves_an_insecure_cut_twice_is_included_once(tmp_path: Path) -> None:
    """It matches the closest encloser and covers the next closer name (RFC 5155 section 7.2.7)."""
    zone_signing.require_signer()
    unsigned = SOA + "@ 300 NS ns.example.\nwww 300 NS ns.example.\n"
    text = zone_signing.sign_zone(tmp_path, "foo.com.", unsigned, *zone_signing.NSEC3_OPT_OUT)
    query = dns.message.make_query("a.www.foo.com.", "A", want_dnssec=True)
    octets = LocalServer({"foo.com.": text}).exchange(query.to_wire())
    assert octets is not None
    told = dns.message.from_wire(octets, one_rr_per_rrset=True).authority
    assert sorted(dns.rdatatype.to_text(each.rdtype) for each in told) == ["NS", "NSEC3", "RRSIG"]
