"""The spelling of records: the one that is kept, and its note."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.zone import canonical_rdata, names, rrtypes, spelling
from zonegit.zone.rrset import RRset, rdata_from_text, rrset
from zonegit.zonefile import reader

ZONE = names.parse("s.example.")
OWNER = names.parse("mail.s.example.")
UPPER = "10 MX.s.example."
LOWER = "10 mx.s.example."


def mx(*texts: str, ttl: int = 300) -> RRset:
    return rrset(OWNER, rrtypes.MX, ttl, [rdata_from_text(rrtypes.MX, text) for text in texts])


def twins(*texts: str) -> RRset:
    """Return two spellings of a record, as earlier releases stored them."""
    rdatas = {rdata_from_text(rrtypes.MX, text) for text in texts}
    return RRset(OWNER, rrtypes.MX, 300, tuple(sorted(rdatas)))


def soa(mname: str, serial: int, refresh: int = 2) -> RRset:
    text = f"{mname}.s.example. admin.s.example. {serial} {refresh} 3 4 5"
    return rrset(ZONE, rrtypes.SOA, 300, [rdata_from_text(rrtypes.SOA, text)])


targets = st.text("abAB", min_size=1, max_size=2).map(lambda text: f"10 {text}.")
sets = st.lists(targets, min_size=1, max_size=6).map(lambda texts: mx(*texts))
stored = st.lists(targets, min_size=1, max_size=6).map(lambda texts: twins(*texts))


def test_an_rrset_keeps_the_first_spelling_of_a_record() -> None:
    assert mx(UPPER, LOWER) == mx(UPPER)
    assert mx(LOWER, UPPER) == mx(LOWER)
    assert mx(LOWER, "20 MX.s.example.").rdatas == twins(LOWER, "20 MX.s.example.").rdatas


def test_a_master_file_keeps_the_first_spelling_of_a_record() -> None:
    text = f"""$TTL 300
@ SOA Ns1 admin 1 2 3 4 5
@ SOA ns1 admin 1 2 3 4 5
mail MX {LOWER}
mail MX {UPPER}
www CNAME Api
www CNAME api
"""
    found = reader.read(text.encode(), ZONE).rrsets
    assert found[OWNER, rrtypes.MX] == mx(LOWER)
    assert found[ZONE, rrtypes.SOA] == soa("Ns1", 1)
    assert found[names.parse("www", ZONE), rrtypes.CNAME].rdatas[0][:4] == b"\3Api"


def test_the_first_spelling_in_octet_order_is_the_record() -> None:
    assert spelling.remove_twins(twins(LOWER, UPPER, "20 b.")) == mx(UPPER, "20 b.")
    plain = mx(LOWER, "20 b.")
    assert spelling.remove_twins(plain) is plain


@given(stored)
def test_an_equal_rrset_keeps_the_known_octets(known: RRset) -> None:
    swapped = [rdata[:2] + rdata[2:].swapcase() for rdata in known.rdatas]
    value = rrset(OWNER, rrtypes.MX, 300, swapped)
    assert spelling.is_same(value, known)
    assert spelling.keep_spelling(value, known) is known


@given(sets, stored)
def test_known_records_keep_their_spelling_and_others_have_the_new_one(
    value: RRset, known: RRset
) -> None:
    kept = spelling.keep_spelling(value, known)
    assert spelling.compute_keys(kept) == spelling.compute_keys(value)
    if kept is not known:
        assert not canonical_rdata.has_twins(kept.rdtype, kept.rdatas)
        one = spelling.remove_twins(known)
        for rdata in kept.rdatas:
            is_known = canonical_rdata.key(rrtypes.MX, rdata) in spelling.compute_keys(known)
            assert rdata in (one if is_known else value).rdatas


def test_a_new_ttl_keeps_the_known_spelling() -> None:
    assert spelling.keep_spelling(mx(LOWER, ttl=60), mx(UPPER)) == mx(UPPER, ttl=60)


def test_an_soa_keeps_its_spelling_with_a_new_serial() -> None:
    assert spelling.keep_spelling(soa("ns1", 9), soa("NS1", 7)) == soa("NS1", 9)
    assert spelling.keep_spelling(soa("ns1", 9, refresh=7), soa("NS1", 7)) == soa(
        "ns1", 9, refresh=7
    )
    assert spelling.is_respelled(soa("ns1", 9), soa("NS1", 7))
    assert not spelling.is_respelled(soa("NS1", 9), soa("NS1", 7))


def test_two_spellings_are_named_with_the_one_that_counts() -> None:
    (finding,) = spelling.find_twins(twins(LOWER, UPPER, "20 b."))
    assert (finding.rule, finding.severity) == ("case-twins", "warning")
    assert (finding.owner, finding.rdtype) == (OWNER, rrtypes.MX)
    assert f"{LOWER} next to {UPPER}" in finding.message
    assert spelling.find_twins(mx(UPPER, "20 b.")) == []
    assert spelling.find_variants(twins(LOWER, UPPER)) == []


@pytest.mark.parametrize("rdtype", [rrtypes.SVCB, rrtypes.HTTPS])
def test_records_of_other_types_stay_separate_and_are_named(rdtype: int) -> None:
    texts = ("1 A.example. alpn=h2", "1 a.example. alpn=h2", "1 b.example.")
    value = rrset(OWNER, rdtype, 300, [rdata_from_text(rdtype, text) for text in texts])
    assert len(value.rdatas) == 3
    (finding,) = spelling.find_variants(value)
    assert (finding.rule, finding.severity) == ("case-variants", "warning")
    assert "A.example." in finding.message
    assert "a.example." in finding.message
    assert "b.example." not in finding.message
    assert spelling.find_twins(value) == []
