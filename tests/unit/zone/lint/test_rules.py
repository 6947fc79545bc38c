"""Each rule of lint: its findings, and records without a finding."""

from textwrap import dedent

import pytest

from zonegit.zone import names, rrtypes
from zonegit.zone.lint import table
from zonegit.zone.lint.view import WholeZone
from zonegit.zone.rrset import RRset
from zonegit.zonefile import reader

APEX = names.parse("f.example.")
ZONE = """\
$TTL 300
@ SOA ns1 admin 1 7200 3600 1209600 300
@ NS ns1
ns1 A 192.0.2.1
"""


def found(records: str, apex: names.Name = APEX, zone: str = ZONE) -> list[tuple[str, str]]:
    """Return the rules and owners of all findings in a zone with these records added."""
    rrsets = reader.read((zone + dedent(records)).encode(), apex).rrsets
    view = WholeZone(apex, rrsets)
    return sorted(
        (finding.rule, names.relative_text(finding.owner or apex, apex))
        for rrset in rrsets.values()
        for finding in table.examine(view, rrset)
    )


def test_an_ordinary_zone_has_no_findings() -> None:
    assert not found(
        """
        @ MX 10 mail
        mail AAAA 2001:db8::1
        www CNAME mail
        *.w A 192.0.2.1
        sub NS ns1.sub
        sub NS ns.example.net.
        sub DS 1 8 2 0102030405060708090a0b0c0d0e0f100102030405060708090a0b0c0d0e0f10
        ns1.sub A 192.0.2.2
        self NS self
        self A 192.0.2.2
        other NS ns1.sub
        d DNAME example.net.
        d TXT beside
        _sip._udp SRV 0 0 5060 mail
        """
    )


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("s NS ns", [("ns-without-address", "s")]),
        ("s NS ns.s", [("ns-without-address", "s")]),
        ("s NS a.b\na.b.c A 192.0.2.1", [("ns-without-address", "s")]),
        ("s NS a.w\n*.w A 192.0.2.1", []),
        ("s NS a.w\n*.w TXT x", [("ns-without-address", "s")]),
        ("s NS ns.t\nt NS ns1", []),
        ("s NS ns.example.net.", []),
        ("s NS al\nal CNAME ns1", [("ns-to-cname", "s")]),
        ("s NS a.w\n*.w CNAME ns1", [("ns-to-cname", "s")]),
        ("s NS a.d\nd DNAME example.net.", [("ns-below-dname", "s")]),
        ("@ MX 10 al\nal CNAME ns1", [("mx-to-cname", "@")]),
        ("@ MX 10 a.d\nd DNAME example.net.", [("mx-to-cname", "@")]),
        ("@ MX 10 nothing", []),
        ("_a._tcp SRV 0 0 1 al\nal CNAME ns1", [("srv-to-cname", "_a._tcp")]),
        ("_a._tcp SRV 0 0 0 .", []),
        ("x SVCB 0 al\nal CNAME ns1", []),
    ],
)
def test_hosts_that_cannot_be_used_are_found(records: str, expected: list[tuple[str, str]]) -> None:
    assert found(records) == expected


def test_a_zone_without_name_servers_is_found() -> None:
    bare = ZONE.replace("@ NS ns1\n", "")
    assert found("", zone=bare) == [("apex-without-ns", "@")]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("s NS ns1\nw.s A 192.0.2.1\nw.s TXT x", [("hidden-by-cut", "w.s")] * 2),
        ("s NS ns1\na.b.s TXT x", [("hidden-by-cut", "a.b.s")]),
        ("s NS ns1\ns TXT x", [("hidden-by-cut", "s")]),
        ("s NS ns1\nt.s NS ns1", [("hidden-by-cut", "t.s")]),
        ("s NS ns.s\nns.s A 192.0.2.1\nns.s TXT x", [("hidden-by-cut", "ns.s")]),
        ("d DNAME x.\nw.d A 192.0.2.1", [("hidden-by-dname", "w.d")]),
        ("d DNAME x.\nw.d NS ns1", [("hidden-by-dname", "w.d")]),
        ("s NS ns1\nd.s DNAME x.\na.d.s TXT x", [("hidden-by-cut", n) for n in ("a.d.s", "d.s")]),
    ],
)
def test_names_that_no_query_reaches_are_found(
    records: str, expected: list[tuple[str, str]]
) -> None:
    assert found(records) == expected


def test_all_names_below_a_dname_at_the_apex_are_hidden_except_proofs() -> None:
    assert found(
        "@ DNAME x.\nab NSEC3 1 0 0 - {} NS\nab RRSIG NSEC3 8 3 1 1 1 1 @ AAAA".format("0" * 32)
    ) == [
        ("hidden-by-dname", "ns1"),
        ("ns-below-dname", "@"),
    ]


