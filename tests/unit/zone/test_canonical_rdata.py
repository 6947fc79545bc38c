"""The keys of records: names in lower case for exactly the types of the RFCs."""

import dns.rdata
import dns.rdataclass
import pytest
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from zonegit.zone import canonical_rdata, rrtypes
from zonegit.zone.canonical_rdata import (
    CASE_INSENSITIVE_TYPES,
    CASE_SENSITIVE_TYPES,
    deduplicate,
    has_twins,
    key,
)
from zonegit.zone.rrset import rdata_from_text

LISTED = """
    NS MD MF CNAME SOA MB MG MR PTR MINFO MX RP AFSDB RT SIG PX NXT NAPTR KX SRV DNAME A6 RRSIG
"""
NAME = b"\3WwW\7Example\0"
LOWER = NAME.lower()

TEXTS = {
    "NS": "NS.Example.",
    "CNAME": "WWW.Example.",
    "PTR": "WWW.Example.",
    "DNAME": "Other.Example.",
    "SOA": "NS1.Example. Admin.Example. 1094795585 2 3 4 5",
    "MX": "16705 Mail.Example.",
    "RP": "Admin.Example. Text.Example.",
    "AFSDB": "16705 Cell.Example.",
    "RT": "16705 Relay.Example.",
    "KX": "16705 Kx.Example.",
    "PX": "16705 Map822.Example. MapX400.Example.",
    "NAPTR": '16705 10 "S" "SIP+D2U" "!^.*$!SIP:Info@Example.com!" _SIP._UDP.Example.',
    "SRV": "16705 16705 16705 Host.Example.",
    "RRSIG": "A 13 3 300 20300101000000 20200101000000 16705 Example. QUJDREVG",
}
"""Numbers and strings have octets that are capital letters, too, and these stay."""

OTHERS = {
    rrtypes.NUMBERS["MD"]: (NAME, LOWER),
    rrtypes.NUMBERS["MF"]: (NAME, LOWER),
    rrtypes.NUMBERS["MB"]: (NAME, LOWER),
    rrtypes.NUMBERS["MG"]: (NAME, LOWER),
    rrtypes.NUMBERS["MR"]: (NAME, LOWER),
    rrtypes.NUMBERS["MINFO"]: (NAME + NAME, LOWER + LOWER),
    rrtypes.NUMBERS["SIG"]: (b"A" * 18 + NAME + b"SIG", b"A" * 18 + LOWER + b"SIG"),
    rrtypes.NUMBERS["NXT"]: (NAME + b"BITS", LOWER + b"BITS"),
    rrtypes.NUMBERS["A6"]: (b"\x40" + b"ABCDEFGH" + NAME, b"\x40" + b"ABCDEFGH" + LOWER),
}
"""Types that dnspython has no reader for: RDATA, and its key."""


def test_exactly_the_types_of_the_list_are_compared_without_regard_to_case() -> None:
    """RFC 4034 section 6.2 as amended by RFC 6840 section 5.1."""
    assert {rrtypes.to_text(each) for each in CASE_INSENSITIVE_TYPES} == set(LISTED.split())


@pytest.mark.parametrize("mnemonic", TEXTS)
def test_the_key_is_the_canonical_form_of_dnssec(mnemonic: str) -> None:
    rdtype = rrtypes.from_text(mnemonic)
    rdata = rdata_from_text(rdtype, TEXTS[mnemonic])
    known = dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(rdtype), rdata, 0, len(rdata))
    assert key(rdtype, rdata) == known.to_digestable()
    assert key(rdtype, rdata) != rdata


@pytest.mark.parametrize("rdtype", OTHERS)
def test_types_without_a_reader_have_a_key(rdtype: int) -> None:
    rdata, expected = OTHERS[rdtype]
    assert key(rdtype, rdata) == expected


def test_every_type_of_the_list_is_tested() -> None:
    tested = {rrtypes.from_text(each) for each in TEXTS} | OTHERS.keys()
    assert tested == CASE_INSENSITIVE_TYPES


