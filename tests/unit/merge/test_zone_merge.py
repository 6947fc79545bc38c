"""Merges of two zones with a common base: results, conflicts, and no further reads."""

from collections.abc import Collection

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.recording_store import RecordingStore

from zonegit.errors import Corrupt
from zonegit.merge import conflicts, records, zone_merge
from zonegit.merge.conflicts import Clash, Decision, Side
from zonegit.merge.sides import APEX_SOA
from zonegit.merge.zone_merge import MergeBase, MergeResult
from zonegit.objects import zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob
from zonegit.zone import names, rrtypes, rules
from zonegit.zone.names import Path
from zonegit.zone.rrset import RRset, parse_soa, rdata_from_text, rrset
from zonegit.zonefile import reader

ZONE = names.parse("foo.com.")
SOA = "@ 300 IN SOA ns1 admin {serial} {refresh} 3600 1209600 300\n"
BASE = "www 300 IN A 192.0.2.1\nmail 300 IN A 192.0.2.25\n"

Key = tuple[Path, int]
Zone = dict[Key, RRset]


def zone(text: str, serial: int = 1, refresh: int = 7200) -> Zone:
    whole = SOA.format(serial=serial, refresh=refresh) + text
    found = reader.read(whole.encode(), ZONE).rrsets
    return {(names.path(owner, ZONE), rdtype): value for (owner, rdtype), value in found.items()}


def store(recording: RecordingStore, content: Zone) -> ObjectId:
    out: list[RawObject] = []
    placed: dict[tuple[Path, int], ObjectId | None] = {}
    for key, value in content.items():
        out.append(encode(Blob(value)))
        placed[key] = out[-1].id
    recording.put(out)
    root = recording.run(zone_tree.update(None, placed, out))
    recording.put(out)
    assert root is not None
    return root


def merge_zones(
    base: Zone | None,
    ours: Zone,
    theirs: Zone,
    decisions: Collection[Decision] = (),
    disputed: Collection[Key] = (),
) -> MergeResult:
    """Return the result of the merge; ``disputed`` keys are left out of the base."""
    recording = RecordingStore()
    agreed = {key: value for key, value in (base or {}).items() if key not in disputed}
    root = MergeBase(store(recording, agreed) if agreed else None, frozenset(disputed))
    roots = [store(recording, each) for each in (ours, theirs)]
    return recording.run(zone_merge.merge_zones(root, *roots, ZONE, decisions))


def apply_merge(base: Zone | None, ours: Zone, theirs: Zone, found: MergeResult) -> Zone:
    """Return our zone after a merge without conflicts, with serial 0."""
    assert not found.clashes
    known = (*(base or {}).values(), *theirs.values())
    blobs = {encode(Blob(value)).id: value for value in known}
    after = dict(ours)
    for key, value in found.changes.items():
        if value is None:
            del after[key]
        else:
            after[key] = value if isinstance(value, RRset) else blobs[value]
    return after | {APEX_SOA: records.clear_ignored_fields(after[APEX_SOA])}


def result(base: Zone | None, ours: Zone, theirs: Zone) -> Zone:
    return apply_merge(base, ours, theirs, merge_zones(base, ours, theirs))


def list_clashes(clashes: list[Clash]) -> list[tuple[str, str, str]]:
    return [(names.text(c.owner), rrtypes.to_text(c.rdtype), c.reason) for c in clashes]


def only(clashes: list[Clash]) -> tuple[str, str, str]:
    (clash,) = list_clashes(clashes)
    return clash


def test_changes_of_different_rrsets_merge() -> None:
    ours = zone(BASE.replace("192.0.2.1\n", "192.0.2.2\n"), 2)
    theirs = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    expected = zone(BASE.replace("192.0.2.1\n", "192.0.2.2\n") + "ftp 300 IN A 192.0.2.21\n")
    expected[APEX_SOA] = records.clear_ignored_fields(expected[APEX_SOA])
    assert result(zone(BASE), ours, theirs) == expected


def test_the_same_change_on_both_sides_merges() -> None:
    both = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    found = merge_zones(zone(BASE), both, both)
    assert (found.changes, found.clashes) == ({}, [])


def test_different_records_of_one_rrset_merge() -> None:
    ours = zone(BASE + "www 300 IN A 192.0.2.2\n", 2)
    theirs = zone(BASE + "www 300 IN A 192.0.2.3\n", 2)
    found = result(zone(BASE), ours, theirs)
    assert found[(b"www",), rrtypes.A].rdatas == tuple(bytes((192, 0, 2, n)) for n in (1, 2, 3))