def test_a_zone_cut_that_is_a_dname_is_an_error() -> None:
    rrsets = reader.read(f"{ZONE}s DNAME x.".encode(), APEX).rrsets
    other = reader.read(f"{ZONE}s NS ns1".encode(), APEX).rrsets
    view = WholeZone(APEX, {**rrsets, **other})
    dname = rrsets[names.parse("s", APEX), 39]
    (finding,) = table.examine(view, dname)
    assert (finding.rule, finding.severity) == ("ns-and-dname", "error")
    at_apex = reader.read(f"{ZONE}@ DNAME x.".encode(), APEX).rrsets
    assert not list(table.examine(WholeZone(APEX, at_apex), at_apex[APEX, 39]))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("l LOC 90 0 0 N 180 0 0 E 0m", []),
        ("l LOC 90 0 0.001 N 180 0 0 E 0m", [("loc-out-of-range", "l")]),
        ("l LOC 90 0 0 S 180 0 0.001 W 0m", [("loc-out-of-range", "l")]),
        ("x X25 311061700956", []),
        ("x X25 123", [("x25-address", "x")]),
        ("x X25 12a4", [("x25-address", "x")]),
        ("n NSEC @ A NSEC", []),
        ("n NSEC @", [("nsec-without-types", "n")]),
        ("i IPSECKEY 10 0 2 . AQNR", []),
        ("i IPSECKEY 10 1 2 192.0.2.3 AQNR", []),
        ("i IPSECKEY 10 2 2 2001:db8::1 AQNR", []),
        ("i IPSECKEY 10 3 2 gw AQNR", []),
        ("i IPSECKEY 10 0 0 .", [("ipseckey-without-key", "i")]),
        ("i IPSECKEY 10 1 0 192.0.2.3", [("ipseckey-without-key", "i")]),
        ("i IPSECKEY 10 2 0 2001:db8::1", [("ipseckey-without-key", "i")]),
        ("i IPSECKEY 10 3 0 gw", [("ipseckey-without-key", "i")]),
        (r"u NULL \# 1 00", []),
        (r"u NULL \# 0", [("null-without-data", "u")]),
    ],
)
def test_implausible_fields_are_found(records: str, expected: list[tuple[str, str]]) -> None:
    assert found(records) == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("ftp CNAME www.f.example", ["ftp"]),
        ("ftp CNAME f.example", ["ftp"]),
        ("ftp CNAME www.f.example\nwww.f.example.f.example. A 192.0.2.1", ["www.f.example"]),
        ("ftp CNAME www.example.com", ["ftp"]),
        ("ftp CNAME www.example.com\n*.example.com A 192.0.2.1", []),
        ("ftp CNAME www.f.example\n* A 192.0.2.1", ["ftp"]),
        ("ftp CNAME www.example.com\ncom NS ns1", []),
        ("ftp CNAME com", []),
        ("ftp CNAME www.example", []),
        ("ftp CNAME www.f.example.", []),
        ("ftp CNAME a.b", []),
        ("@ MX 10 mail.example.net", ["@"]),
        ("_a._tcp SRV 0 0 1 a.f.example", ["_a._tcp"]),
        ("p PTR host.example.org", ["p"]),
        ("r RP a.f.example b.f.example", ["r"] * 2),
        ('n NAPTR 1 1 "s" "" "" a.f.example', ["n"]),
        ("h HTTPS 1 a.f.example", ["h"]),
        ("f.example A 192.0.2.1", ["f.example"]),
        ("www.f.example A 192.0.2.1", ["www.f.example"]),
        ("f.example NS ns1\na.f.example NS ns1", ["f.example"]),
        ("www.xf.example A 192.0.2.1", []),
    ],
)
def test_a_missing_dot_is_found(records: str, expected: list[str]) -> None:
    dots = [owner for rule, owner in found(records) if rule.startswith("missing-dot")]
    assert dots == expected


def test_in_the_root_zone_no_dot_is_missing() -> None:
    zone = "$TTL 9\n@ SOA a b 1 2 3 4 5\n@ NS ns.net\nns.net A 192.0.2.1\n"
    assert not found("x.com CNAME y.com", names.ROOT, zone)


def test_every_rule_has_an_id_of_its_own_in_kebab_case() -> None:
    ids = [rule.id for rule in table.RULES]
    assert len(set(ids)) == len(ids)
    assert all(id_ == id_.lower() and id_.replace("-", "").isalnum() for id_ in ids)


def test_records_that_differ_in_the_case_of_names_are_named() -> None:
    """RFC 6840 section 5.1: one record for NS, stored by an earlier release; two for HTTPS."""
    owner = names.parse("x", APEX)
    view = WholeZone(APEX, {})
    twins = RRset(owner, rrtypes.PTR, 300, (b"\1A\0", b"\1a\0"))
    assert [each.rule for each in table.examine(view, twins)] == ["case-twins"]
    variants = RRset(owner, rrtypes.HTTPS, 300, (b"\0\1\1A\0", b"\0\1\1a\0"))
    assert [each.rule for each in table.examine(view, variants)] == ["case-variants"]
