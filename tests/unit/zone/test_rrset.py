"""RRsets and their types."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import strategies

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import (
    MAX_MESSAGE,
    MAX_TTL,
    RRset,
    describe,
    is_same_except_serial,
    message_size,
    parse_soa,
    rdata_from_text,
    rdata_to_text,
    rrset,
    with_serial,
)

OWNER = names.parse("www.foo.com.")
SOA_TEXT = "Ns1.foo.com. admin.foo.com. 7 7200 3600 1209600 300"


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=6))
def test_records_are_sorted_as_octets_and_repeated_ones_count_once(rdatas):
    made = rrset(OWNER, rrtypes.TXT, 300, rdatas)
    assert list(made.rdatas) == sorted(set(rdatas))


@pytest.mark.parametrize("ttl", [-1, MAX_TTL + 1])
def test_a_ttl_has_31_bits(ttl):
    """RFC 2181 section 8."""
    with pytest.raises(Invalid, match="TTL"):
        rrset(OWNER, rrtypes.A, ttl, [b"1234"])


@pytest.mark.parametrize("ttl", [0, MAX_TTL])
def test_the_bounds_of_a_ttl_are_allowed(ttl):
    assert rrset(OWNER, rrtypes.A, ttl, [b"1234"]).ttl == ttl


def test_an_rrset_without_records_is_refused():
    with pytest.raises(Invalid, match="has no record"):
        rrset(OWNER, rrtypes.A, 300, [])


def test_an_rrset_too_large_for_a_message_is_refused():
    fixed = 12 + len(OWNER) + 4 + 12
    largest = rrset(OWNER, rrtypes.TXT, 300, [bytes(MAX_MESSAGE - fixed)])
    assert message_size(largest) == MAX_MESSAGE
    with pytest.raises(Invalid, match="is too large for a DNS message"):
        rrset(OWNER, rrtypes.TXT, 300, [bytes(MAX_MESSAGE - fixed + 1)])


def test_error_messages_name_owner_and_type():
    assert describe(rrset(OWNER, 65400, 300, [b""])) == "www.foo.com. TYPE65400"


@pytest.mark.parametrize(
    ("mnemonic", "text", "octets"),
    [
        ("A", "192.0.2.7", b"\xc0\0\2\7"),
        ("MX", "10 Mail", b"\0\x0a\4Mail\3foo\3com\0"),
        ("TXT", r'"a\"b" c\255', b'\3a"b\2c\xff'),
        ("A", r"\# 4 c0000207", b"\xc0\0\2\7"),
        ("TYPE65400", r"\# 4 0a000001", b"\x0a\0\0\1"),
        ("TYPE65400", r"\# 0", b""),
        ("HTTPS", '1 . alpn="h2,h3"', b"\0\1\0\0\1\0\6\2h2\2h3"),
    ],
)
def test_rdata_are_parsed_from_the_presentation_format(mnemonic, text, octets):
    """RFC 1035 section 5.1, RFC 3597 section 5, RFC 9460 section 2.1."""
    found = rdata_from_text(rrtypes.from_text(mnemonic), text, names.parse("foo.com."))
    assert found == octets


@pytest.mark.parametrize(
    ("mnemonic", "text"),
    [
        ("A", "300.0.0.1"),
        ("A", "192.0.2.1 192.0.2.2"),
        ("A", ""),
        ("MX", "mail 10"),
        ("TYPE65400", "10"),
        ("TYPE65400", r"\# 4 0a"),
        ("A", r"\# 3 0a0000"),
        ("NS", r"\# 2 c000"),
        ("TXT", '"open'),
        ("LOC", "0 0 0.000 N 0 0 0.000 E 203001010000000.00m"),
        ("TXT", '"' + "a" * 256 + '"'),
    ],
)
def test_malformed_rdata_is_refused_and_shown(mnemonic, text):
    with pytest.raises(Invalid, match=f"is not RDATA of type {mnemonic}"):
        rdata_from_text(rrtypes.from_text(mnemonic), text)


def test_rdata_that_dnspython_cannot_read_is_shown_in_generic_form():
    assert rdata_to_text(rrtypes.A, b"\1\2") == r"\# 2 0102"


def _soa(rdata: bytes) -> RRset:
    return rrset(OWNER, rrtypes.SOA, 300, [rdata])


def test_an_soa_has_its_fields():
    found = parse_soa(_soa(rdata_from_text(rrtypes.SOA, SOA_TEXT)))
    assert found.mname == names.parse("ns1.foo.com.")
    assert found.rname == names.parse("admin.foo.com.")
    assert (found.serial, found.refresh, found.retry) == (7, 7200, 3600)
    assert (found.expire, found.minimum) == (1209600, 300)


def test_a_new_serial_changes_nothing_else():
    before = _soa(rdata_from_text(rrtypes.SOA, SOA_TEXT))
    after = with_serial(before, 2**32 - 1)
    assert parse_soa(after).serial == 2**32 - 1
    assert with_serial(after, 7) == before
    assert is_same_except_serial(before, after)
    assert not is_same_except_serial(before, msgspec.structs.replace(after, ttl=1))
    assert not is_same_except_serial(before, None)


@given(st.binary(max_size=60))
def test_arbitrary_octets_are_an_soa_or_invalid(octets):
    try:
        found = parse_soa(_soa(octets))
    except Invalid:
        return
    assert len(found.mname) + len(found.rname) + 20 == len(octets)


@given(strategies.rrsets())
def test_any_rdata_has_a_text(value):
    for rdata in value.rdatas:
        assert rdata_to_text(value.rdtype, rdata).isascii()


# types


@given(st.integers(0, 70_000))
def test_a_type_that_can_be_stored_is_written_and_parsed(rdtype):
    if rrtypes.can_be_stored(rdtype):
        assert rrtypes.from_text(rrtypes.to_text(rdtype)) == rdtype
        assert rrtypes.from_text(f"type{rdtype}") == rdtype
        assert rrtypes.parse_question_type(rrtypes.to_text(rdtype)) == rdtype


@pytest.mark.parametrize(
    "text", ["ANY", "AXFR", "TYPE0", "TYPE41", "TYPE255", "TYPE65536", "", "é"]
)
def test_a_type_that_no_zone_holds_is_refused(text):
    with pytest.raises(Invalid):
        rrtypes.from_text(text)


def test_a_query_may_have_types_that_a_zone_cannot_have():
    assert rrtypes.parse_question_type("any") == rrtypes.ANY
    assert rrtypes.parse_question_type("axfr") == rrtypes.AXFR


def test_every_mnemonic_fits_a_tree():
    """At most 16 of ``A-Z0-9-``: what a decoder of trees accepts."""
    for mnemonic in rrtypes.MNEMONICS.values():
        assert len(mnemonic) <= 16
        assert set(mnemonic) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


@pytest.mark.parametrize(("rdtype", "expected"), [(rrtypes.A, "IPv4"), (rrtypes.AAAA, "IPv6")])
def test_an_error_about_an_address_names_the_expected_form(rdtype: int, expected: str) -> None:
    with pytest.raises(Invalid, match=f"an {expected} address is expected"):
        rdata_from_text(rdtype, "192.0.2.300")