def test_one_record_replaced_two_ways_conflicts() -> None:
    ours = zone(BASE.replace("192.0.2.25", "192.0.2.26"), 2)
    theirs = zone(BASE.replace("192.0.2.25", "192.0.2.27"), 2)
    clashes = merge_zones(zone(BASE), ours, theirs).clashes
    assert only(clashes) == ("mail.foo.com.", "A", "one record replaced two ways")


@pytest.mark.parametrize("deleted_by_us", [True, False])
def test_deleted_against_modified_conflicts(deleted_by_us: bool) -> None:
    gone = zone("www 300 IN A 192.0.2.1\n", 2)
    kept = zone(BASE.replace("192.0.2.25", "192.0.2.27"), 2)
    ours, theirs = (gone, kept) if deleted_by_us else (kept, gone)
    clashes = merge_zones(zone(BASE), ours, theirs).clashes
    assert only(clashes) == ("mail.foo.com.", "A", "deleted against modified")
    assert (clashes[0].ours is None) == deleted_by_us
    assert clashes[0].base == zone(BASE)[(b"mail",), rrtypes.A]


def test_an_rrset_added_with_two_ttls_conflicts() -> None:
    ours = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    theirs = zone(BASE + "ftp 60 IN A 192.0.2.22\n", 2)
    clashes = merge_zones(zone(BASE), ours, theirs).clashes
    assert only(clashes) == ("ftp.foo.com.", "A", "added with two TTLs")


def test_an_alias_and_other_data_added_to_one_name_conflict() -> None:
    """RFC 1034 section 3.6.2: each side alone is valid, both together are not."""
    ours = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    theirs = zone(BASE + "ftp 300 IN CNAME www\n", 2)
    clashes = merge_zones(zone(BASE), ours, theirs).clashes
    assert list_clashes(clashes) == [
        ("ftp.foo.com.", "A", "no zone may hold both"),
        ("ftp.foo.com.", "CNAME", "no zone may hold both"),
    ]
    assert all("CNAME and other data" in (clash.detail or "") for clash in clashes)
    assert [clash.theirs is None for clash in clashes] == [True, False]


def test_an_alias_that_replaced_data_on_one_side_merges_with_changes_elsewhere() -> None:
    ours = zone(BASE.replace("mail 300 IN A 192.0.2.25", "mail 300 IN CNAME www"), 2)
    theirs = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    assert not merge_zones(zone(BASE), ours, theirs).clashes


def test_serials_never_conflict() -> None:
    found = merge_zones(zone(BASE, 1), zone(BASE, 9), zone(BASE, 4))
    assert (found.changes, found.clashes) == ({}, [])


def test_a_field_of_the_soa_is_taken_from_the_side_that_changed_it() -> None:
    found = merge_zones(zone(BASE, 1), zone(BASE, 9), zone(BASE, 4, refresh=900))
    value = found.changes[APEX_SOA]
    assert isinstance(value, RRset)
    assert parse_soa(value).refresh == 900
    assert merge_zones(zone(BASE, 1), zone(BASE, 4, refresh=900), zone(BASE, 9)).changes == {}


def test_a_merged_soa_has_our_serial() -> None:
    found = merge_zones(zone(BASE, 1), zone(BASE, 3_000_000_000), zone(BASE, 4, refresh=900))
    value = found.changes[APEX_SOA]
    assert isinstance(value, RRset)
    assert (parse_soa(value).serial, parse_soa(value).refresh) == (3_000_000_000, 900)


def test_a_field_of_the_soa_changed_two_ways_conflicts() -> None:
    clashes = merge_zones(
        zone(BASE), zone(BASE, 2, refresh=900), zone(BASE, 2, refresh=600)
    ).clashes
    assert only(clashes) == ("foo.com.", "SOA", "one record replaced two ways")


def test_without_a_base_every_difference_is_an_addition_of_both() -> None:
    ours = zone("www 300 IN A 192.0.2.1\n")
    theirs = zone("www 300 IN A 192.0.2.2\nftp 300 IN A 192.0.2.21\n")
    found = result(None, ours, theirs)
    assert found[(b"www",), rrtypes.A].rdatas == (b"\xc0\0\2\1", b"\xc0\0\2\2")
    assert found[(b"ftp",), rrtypes.A] == theirs[(b"ftp",), rrtypes.A]


def test_only_changed_parts_are_read() -> None:
    """The zone has 300 names of 4 labels; one is changed on each side."""
    many = "".join(f"h.{n}.x.y 300 IN A 192.0.2.1\n" for n in range(300))
    recording = RecordingStore()
    roots = [
        store(recording, zone(many + more, serial))
        for more, serial in (("", 1), ("a 300 IN A 192.0.2.1\n", 2), ("b 300 IN A 192.0.2.1\n", 3))
    ]
    found = recording.run(zone_merge.merge_zones(MergeBase(roots[0]), *roots[1:], ZONE))
    assert len(found.changes) == 1
    assert recording.fetched_in_all < 10