def test_an_a6_without_a_prefix_has_no_name() -> None:
    """RFC 2874 section 3.1.1."""
    address = bytes(range(65, 81))
    assert key(rrtypes.NUMBERS["A6"], b"\0" + address) == b"\0" + address
    assert key(rrtypes.NUMBERS["A6"], b"\xff" + NAME) == b"\xff" + NAME


@pytest.mark.parametrize(
    ("mnemonic", "rdata", "folded"),
    [
        ("HTTPS", b"\0A" + NAME + b"ALPN", b"\0A" + LOWER + b"ALPN"),
        ("SVCB", b"\0A" + NAME, b"\0A" + LOWER),
        ("NSEC", NAME + b"BITS", LOWER + b"BITS"),
        ("NSAP-PTR", NAME, LOWER),
        ("LP", b"AA" + NAME, b"AA" + LOWER),
        ("IPSECKEY", b"A\3\2" + NAME + b"KEY", b"A\3\2" + LOWER + b"KEY"),
        ("IPSECKEY", b"A\1\2ABCDKEY", b"A\1\2ABCDKEY"),
        ("AMTRELAY", b"A\x83" + NAME, b"A\x83" + LOWER),
        ("AMTRELAY", b"A\1ABCD", b"A\1ABCD"),
        ("HIP", b"\2\2\0\3HIKEY" + NAME + NAME, b"\2\2\0\3HIKEY" + LOWER + LOWER),
        ("TALINK", NAME + NAME, LOWER + LOWER),
        ("DSYNC", b"\0A\1AA" + NAME, b"\0A\1AA" + LOWER),
    ],
)
def test_other_types_with_names_keep_their_case(mnemonic: str, rdata: bytes, folded: bytes) -> None:
    """Some servers fold it, so the folded form is computed, too."""
    rdtype = rrtypes.from_text(mnemonic)
    assert rdtype in CASE_SENSITIVE_TYPES
    assert key(rdtype, rdata) == rdata
    assert canonical_rdata.key_ignoring_case(rdtype, rdata) == folded


@given(st.sampled_from(sorted(CASE_INSENSITIVE_TYPES)), st.binary(max_size=80))
def test_rdata_of_any_form_has_one_key_which_differs_in_case_alone(
    rdtype: int, rdata: bytes
) -> None:
    found = key(rdtype, rdata)
    assert found.lower() == rdata.lower()
    assert key(rdtype, found) == found


@given(st.sampled_from(sorted(CASE_SENSITIVE_TYPES)), st.binary(max_size=80))
def test_other_types_differ_by_octets_whatever_their_form(rdtype: int, rdata: bytes) -> None:
    assert key(rdtype, rdata) == rdata
    assert canonical_rdata.key_ignoring_case(rdtype, rdata).lower() == rdata.lower()


@pytest.mark.parametrize(
    "rdata",
    [
        b"",
        b"\3WwW",
        NAME + b"X",
        b"\xc0\x0c",
        b"\x40" + b"A" * 64 + b"\0",
        (b"\x3f" + b"A" * 63) * 4 + b"\0",
    ],
)
def test_malformed_rdata_is_its_own_key(rdata: bytes) -> None:
    assert key(rrtypes.NS, rdata) == rdata


def test_the_first_spelling_of_each_record_is_kept() -> None:
    rdatas = [b"\1B\0", b"\1a\0", b"\1b\0", b"\1A\0", b"\1a\0"]
    assert set(deduplicate(rrtypes.NS, rdatas)) == {b"\1B\0", b"\1a\0"}
    assert set(deduplicate(rrtypes.TXT, rdatas)) == set(rdatas)
    assert set(deduplicate(rrtypes.NS, iter(rdatas))) == {b"\1B\0", b"\1a\0"}


def test_numbers_that_look_like_letters_are_different_records() -> None:
    """Preferences 0x4141 and 0x6161 are "AA" and "aa" as octets."""
    assert not has_twins(rrtypes.MX, [b"AA\1a\0", b"aa\1a\0"])
    assert has_twins(rrtypes.MX, [b"AA\1A\0", b"AA\1a\0"])
    assert not has_twins(rrtypes.HTTPS, [b"AA\1A\0", b"AA\1a\0"])
