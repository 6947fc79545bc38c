"""Written zones are readable, and parse to the same RRsets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import strategies, vectors
from tests.support.strategies import APEX, plain, rdatas_of

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.names import ROOT, Name, parse
from zonegit.zone.rrset import RRset, rdata_from_text, rrset
from zonegit.zone.rrtypes import DS, RRSIG, SOA
from zonegit.zonefile import reader, writer

CUT = parse("cut", APEX)


def written(rrsets: list[RRset], zone: Name = APEX) -> str:
    return "".join(writer.write(rrsets, zone))


def read_back(rrsets: list[RRset], zone: Name = APEX) -> dict[tuple[Name, int], RRset]:
    found = reader.read(written(rrsets, zone).encode(), zone, whole=False)
    assert found.findings == []
    return found.rrsets


def test_a_written_zone_is_readable():
    zone = reader.read(
        b"$TTL 300\n@ SOA ns1 admin 1 7200 3600 1209600 300\n@ NS ns1\n*.b A 192.0.2.9\n"
        b"b MX 10 Mail\na.b A 192.0.2.2\na.b A 192.0.2.1\nns1 60 TYPE65400 \\# 1 aa\n",
        APEX,
    )
    assert written(list(zone.rrsets.values())) == (
        "$ORIGIN foo.com.\n"
        "@                          300 IN SOA     ns1.foo.com. admin.foo.com. 1 7200 3600 1209600"
        " 300\n"
        "@                          300 IN NS      ns1.foo.com.\n"
        "b                          300 IN MX      10 Mail.foo.com.\n"
        "*.b                        300 IN A       192.0.2.9\n"
        "a.b                        300 IN A       192.0.2.1\n"
        "a.b                        300 IN A       192.0.2.2\n"
        "ns1                         60 IN TYPE65400 \\# 1 aa\n"
    )


@settings(max_examples=400)
@given(strategies.rrsets())
def test_any_written_rrset_parses_to_the_same(value: RRset):
    if value.rdtype == SOA:
        value = rrset(APEX, SOA, value.ttl, value.rdatas)
    if value.rdtype == DS and value.owner == APEX:
        value = rrset(CUT, DS, value.ttl, value.rdatas)
    assert read_back([value]) == {(value.owner, value.rdtype): value}


@pytest.mark.parametrize("rdtype", rrtypes.MNEMONICS, ids=rrtypes.MNEMONICS.get)
@given(data=st.data())
@settings(max_examples=15)
def test_rdata_of_every_type_parse_to_the_same(rdtype: int, data: st.DataObject):
    owner = APEX if rdtype == SOA else CUT
    for octets in (plain(rdtype), data.draw(rdatas_of(rdtype))):
        value = rrset(owner, rdtype, 300, [octets])
        assert read_back([value]) == {(owner, rdtype): value}


@given(st.dictionaries(strategies.owners, st.sets(st.sampled_from([1, 2, 16, 28, 65400]))))
def test_a_zone_with_any_owners_parses_to_the_same(content):
    rrsets = [
        rrset(owner, rdtype, 300, [plain(rdtype)])
        for owner, types in content.items()
        for rdtype in types
    ]
    assert read_back(rrsets) == {(each.owner, each.rdtype): each for each in rrsets}


@given(st.lists(strategies.owners, min_size=1, unique=True))
def test_owners_come_in_canonical_order(owners):
    """RFC 4034 section 6.1."""
    lines = written([rrset(owner, 1, 300, [b"1234"]) for owner in owners]).splitlines()[1:]
    found = [parse(line.split()[0], APEX) for line in lines]
    assert found == sorted(found, key=names.canonical_key)


def test_rdata_that_would_not_parse_to_the_same_are_written_in_generic_form():
    """RFC 3597 section 5; a DNSKEY without a key has no text form."""
    empty = rrset(APEX, rrtypes.DNSKEY, 300, [b"\1\0\3\x08"])
    assert r"\# 4 01000308" in written([empty])
    assert read_back([empty]) == {(APEX, rrtypes.DNSKEY): empty}


RDATA = "8 2 60 20300101000000 20200101000000 1 foo.com. AAAA"


def signed(ttls: dict[str, int], stored: int) -> list[RRset]:
    rrsigs = [rdata_from_text(RRSIG, f"{covered} {RDATA}") for covered in (*ttls, "NSEC")]
    return [
        *(
            rrset(APEX, number, ttl, [plain(number)])
            for mnemonic, ttl in ttls.items()
            for number in [rrtypes.from_text(mnemonic)]
        ),
        rrset(APEX, RRSIG, stored, rrsigs),
    ]


def test_an_rrsig_has_the_ttl_of_the_rrset_it_covers():
    """RFC 4034 section 3; without such an RRset it keeps its own."""
    lines = written(signed({"A": 60, "TXT": 90}, 60)).splitlines()
    ttls = {line.split()[4]: line.split()[1] for line in lines if " RRSIG " in line}
    assert ttls == {"A": "60", "TXT": "90", "NSEC": "60"}


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_parsed_rrsigs_are_written_and_parsed_to_the_same(first, second, stored):
    once = read_back(signed({"A": first, "TXT": second}, stored))
    assert read_back(list(once.values())) == once


def test_the_real_root_zone_parses_to_the_same():
    found = reader.read(vectors.root_zone(2018012900), ROOT)
    text = written(list(found.rrsets.values()), ROOT)
    assert reader.read(text.encode(), ROOT).rrsets == found.rrsets


def test_malformed_rdata_are_written_nevertheless():
    """Another program stored them; reading the text reports it."""
    bad = rrset(APEX, rrtypes.A, 300, [b"\1\2\3"])
    assert r"\# 3 010203" in written([bad])
    with pytest.raises(Invalid, match="is not RDATA"):
        read_back([bad])