def test_an_rrset_in_the_place_of_another_is_corrupt() -> None:
    recording = RecordingStore()
    out: list[RawObject] = []
    roots = []
    for serial in range(2):
        blob = encode(Blob(rrset(ZONE, rrtypes.A, 300, [bytes((192, 0, 2, serial))])))
        root = recording.run(zone_tree.update(None, {APEX_SOA: blob.id}, out))
        recording.put([blob, *out])
        assert root is not None
        roots.append(root)
    with pytest.raises(Corrupt, match=r"is used as foo\.com\. SOA but"):
        recording.run(zone_merge.merge_zones(MergeBase(roots[0]), roots[0], roots[1], ZONE))


def choose(clashes: Collection[Clash], side: Side) -> list[Decision]:
    return [conflicts.decide(clash, side) for clash in clashes]


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_choosing_one_side_for_all_conflicts_resolves_a_merge(side: Side) -> None:
    """This holds even if the choice for one RRset affects another one of its owner."""
    alias = "www 300 IN CNAME mail\nmail 300 IN A 192.0.2.25\n"
    base = zone(alias)
    ours = zone("www 300 IN A 192.0.2.1\nwww 300 IN TXT new\nmail 300 IN A 192.0.2.26\n", 2)
    theirs = zone("www 60 IN CNAME mail\nmail 300 IN A 192.0.2.27\n", 3)
    clashes = merge_zones(base, ours, theirs).clashes
    assert [(names.text(c.owner), c.rdtype) for c in clashes] == [
        ("mail.foo.com.", rrtypes.A),
        ("www.foo.com.", rrtypes.A),
        ("www.foo.com.", rrtypes.CNAME),
        ("www.foo.com.", rrtypes.TXT),
    ]
    found = merge_zones(base, ours, theirs, choose(clashes, side))
    wanted = {"ours": ours, "theirs": theirs}[side]
    expected = wanted | {APEX_SOA: records.clear_ignored_fields(wanted[APEX_SOA])}
    assert apply_merge(base, ours, theirs, found) == expected


def test_incompatible_choices_are_conflicts_again() -> None:
    base = zone(BASE)
    ours = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    theirs = zone(BASE + "ftp 300 IN CNAME www\n", 2)
    address, alias = merge_zones(base, ours, theirs).clashes
    both = [conflicts.decide(address, "ours"), conflicts.decide(alias, "theirs")]
    assert merge_zones(base, ours, theirs, both).clashes == [address, alias]
    assert merge_zones(base, ours, theirs, both[1:]).clashes == [address]
    neither = [conflicts.decide(address, "theirs"), conflicts.decide(alias, "ours")]
    assert (b"ftp",) not in {path for path, _ in result_of(base, ours, theirs, neither)}


def result_of(base: Zone, ours: Zone, theirs: Zone, decisions: Collection[Decision]) -> Zone:
    return apply_merge(base, ours, theirs, merge_zones(base, ours, theirs, decisions))


def test_a_decision_does_not_apply_to_other_content() -> None:
    base = zone(BASE)
    ours = zone(BASE.replace("192.0.2.25", "192.0.2.26"), 2)
    theirs = zone(BASE.replace("192.0.2.25", "192.0.2.27"), 2)
    decisions = choose(merge_zones(base, ours, theirs).clashes, "theirs")
    assert not merge_zones(base, ours, theirs, decisions).clashes
    since = zone(BASE.replace("192.0.2.25", "192.0.2.28"), 3)
    assert only(merge_zones(base, since, theirs, decisions).clashes)[0] == "mail.foo.com."


def test_a_decision_about_an_soa_outlives_new_serials() -> None:
    base, theirs = zone(BASE), zone(BASE, 3, refresh=600)
    decisions = choose(merge_zones(base, zone(BASE, 2, refresh=900), theirs).clashes, "theirs")
    found = merge_zones(base, zone(BASE, 8, refresh=900), theirs, decisions)
    value = found.changes[APEX_SOA]
    assert isinstance(value, RRset)
    assert (parse_soa(value).serial, parse_soa(value).refresh) == (8, 600)


def test_without_an_agreed_base_only_common_records_are_merged() -> None:
    key = ((b"mail",), rrtypes.A)
    ours = zone(BASE.replace("192.0.2.25", "192.0.2.26"), 2)
    theirs = zone(BASE, 3)
    for one, other in ((ours, theirs), (theirs, ours), (zone(""), theirs), (ours, zone(""))):
        (clash,) = (
            c for c in merge_zones(zone(BASE), one, other, (), [key]).clashes if c.base is None
        )
        assert (clash.reason, clash.ours, clash.theirs) == (
            "no agreed base", one.get(key), other.get(key)
        )  # fmt: skip
    assert merge_zones(zone(BASE), ours, ours, (), [key]).clashes == []
    assert (
        merge_zones(
            zone(BASE), ours, zone(BASE.replace("192.0.2.25", "192.0.2.26"), 7), (), [key]
        ).changes
        == {}
    )


