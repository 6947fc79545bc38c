"""Merges of one RRset that both sides changed: results and conflicts."""

from hypothesis import given
from hypothesis import strategies as st

from zonegit.merge import records
from zonegit.merge.records import Refusal
from zonegit.zone import names, rrtypes, rules
from zonegit.zone.rrset import RRset, message_size, parse_soa, rdata_from_text, rrset

ZONE = names.parse("foo.com.")
OWNER = names.parse("www", ZONE)


def a(*last: int, ttl: int = 300) -> RRset:
    return rrset(OWNER, rrtypes.A, ttl, [bytes((192, 0, 2, each)) for each in last])


def alias(target: str) -> RRset:
    return rrset(OWNER, rrtypes.CNAME, 300, [rdata_from_text(rrtypes.CNAME, target, ZONE)])


def start(serial: int, refresh: int = 7200, ttl: int = 300) -> RRset:
    text = f"ns1 admin {serial} {refresh} 3600 1209600 300"
    return rrset(ZONE, rrtypes.SOA, ttl, [rdata_from_text(rrtypes.SOA, text, ZONE)])


def signature(ttl: int, covered: str = "A") -> RRset:
    text = f"{covered} 13 3 300 20300101000000 20200101000000 1 foo.com. AAAA"
    return rrset(OWNER, rrtypes.RRSIG, ttl, [rdata_from_text(rrtypes.RRSIG, text)])


def why(base: RRset | None, ours: RRset | None, theirs: RRset | None) -> str:
    found = records.merge_rrset(base, ours, theirs)
    assert isinstance(found, Refusal), found
    other = records.merge_rrset(base, theirs, ours)
    assert isinstance(other, Refusal)
    assert other.reason == found.reason
    return found.reason


def test_records_added_on_both_sides_are_all_kept() -> None:
    assert records.merge_rrset(a(1), a(1, 2), a(1, 3)) == a(1, 2, 3)


def test_records_removed_on_both_sides_are_all_removed() -> None:
    assert records.merge_rrset(a(1, 2, 3), a(1, 2), a(2, 3)) == a(2)


def test_a_record_replaced_on_one_side_is_removed_although_the_other_added_one() -> None:
    assert records.merge_rrset(a(1), a(2), a(1, 3)) == a(2, 3)


def test_a_record_removed_by_both_and_replaced_by_one_is_no_conflict() -> None:
    assert records.merge_rrset(a(1, 2), a(2), a(2, 3)) == a(2, 3)


def test_a_ttl_changed_on_one_side_merges_with_records_changed_on_the_other() -> None:
    assert records.merge_rrset(a(1), a(1, ttl=60), a(1, 2)) == a(1, 2, ttl=60)


def test_an_rrset_added_by_both_has_the_records_of_both() -> None:
    assert records.merge_rrset(None, a(1), a(2)) == a(1, 2)


def test_one_record_replaced_two_ways_conflicts_and_is_named() -> None:
    assert why(a(1), a(2), a(3)) == "one record replaced two ways"
    assert records.merge_rrset(a(1, 9), a(2, 9), a(3, 9)) == Refusal(
        "one record replaced two ways", "both removed 192.0.2.1"
    )


def test_a_ttl_changed_two_ways_conflicts() -> None:
    assert why(a(1), a(1, ttl=60), a(1, 2, ttl=30)) == "TTL changed two ways"


def test_an_rrset_added_with_two_ttls_conflicts() -> None:
    assert why(None, a(1, ttl=60), a(2, ttl=30)) == "added with two TTLs"


def test_an_rrset_deleted_on_one_side_and_modified_on_the_other_conflicts() -> None:
    assert why(a(1), None, a(1, 2)) == "deleted against modified"


def test_two_removals_that_together_leave_an_rrset_empty_conflict() -> None:
    assert why(a(1, 2), a(1), a(2)) == "no record left"


