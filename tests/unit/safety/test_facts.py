"""The effect of a move on a zone, computed from its trees."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.recording_store import RecordingStore

from zonegit.errors import Corrupt
from zonegit.objects import zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Blob
from zonegit.safety import facts, policy
from zonegit.safety.policy import Facts
from zonegit.store.basis import MoveLimits
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Path
from zonegit.zone.rrset import RRset, rdata_from_text, rrset, with_serial

A, DS, NS, SOA, RRSIG, NSEC3 = (
    rrtypes.A,
    rrtypes.DS,
    rrtypes.NS,
    rrtypes.SOA,
    rrtypes.RRSIG,
    rrtypes.NSEC3,
)
APEX = names.parse("foo.com.")
LIMITS = MoveLimits()
Content = Mapping[tuple[Path, int], int]
"""A zone: what stands at each name by type, as a number. That of its SOA is its serial; one past
99 has another refresh time, too."""


def _rrset(path: Path, rdtype: int, value: int) -> RRset:
    owner = names.below(APEX, path)
    if rdtype != SOA:
        return rrset(owner, rdtype, 300, [bytes((value,))])
    text = f"ns. host. 0 {3600 + value // 100} 600 86400 300"
    return with_serial(rrset(owner, SOA, 300, [rdata_from_text(SOA, text)]), value)


def tree_of(recording: RecordingStore, content: Content) -> ObjectId:
    objects = []
    edits: dict[tuple[Path, int], ObjectId | None] = {}
    for (path, rdtype), value in content.items():
        objects.append(encode(Blob(_rrset(path, rdtype, value))))
        edits[path, rdtype] = objects[-1].id
    root = recording.run(zone_tree.update(None, edits, objects))
    assert root is not None
    recording.put(objects)
    return root


def gather_facts(
    old: Content,
    new: Content,
    recording: RecordingStore,
    limits: MoveLimits = LIMITS,
    max_nodes: int = facts.MAX_NODES,
) -> Facts:
    before, after = tree_of(recording, old), tree_of(recording, new)
    return recording.run(facts.gather_facts(before, after, APEX, limits, max_nodes))


def zone(hosts: int, **beside: int) -> dict[tuple[Path, int], int]:
    """Return a zone with an SOA, an NS and so many addresses."""
    found = {((), SOA): 1, ((), NS): 1}
    return found | {((b"h%06d" % number,), A): 1 for number in range(hosts)}


def gather_naively(old: Content, new: Content) -> Facts:
    """Return the same facts from a comparison of everything."""

    def existed(path: Path) -> bool:
        return any(each[: len(path)] == path for each, _ in old)

    def is_new(key: tuple[Path, int]) -> bool:
        return key in new and key not in old

    counting = {key for key in old if key[1] not in facts.SIGNER_TYPES}
    touched = {key for key in counting if old[key] != new.get(key)}
    soas = old.get(((), SOA), 0), new.get(((), SOA), 0)
    if soas[0] // 100 == soas[1] // 100:
        touched.discard(((), SOA))
    ds = {
        (path, rdtype)
        for path, rdtype in old.keys() | new.keys()
        if rdtype == DS
        and old.get((path, DS)) != new.get((path, DS))
        and ((path, DS) in old or (existed(path) and not is_new((path, NS))))
    }
    return Facts(
        touched=len(touched),
        total=len(counting),
        loses_ns=((), NS) in old and ((), NS) not in new,
        ds=tuple((names.below(APEX, path), rdtype) for path, rdtype in sorted(ds)),
    )


few_names = st.sampled_from([(), (b"a",), (b"b",), (b"a", b"x"), (b"b", b"x"), (b"c", b"y", b"z")])
many_names = st.integers(0, 40).map(lambda number: (b"n%d" % number,))
types = st.sampled_from([A, A, A, NS, DS, RRSIG, NSEC3, rrtypes.TXT, rrtypes.ZONEMD])
keys = st.tuples(st.one_of(few_names, many_names), types)
contents = st.dictionaries(keys, st.integers(1, 2), max_size=60)
soas = st.sampled_from([1, 2, 101])


@st.composite
def moves(draw: st.DrawFn) -> tuple[Content, Content]:
    """Draw a zone, and a change of it."""
    old = draw(contents)
    changed = draw(st.dictionaries(st.one_of(st.sampled_from(sorted(old)), keys) if old else keys,
                                   st.none() | st.integers(1, 3), max_size=20))  # fmt: skip
    new = {key: value for key, value in (old | changed).items() if value is not None}
    return old | {((), SOA): draw(soas)}, new | {((), SOA): draw(soas)}


@settings(max_examples=400)
@given(
    moves(),
    st.sampled_from([MoveLimits(), MoveLimits(50, 1), MoveLimits(1, 5), MoveLimits(100, 1)]),
)
def test_the_verdict_equals_that_of_a_full_comparison(move, limits):
    old, new = move
    found, told = gather_facts(old, new, RecordingStore(), limits), gather_naively(old, new)
    assert found.loses_ns == told.loses_ns
    # Only the parent side of a delegation has DS, so those at the apex are ordinary records.
    assert sorted(found.ds) == sorted(told.ds)
    verdict = policy.list_reasons(found, limits)
    assert len(verdict) == len(policy.list_reasons(told, limits))
    if any("changed or deleted" in reason for reason in verdict):
        assert (found.touched, found.total) == (told.touched, told.total)


def test_records_created_by_signers_do_not_count() -> None:
    old = zone(10) | {((b"h%06d" % number,), RRSIG): 1 for number in range(10)}
    new = {key: 2 if key[1] in (RRSIG, SOA) else value for key, value in old.items()}
    assert gather_facts(old, new, RecordingStore()) == Facts()


def test_owners_of_only_nsec3_do_not_count_as_names() -> None:
    """NSEC3 has owners of its own (RFC 5155 section 3): as many again as the zone has names."""
    proofs = {((b"%032d" % number,), NSEC3): 1 for number in range(50)}
    old = zone(10) | proofs
    new = dict(list(old.items())[:8] + list(proofs.items()))
    found = gather_facts(old, new, RecordingStore())
    assert (found.touched, found.total) == (4, 12)
    assert policy.list_reasons(found, LIMITS)


def test_a_new_serial_is_not_a_change_and_another_field_of_the_soa_is_one() -> None:
    limits = MoveLimits(percent=1, floor=1)
    assert gather_facts(zone(9), zone(9) | {((), SOA): 2}, RecordingStore(), limits).touched == 0
    assert gather_facts(zone(9), zone(9) | {((), SOA): 102}, RecordingStore(), limits).touched == 1


def test_a_new_delegation_may_have_a_ds_and_an_existing_one_needs_force_for_it() -> None:
    old = zone(9) | {((b"old",), NS): 1, ((b"ent", b"x"), A): 1}
    new = old | {
        ((b"new",), NS): 1,
        ((b"new",), DS): 1,
        ((b"ent",), NS): 1,
        ((b"ent",), DS): 1,
    }
    assert gather_facts(old, new, RecordingStore()).ds == ()
    unasked = gather_facts(old, old | {((b"old",), DS): 1}, RecordingStore())
    assert unasked.ds == ((names.parse("old", APEX), DS),)


@pytest.mark.parametrize("hosts", [100, 2_100, 3_000])
def test_a_change_of_few_records_reads_few_nodes_however_big_the_zone(hosts: int) -> None:
    recording, old = RecordingStore(), zone(hosts)
    one = old | {((b"h%06d" % 7,), A): 2}
    assert gather_facts(old, one, recording) == Facts(1, ((names.parse("h000007", APEX), A),))
    assert recording.fetched_in_all <= 10
    six = old | {((b"h%06d" % number,), A): 2 for number in range(6)}
    assert policy.list_reasons(gather_facts(old, six, recording), LIMITS) == []
    assert recording.fetched_in_all <= 100


def test_new_names_are_not_read() -> None:
    recording = RecordingStore()
    assert gather_facts(zone(10), zone(2_000), recording) == Facts()
    assert recording.fetched_in_all == 2


def test_most_of_a_wide_zone_cannot_be_removed() -> None:
    found = gather_facts(zone(3_000), zone(2_000), RecordingStore())
    assert (found.touched, found.total) == (1_000, 3_002)
    (reason,) = policy.list_reasons(found, LIMITS)
    assert reason.startswith("1000 of its 3002 RRsets would be changed or deleted, more than 30 %")


def test_a_difference_beyond_the_bound_is_incomplete_and_refused() -> None:
    found = gather_facts(zone(3_000), zone(2_000), RecordingStore(), max_nodes=500)
    assert not found.is_complete
    assert policy.list_reasons(found, LIMITS) == ["it changes more than is examined for one move"]


def test_an_object_that_is_not_a_tree_is_corrupt() -> None:
    recording = RecordingStore()
    blob = encode(Blob(_rrset((), A, 1)))
    recording.put([blob])
    with pytest.raises(Corrupt):
        recording.run(facts.gather_facts(tree_of(recording, zone(2)), blob.id, APEX, LIMITS))