def test_a_zone_without_its_soa_is_a_conflict() -> None:
    theirs = zone(BASE)
    del theirs[APEX_SOA]
    assert only(merge_zones(zone(BASE), zone(BASE, 2), theirs).clashes)[:2] == ("foo.com.", "SOA")


OWNERS = ["a", "b", "c.b", "d"]
_ttls = st.sampled_from([60, 300])
_addresses = st.sets(st.integers(1, 4), min_size=1, max_size=3)
Edits = dict[str, tuple[set[int], int] | str | None]
sides = st.dictionaries(
    st.sampled_from(OWNERS),
    st.none() | st.tuples(_addresses, _ttls) | st.sampled_from(["ns1", "ns2"]),
    max_size=4,
)


def change_zone(base: Zone, edits: Edits, serial: int) -> Zone:
    """Return ``base`` with another serial; owners get addresses and a TTL or an alias, or are
    removed."""
    after = {**base, **zone("", serial)}
    for owner, wanted in edits.items():
        name = names.parse(owner, ZONE)
        path = names.path(name, ZONE)
        after.pop((path, rrtypes.A), None)
        after.pop((path, rrtypes.CNAME), None)
        if isinstance(wanted, str):
            target = rdata_from_text(rrtypes.CNAME, wanted, ZONE)
            after[path, rrtypes.CNAME] = rrset(name, rrtypes.CNAME, 300, [target])
        elif wanted is not None:
            numbers, ttl = wanted
            rdatas = [bytes((192, 0, 2, number)) for number in numbers]
            after[path, rrtypes.A] = rrset(name, rrtypes.A, ttl, rdatas)
    return after


def all_records(content: Zone) -> set[tuple[Key, bytes]]:
    return {(key, rdata) for key, value in content.items() for rdata in value.rdatas}


@settings(max_examples=150)
@given(sides, sides, sides)
def test_merging_disjoint_edits_does_not_depend_on_their_order_and_loses_nothing(
    start, first, second
):
    base = change_zone({}, start, 1)
    one = change_zone(base, first, 2)
    other = change_zone(base, {o: r for o, r in second.items() if o not in first}, 3)
    found = result(base, one, other)
    assert found == result(base, other, one)
    before, here, there = (all_records(each) for each in (base, one, other))
    after = {each for each in all_records(found) if each[0] != APEX_SOA}
    expected = (here - before) | (there - before) | (before & here & there)
    assert after == {each for each in expected if each[0] != APEX_SOA}


@settings(max_examples=150)
@given(sides, sides, sides)
def test_the_result_is_the_same_with_sides_swapped(start, first, second):
    base = change_zone({}, start, 1)
    one, other = change_zone(base, first, 2), change_zone(base, second, 3)
    here, there = merge_zones(base, one, other), merge_zones(base, other, one)
    assert here.clashes == [
        msgspec.structs.replace(clash, ours=clash.theirs, theirs=clash.ours)
        for clash in there.clashes
    ]
    if not here.clashes:
        assert apply_merge(base, one, other, here) == apply_merge(base, other, one, there)


@settings(max_examples=150)
@given(sides, sides, sides)
def test_a_merged_zone_is_valid(start, first, second):
    base = change_zone({}, start, 1)
    one, other = change_zone(base, first, 2), change_zone(base, second, 3)
    found = merge_zones(base, one, other)
    if not found.clashes:
        after = apply_merge(base, one, other, found)
        for path in {path for path, _ in after}:
            types = [rdtype for at, rdtype in after if at == path]
            rules.check_owner(names.below(ZONE, path), types, ZONE)


@settings(max_examples=150)
@given(sides, sides, sides, st.sampled_from(["ours", "theirs"]))
def test_choosing_one_side_for_all_leaves_no_conflict(start, first, second, side):
    base = change_zone({}, start, 1)
    one, other = change_zone(base, first, 2), change_zone(base, second, 3)
    decisions = choose(merge_zones(base, one, other).clashes, side)
    found = merge_zones(base, one, other, decisions)
    after = apply_merge(base, one, other, found)
    chosen = {"ours": one, "theirs": other}[side]
    for decision in decisions:
        key = (names.path(decision.owner, ZONE), decision.rdtype)
        assert after.get(key) == chosen.get(key)


@given(sides, sides)
def test_merging_a_zone_with_itself_changes_nothing(start, edits):
    base = change_zone({}, start, 1)
    both = change_zone(base, edits, 2)
    found = merge_zones(base, both, both)
    assert (found.changes, found.clashes) == ({}, [])