def test_an_alias_added_with_two_targets_conflicts() -> None:
    """RFC 2181 section 10.1: one CNAME at a name."""
    assert why(None, alias("a"), alias("b")) == "no zone may hold both"


def test_an_rrset_too_large_for_a_message_conflicts() -> None:
    big = [bytes((255,)) + bytes((number >> 8, number & 255)) * 127 + b"x" for number in range(300)]
    base, ours, theirs = (
        rrset(OWNER, rrtypes.TXT, 300, part) for part in (big[:60], big[:180], big[:60] + big[180:])
    )
    assert message_size(ours) < 65_535
    assert why(base, ours, theirs) == "no zone may hold both"


def test_a_serial_never_conflicts_and_stays_ours() -> None:
    assert records.merge_rrset(start(1), start(9), start(4)) == start(9)
    assert records.merge_rrset(start(1), start(9), start(4, 900)) == start(9, 900)
    assert records.merge_rrset(start(1), start(9, 900), start(4)) == start(9, 900)


def test_the_fields_of_an_soa_are_one_value_and_its_ttl_another() -> None:
    assert records.merge_rrset(start(1), start(2, ttl=60), start(3, 900)) == start(2, 900, ttl=60)
    assert why(start(1), start(2, 600), start(2, 900)) == "one record replaced two ways"
    assert why(None, start(2, 600), start(2, 900)) == "no zone may hold both"


def test_the_ttl_of_signatures_never_conflicts() -> None:
    """RFC 4034 section 3: a signature has the TTL of what it covers."""
    assert records.merge_rrset(signature(300), signature(60), signature(30)) == signature(30)
    assert records.merge_rrset(signature(300), signature(60), None) is None


addresses = st.sets(st.integers(1, 5)).map(lambda found: a(*found) if found else None) | st.builds(
    lambda found, ttl: a(*found, ttl=ttl),
    st.sets(st.integers(1, 4), min_size=1),
    st.sampled_from([60, 90]),
)
aliases = st.sampled_from([None, alias("a"), alias("b"), alias("c")])
starts = st.builds(start, st.integers(1, 3), st.sampled_from([600, 900]), st.sampled_from([60, 90]))
threes = st.one_of(*(st.tuples(each, each, each) for each in (addresses, aliases, starts)))


@given(threes)
def test_the_result_is_the_same_with_sides_swapped(three):
    base, ours, theirs = three
    here, there = records.merge_rrset(base, ours, theirs), records.merge_rrset(base, theirs, ours)
    if isinstance(here, RRset) and here.rdtype == rrtypes.SOA:
        assert isinstance(there, RRset)
        assert records.clear_ignored_fields(here) == records.clear_ignored_fields(there)
    else:
        assert here == there


@given(threes)
def test_records_on_both_sides_are_kept(three):
    base, ours, _ = three
    assert records.merge_rrset(base, ours, ours) == ours


@given(threes)
def test_an_unchanged_side_has_no_effect(three):
    base, ours, _ = three
    found = records.merge_rrset(base, ours, base)
    assert found == ours or (ours is not None and ours.rdtype == rrtypes.SOA)


@given(threes)
def test_a_merged_rrset_is_valid(three):
    found = records.merge_rrset(*three)
    if isinstance(found, RRset):
        rules.check_rrset(found)
        assert found == rrset(found.owner, found.rdtype, found.ttl, found.rdatas)
        if found.rdtype == rrtypes.SOA:
            parse_soa(found)


@given(threes)
def test_no_record_is_lost_or_invented(three):
    """The result has each record added by one side or removed by neither, and no others."""
    base, ours, theirs = (frozenset(each.rdatas) if each else frozenset() for each in three)
    found = records.merge_rrset(*three)
    if isinstance(found, RRset) and found.rdtype != rrtypes.SOA:
        assert (ours - base) | (theirs - base) | (base & ours & theirs) == set(found.rdatas)
