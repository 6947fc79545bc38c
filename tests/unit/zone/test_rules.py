"""The rules for the RRsets of one owner."""

import pytest

from zonegit.errors import Invalid
from zonegit.zone import rrtypes
from zonegit.zone.names import parse
from zonegit.zone.rrset import rdata_from_text, rrset
from zonegit.zone.rules import check_owner, check_rrset

APEX = parse("foo.com.")
WWW = parse("www.foo.com.")


def test_ordinary_types_may_be_at_one_owner():
    check_owner(WWW, {rrtypes.A, rrtypes.AAAA, rrtypes.TXT}, APEX)


def test_an_owner_without_rrsets_is_fine_below_the_apex():
    check_owner(WWW, (), APEX)


@pytest.mark.parametrize("other", [rrtypes.A, rrtypes.NS, rrtypes.DNAME, rrtypes.DS, 65400])
def test_a_cname_excludes_other_data(other):
    with pytest.raises(Invalid, match=r"www\.foo\.com\. has a CNAME and other data") as failure:
        check_owner(WWW, {rrtypes.CNAME, other}, APEX)
    assert rrtypes.to_text(other) in failure.value.message
    assert failure.value.hint


def test_rrsig_nsec_and_key_may_accompany_a_cname():
    check_owner(WWW, {rrtypes.CNAME, rrtypes.RRSIG, rrtypes.NSEC, rrtypes.KEY}, APEX)


def test_the_apex_cannot_be_an_alias():
    with pytest.raises(Invalid, match="CNAME and other data"):
        check_owner(APEX, {rrtypes.SOA, rrtypes.CNAME}, APEX)


@pytest.mark.parametrize("types", [(), {rrtypes.NS}])
def test_the_apex_needs_an_soa(types):
    with pytest.raises(Invalid, match="has no SOA record at its apex"):
        check_owner(APEX, types, APEX)


def test_an_soa_below_the_apex_is_refused():
    with pytest.raises(Invalid, match="is not at the apex"):
        check_owner(WWW, {rrtypes.SOA}, APEX)


def test_a_ds_is_valid_at_zone_cuts_and_never_at_the_apex():
    """RFC 4035 section 2.4."""
    check_owner(WWW, {rrtypes.NS, rrtypes.DS}, APEX)
    with pytest.raises(Invalid, match=r"foo\.com\. DS is at the apex"):
        check_owner(APEX, {rrtypes.SOA, rrtypes.DS}, APEX)


def test_a_new_dname_at_a_zone_cut_below_the_apex_is_refused():
    """RFC 6672 section 2.3."""
    both = {rrtypes.NS, rrtypes.DNAME}
    check_owner(APEX, both | {rrtypes.SOA}, APEX)
    for before in ((), {rrtypes.NS}, {rrtypes.DNAME, rrtypes.TXT}):
        with pytest.raises(Invalid, match=r"has NS and DNAME records \(RFC 6672 section 2\.3\)"):
            check_owner(WWW, both, APEX, before)
    check_owner(WWW, both | {rrtypes.TXT}, APEX, both)


def test_an_owner_outside_the_zone_is_refused_label_by_label():
    """Its text ends with that of the zone, its labels do not."""
    with pytest.raises(Invalid, match="is not within the zone"):
        check_owner(parse("xfoo.com."), {rrtypes.A}, APEX)


@pytest.mark.parametrize(
    ("rdtype", "texts"),
    [
        (rrtypes.CNAME, ["a.", "b."]),
        (rrtypes.DNAME, ["a.", "b."]),
        (rrtypes.SOA, ["a. b. 1 2 3 4 5", "a. b. 2 2 3 4 5"]),
    ],
)
def test_types_with_a_single_record_have_at_most_one(rdtype, texts):
    value = rrset(WWW, rdtype, 300, [rdata_from_text(rdtype, text) for text in texts])
    with pytest.raises(Invalid, match="has more than one"):
        check_rrset(value)
    check_rrset(rrset(WWW, rdtype, 300, value.rdatas[:1]))
