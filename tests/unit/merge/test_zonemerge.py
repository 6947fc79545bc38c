"""Two zones that grew out of one: what merges, what clashes, and that nothing else is read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.pile import Pile

from zonegit.errors import Corrupt
from zonegit.history import trees
from zonegit.merge import zonemerge
from zonegit.merge.conflicts import Clash
from zonegit.merge.zonemerge import Merged
from zonegit.objects.canonical import encode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob
from zonegit.zone import names, rrtypes, zonefile
from zonegit.zone.names import Path
from zonegit.zone.rrset import RRset, rdata_from_text, rrset, soa

ZONE = names.parse("foo.com.")
SOA = "@ 300 IN SOA ns1 admin {serial} {refresh} 3600 1209600 300\n"
BASE = "www 300 IN A 192.0.2.1\nmail 300 IN A 192.0.2.25\n"

Zone = dict[tuple[Path, int], RRset]


def zone(text: str, serial: int = 1, refresh: int = 7200) -> Zone:
    whole = SOA.format(serial=serial, refresh=refresh) + text
    found = zonefile.read(whole.encode(), ZONE).rrsets
    return {(names.path(owner, ZONE), rdtype): value for (owner, rdtype), value in found.items()}


def store(pile: Pile, content: Zone) -> ObjectId:
    out: list[RawObject] = []
    placed: dict[tuple[Path, int], ObjectId | None] = {}
    for key, value in content.items():
        out.append(encode(Blob(value)))
        placed[key] = out[-1].id
    pile.put(out)
    root = pile.run(trees.update(None, placed, out))
    pile.put(out)
    assert root is not None
    return root


def merged(base: Zone | None, ours: Zone, theirs: Zone) -> Merged:
    pile = Pile()
    root = store(pile, base) if base is not None else None
    return pile.run(zonemerge.merge(root, store(pile, ours), store(pile, theirs), ZONE))


def result(base: Zone, ours: Zone, theirs: Zone) -> Zone:
    """Ours after the merge; the SOA apart."""
    pile = Pile()
    roots = [store(pile, each) for each in (base, ours, theirs)]
    found = pile.run(zonemerge.merge(*roots, ZONE))
    assert not found.clashes
    blobs = {encode(Blob(value)).id: value for side in (base, theirs) for value in side.values()}
    after = dict(ours)
    for key, blob in found.changes.items():
        if blob is None:
            del after[key]
        else:
            after[key] = blobs[blob]
    return {key: value for key, value in after.items() if key != zonemerge.APEX_SOA}


def only(clashes: list[Clash]) -> tuple[str, str, str]:
    (clash,) = clashes
    owner = names.text(names.below(ZONE, clash.path))
    return owner, rrtypes.to_text(clash.rdtype), clash.reason


def test_changes_of_different_rrsets_merge() -> None:
    ours = zone(BASE.replace("192.0.2.1\n", "192.0.2.2\n"), 2)
    theirs = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    expected = zone(BASE.replace("192.0.2.1\n", "192.0.2.2\n") + "ftp 300 IN A 192.0.2.21\n")
    del expected[zonemerge.APEX_SOA]
    assert result(zone(BASE), ours, theirs) == expected


def test_the_same_change_on_both_sides_merges() -> None:
    both = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    found = merged(zone(BASE), both, both)
    assert (found.changes, found.soa, found.clashes) == ({}, None, [])


def test_an_rrset_that_both_modified_clashes() -> None:
    ours = zone(BASE.replace("192.0.2.25", "192.0.2.26"), 2)
    theirs = zone(BASE.replace("192.0.2.25", "192.0.2.27"), 2)
    clashes = merged(zone(BASE), ours, theirs).clashes
    assert only(clashes) == ("mail.foo.com.", "A", "both modified")


@pytest.mark.parametrize("deleted_by_us", [True, False])
def test_deleted_against_modified_clashes(deleted_by_us: bool) -> None:
    gone = zone("www 300 IN A 192.0.2.1\n", 2)
    kept = zone(BASE.replace("192.0.2.25", "192.0.2.27"), 2)
    ours, theirs = (gone, kept) if deleted_by_us else (kept, gone)
    clashes = merged(zone(BASE), ours, theirs).clashes
    assert only(clashes) == ("mail.foo.com.", "A", "deleted against modified")
    assert (clashes[0].ours is None) == deleted_by_us


def test_an_rrset_that_both_added_clashes() -> None:
    ours = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    theirs = zone(BASE + "ftp 300 IN A 192.0.2.22\n", 2)
    assert only(merged(zone(BASE), ours, theirs).clashes) == ("ftp.foo.com.", "A", "add/add")


def test_an_alias_and_other_data_added_to_one_name_clash() -> None:
    """RFC 1034 section 3.6.2: neither side broke the rule, both together would."""
    ours = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    theirs = zone(BASE + "ftp 300 IN CNAME www\n", 2)
    clashes = merged(zone(BASE), ours, theirs).clashes
    assert only(clashes) == ("ftp.foo.com.", "CNAME", "may not stand together")
    assert "CNAME and other data" in (clashes[0].detail or "")


def test_an_alias_that_replaced_data_on_one_side_merges_with_changes_elsewhere() -> None:
    ours = zone(BASE.replace("mail 300 IN A 192.0.2.25", "mail 300 IN CNAME www"), 2)
    theirs = zone(BASE + "ftp 300 IN A 192.0.2.21\n", 2)
    assert not merged(zone(BASE), ours, theirs).clashes


def test_serials_never_clash() -> None:
    found = merged(zone(BASE, 1), zone(BASE, 9), zone(BASE, 4))
    assert (found.changes, found.soa, found.clashes) == ({}, None, [])


def test_another_field_of_the_soa_is_taken_from_the_side_that_changed_it() -> None:
    found = merged(zone(BASE, 1), zone(BASE, 9), zone(BASE, 4, refresh=900))
    assert found.soa is not None
    assert soa(found.soa).refresh == 900
    assert merged(zone(BASE, 1), zone(BASE, 4, refresh=900), zone(BASE, 9)).soa is None


def test_a_merged_soa_has_the_serial_that_it_has_in_ours() -> None:
    found = merged(zone(BASE, 1), zone(BASE, 3_000_000_000), zone(BASE, 4, refresh=900)).soa
    assert found is not None
    assert (soa(found).serial, soa(found).refresh) == (3_000_000_000, 900)


def test_another_field_of_the_soa_changed_two_ways_clashes() -> None:
    clashes = merged(zone(BASE), zone(BASE, 2, refresh=900), zone(BASE, 2, refresh=600)).clashes
    assert only(clashes) == ("foo.com.", "SOA", "both modified")


def test_without_a_common_past_what_differs_was_added_by_both() -> None:
    ours = zone("www 300 IN A 192.0.2.1\n")
    theirs = zone("www 300 IN A 192.0.2.2\nftp 300 IN A 192.0.2.21\n")
    assert only(merged(None, ours, theirs).clashes) == ("www.foo.com.", "A", "add/add")


def test_only_what_changed_is_read() -> None:
    """300 names of 4 labels each; one changed on each side."""
    many = "".join(f"h.{n}.x.y 300 IN A 192.0.2.1\n" for n in range(300))
    pile = Pile()
    roots = [
        store(pile, zone(many + more, serial))
        for more, serial in (("", 1), ("a 300 IN A 192.0.2.1\n", 2), ("b 300 IN A 192.0.2.1\n", 3))
    ]
    found = pile.run(zonemerge.merge(*roots, ZONE))
    assert len(found.changes) == 1
    assert pile.fetched_in_all < 10


def test_what_stands_where_an_soa_should_is_corrupt() -> None:
    pile = Pile()
    out: list[RawObject] = []
    roots = []
    for serial in range(2):
        blob = encode(Blob(rrset(ZONE, rrtypes.A, 300, [bytes((192, 0, 2, serial))])))
        root = pile.run(trees.update(None, {zonemerge.APEX_SOA: blob.id}, out))
        pile.put([blob, *out])
        assert root is not None
        roots.append(root)
    with pytest.raises(Corrupt, match="not an SOA"):
        pile.run(zonemerge.merge(roots[0], roots[0], roots[1], ZONE))


OWNERS = ["a", "b", "c.b", "d"]
addresses = st.integers(1, 3).map(lambda number: [rdata_from_text(rrtypes.A, f"192.0.2.{number}")])
sides = st.dictionaries(st.sampled_from(OWNERS), addresses | st.none(), max_size=4)


def changed(base: Zone, edits: dict[str, list[bytes] | None], serial: int) -> Zone:
    after = {**base, **zone("", serial)}
    for owner, rdatas in edits.items():
        name = names.parse(owner, ZONE)
        key = (names.path(name, ZONE), rrtypes.A)
        if rdatas is None:
            after.pop(key, None)
        else:
            after[key] = rrset(name, rrtypes.A, 300, rdatas)
    return after


@settings(max_examples=200)
@given(sides, sides, sides)
def test_merging_disjoint_edits_does_not_depend_on_their_order(start, first, second):
    base = changed({}, start, 1)
    one = changed(base, first, 2)
    other = changed(base, {o: r for o, r in second.items() if o not in first}, 3)
    assert result(base, one, other) == result(base, other, one)


@settings(max_examples=200)
@given(sides, sides, sides)
def test_the_same_rrsets_clash_whichever_side_is_ours(start, first, second):
    base = changed({}, start, 1)
    one, other = changed(base, first, 2), changed(base, second, 3)
    here, there = merged(base, one, other), merged(base, other, one)
    assert [(c.path, c.rdtype, c.reason) for c in here.clashes] == [
        (c.path, c.rdtype, c.reason) for c in there.clashes
    ]
