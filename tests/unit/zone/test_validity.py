"""RRsets that are malformed in any place, and RRsets in the place of another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import strategies

from zonegit.zone import names, rdata, rrtypes, validity
from zonegit.zone.names import Name
from zonegit.zone.rdata import shapes
from zonegit.zone.rrset import MAX_TTL, RRset

WWW = names.parse("www.foo.com.")
HOST = b"\1h\3foo\3com\0"

FREQUENT = ["A", "AAAA", "NS", "CNAME", "PTR", "DNAME", "MX", "SRV", "SOA", "TXT"]
FREQUENT += ["RRSIG", "DS", "DNSKEY", "NSEC", "NSEC3"]


@pytest.mark.parametrize("mnemonic", FREQUENT)
@settings(max_examples=60)
@given(data=st.data())
def test_rdata_accepted_by_a_quick_check_are_valid(mnemonic: str, data: st.DataObject) -> None:
    rdtype = rrtypes.from_text(mnemonic)
    octets = data.draw(
        st.one_of(st.binary(max_size=64), strategies.rdata_like, strategies.rdatas_of(rdtype))
    )
    if shapes.is_well_formed(rdtype, octets):
        rdata.check(rdtype, octets)


@pytest.mark.parametrize("mnemonic", FREQUENT)
@settings(max_examples=60)
@given(data=st.data())
def test_a_quick_check_accepts_all_usual_rdata(mnemonic: str, data: st.DataObject) -> None:
    rdtype = rrtypes.from_text(mnemonic)
    octets = data.draw(strategies.rdatas_of(rdtype))
    unusual = rdtype == rrtypes.DS and octets[3] not in (1, 2, 4)
    assert unusual or shapes.is_well_formed(rdtype, octets)


@given(strategies.rrsets())
def test_an_rrset_made_by_zonegit_is_not_malformed(value: RRset) -> None:
    assert validity.find_malformed(value) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (RRset(WWW, rrtypes.A, 300, (b"\1\2\3",)), r"www.foo.com. A: RDATA \# 3 010203 is mal"),
        (RRset(WWW, rrtypes.AAAA, 300, (bytes(15),)), "RDATA"),
        (RRset(WWW, rrtypes.NS, 300, (HOST[:-1],)), "RDATA"),
        (RRset(WWW, rrtypes.NS, 300, (b"\x40" + bytes(64) + HOST,)), "RDATA"),
        (RRset(WWW, rrtypes.TXT, 300, (b"",)), "RDATA"),
        (RRset(WWW, rrtypes.NSEC, 300, (b"\0\0\x01\0",)), "RDATA"),
        (RRset(WWW, rrtypes.CNAME, 300, (b"\1a\0", b"\1b\0")), "more than one CNAME"),
        (RRset(WWW, rrtypes.A, 300, (bytes(4),), 3), "is of class 3"),
        (RRset(WWW, rrtypes.A, MAX_TTL + 1, (bytes(4),)), "TTL 2147483648"),
        (RRset(WWW, 65400, 300, (bytes(40_000), bytes(40_001))), "is too large for a DNS message"),
        # It is judged before its records. Otherwise such a message occupies a store for seconds.
        (RRset(WWW, rrtypes.A, 300, tuple(map(b"%05d".__mod__, range(9_999)))), "too large"),
    ],
)
def test_a_malformed_rrset_is_reported_with_the_reason(value: RRset, why: str) -> None:
    found = validity.find_malformed(value)
    assert found is not None
    assert why in found


def test_an_alias_in_two_spellings_is_one_record() -> None:
    """Earlier releases stored such pairs, which are read as one record."""
    assert validity.find_malformed(RRset(WWW, rrtypes.CNAME, 300, (b"\1A\0", b"\1a\0"))) is None


def test_an_rrset_must_be_in_the_place_of_its_owner_and_type() -> None:
    def misplaced(owner: Name, rdtype: int) -> str | None:
        return validity.find_misplaced(WWW, rrtypes.A, owner, rdtype)

    assert misplaced(WWW, rrtypes.A) is None
    assert misplaced(WWW, rrtypes.AAAA) == "www.foo.com. AAAA is stored in place of www.foo.com. A"
    assert misplaced(names.ROOT, rrtypes.A) == ". A is stored in place of www.foo.com. A"
