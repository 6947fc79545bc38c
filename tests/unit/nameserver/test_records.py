"""Zones and differences as records: a secondary gets exactly the served zone."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.nameserver.zone.compiler import RRsetChange, apply_changes, compile_zone
from zonegit.nameserver.zone.records import (
    RUN_LENGTH,
    DeltaSteps,
    ZoneDelta,
    ZoneRecord,
    compute_delta,
    condense,
    iter_records,
    soa_record,
    sort_in_slices,
)
from zonegit.nameserver.zone.snapshot import ZoneSnapshot, empty_snapshot
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Path
from zonegit.zone.rrset import RRset, rrset

APEX = names.parse("foo.com.")
HASHED = b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"
PATHS: list[Path] = [
    (HASHED,),
    (),
    (b"a",),
    (b"b",),
    (b"a", b"x"),
    (b"\0",),
    (b"*",),
    (b"z", b"deep", b"er"),
]
TYPES = (rrtypes.A, rrtypes.TXT, rrtypes.NS, rrtypes.NSEC3, rrtypes.RRSIG)

Zone = dict[tuple[Path, int], RRset]


def apex_soa(serial: int) -> RRset:
    octets = b"\1m\0\1r\0" + serial.to_bytes(4, "big") + bytes(16)
    return rrset(APEX, rrtypes.SOA, 300, [octets])


def rdata(rdtype: int, number: int) -> bytes:
    match rdtype:
        case rrtypes.A:
            return bytes((192, 0, 2, number))
        case rrtypes.NS:
            return b"\2ns" + bytes((1, 97 + number)) + b"\0"
        case rrtypes.RRSIG:
            covered = TYPES[number % 4]
            return covered.to_bytes(2, "big") + bytes(16) + b"\3foo\3com\0" + bytes((number,))
        case rrtypes.NSEC3:
            return bytes((1, 0, 0, 0, 0, 20)) + bytes((number,)) * 20 + b"\0\1\x40"
        case _:
            return bytes((1, number))


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    keys = st.tuples(st.sampled_from(PATHS), st.sampled_from(TYPES))
    numbers = st.sets(st.integers(0, 5), min_size=1, max_size=4)
    content = draw(st.dictionaries(keys, st.tuples(st.sampled_from((60, 300)), numbers)))
    return {
        (path, rdtype): rrset(
            names.below(APEX, path), rdtype, ttl, [rdata(rdtype, each) for each in chosen]
        )
        for (path, rdtype), (ttl, chosen) in content.items()
    }


def advance(
    snapshot: ZoneSnapshot, old: Zone, new: Zone, serial: int
) -> tuple[ZoneSnapshot, list[Path]]:
    """Return the snapshot of ``new``, and the owners at which it differs."""
    changed = [key for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
    changes = [RRsetChange(path, rdtype, new.get((path, rdtype))) for path, rdtype in changed]
    changes.append(RRsetChange((), rrtypes.SOA, apex_soa(serial)))
    return apply_changes(snapshot, changes), [path for path, _ in changed] + [()]


def run(slow: DeltaSteps) -> ZoneDelta:
    try:
        while True:
            next(slow)
    except StopIteration as done:
        value: ZoneDelta = done.value
        return value


def list_records(snapshot: ZoneSnapshot) -> set[ZoneRecord]:
    return {
        soa_record(snapshot),
        *(record for record in iter_records(snapshot) if record is not None),
    }


def apply_delta(base: set[ZoneRecord], delta: ZoneDelta) -> set[ZoneRecord]:
    """Apply a difference as a strict secondary: removed records must exist, added ones must not."""
    assert set(delta.removed) <= base
    left = base - set(delta.removed)
    assert not left & set(delta.added)
    return left | set(delta.added)


@given(st.lists(zones(), min_size=2, max_size=6))
def test_a_zone_with_a_difference_applied_is_the_next_zone_including_signatures(
    states: list[Zone],
) -> None:
    """RFC 1995 section 4. An RRSIG has the TTL of its RRset, so it may change with that TTL."""
    snapshot, _ = advance(empty_snapshot(APEX), {}, states[0], 1)
    first, deltas = snapshot, []
    for serial, (old, new) in enumerate(pairwise(states), 2):
        before = snapshot
        snapshot, paths = advance(before, old, new, serial)
        delta = run(compute_delta(before, snapshot, paths))
        assert apply_delta(list_records(before), delta) == list_records(snapshot)
        assert (delta.serial_before, delta.serial_after) == (serial - 1, serial)
        deltas.append(delta)
    short = run(condense(deltas))
    assert apply_delta(list_records(first), short) == list_records(snapshot)
    assert (short.serial_before, short.serial_after) == (1, len(states))
    assert not set(short.removed) & set(short.added)


def test_another_ttl_is_another_signature_record() -> None:
    """RFC 4034 section 3: the TTL of an RRSIG is that of the RRset it covers."""
    signature = rrset(APEX, rrtypes.RRSIG, 300, [rdata(rrtypes.RRSIG, 0)])
    old = {((), rrtypes.RRSIG): signature, ((), rrtypes.A): address(300)}
    new = {**old, ((), rrtypes.A): address(60)}
    before, _ = advance(empty_snapshot(APEX), {}, old, 1)
    after, paths = advance(before, old, new, 2)
    delta = run(compute_delta(before, after, paths))
    assert [(each.rdtype, each.ttl) for each in delta.added] == [
        (rrtypes.SOA, 300),
        (rrtypes.A, 60),
        (rrtypes.RRSIG, 60),
    ]


def address(ttl: int) -> RRset:
    return rrset(APEX, rrtypes.A, ttl, [bytes(4)])


@given(zones())
def test_a_whole_zone_comes_in_canonical_order(zone: Zone) -> None:
    r"""RFC 4034 section 6.1, including ``\000``."""
    snapshot, _ = advance(empty_snapshot(APEX), {}, zone, 1)
    owners = [record.owner for record in iter_records(snapshot) if record is not None]
    assert owners == sorted(owners, key=names.to_dnspython)
    expected = [
        (names.below(APEX, path), rdtype, each)
        for (path, rdtype), one in zone.items()
        for each in one.rdatas
    ]
    found = [
        (one.owner, one.rdtype, one.rdata) for one in iter_records(snapshot) if one is not None
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("size", [0, 1, RUN_LENGTH, 5 * RUN_LENGTH + 7])
def test_sorting_pauses_after_every_run(size: int) -> None:
    items = [number * 7919 % 10_007 for number in range(size)]
    taken: list[int] = []

    def counted() -> Iterator[int]:
        for item in items:
            taken.append(item)
            yield item

    found = []
    for item in sort_in_slices(counted(), key=lambda number: number):
        if item is None:
            assert len(taken) % RUN_LENGTH == 0 or len(taken) == size
        else:
            found.append(item)
    assert found == sorted(items)


def test_a_difference_of_a_wide_owner_pauses() -> None:
    snapshot = compile_zone(APEX, [apex_soa(1)])
    old: Zone = {}
    new = {((b"h%d" % number,), rrtypes.A): address_of(number) for number in range(2_000)}
    after, paths = advance(snapshot, old, new, 2)
    pauses = sum(1 for _ in compute_delta(snapshot, after, paths))
    assert pauses > 2_000


def address_of(number: int) -> RRset:
    return rrset(names.below(APEX, (b"h%d" % number,)), rrtypes.A, 300, [bytes(4)])


TARGETS = (b"\1A\0", b"\1a\0", b"\1B\0", b"\1b\0")
spellings = st.frozensets(st.sampled_from(TARGETS), min_size=1)


def make_spellings(rdatas: frozenset[bytes], ttl: int = 300) -> RRset:
    """Return an RRset as it may be stored, with several spellings of one record."""
    return RRset(names.below(APEX, (b"a",)), rrtypes.NS, ttl, tuple(sorted(rdatas)))


def keys(records: Iterable[ZoneRecord | None]) -> set[tuple[int, int, bytes]]:
    return {(each.rdtype, each.ttl, each.rdata.lower()) for each in records if each is not None}


@given(st.lists(spellings, min_size=2, max_size=5), st.data())
def test_no_difference_removes_a_record_that_stays_in_another_spelling(
    states: list[frozenset[bytes]], data: st.DataObject
) -> None:
    """A secondary keeps one of them, and would then have none."""
    ttls = [data.draw(st.sampled_from((300, 60))) for _ in states]
    snapshots = [
        compile_zone(APEX, [apex_soa(serial), make_spellings(rdatas, ttl)])
        for serial, (rdatas, ttl) in enumerate(zip(states, ttls, strict=True), 1)
    ]
    deltas = [run(compute_delta(*pair, [(b"a",), ()])) for pair in pairwise(snapshots)]
    held = keys(iter_records(snapshots[0]))
    for delta, snapshot in zip(deltas, snapshots[1:], strict=True):
        gone, come = keys(delta.removed[1:]), keys(delta.added[1:])
        assert gone <= held
        held = (held - gone) | come
        assert held == keys(iter_records(snapshot))
        assert not gone & come
    short = run(condense(deltas))
    first = keys(iter_records(snapshots[0]))
    assert (first - keys(short.removed[1:])) | keys(short.added[1:]) == held


def test_the_first_spelling_in_octet_order_is_transferred() -> None:
    snapshot = compile_zone(APEX, [apex_soa(1), make_spellings(frozenset(TARGETS))])
    found = [each.rdata for each in iter_records(snapshot) if each is not None]
    assert found == [b"\1A\0", b"\1B\0"]


def test_only_the_serial_changes_with_a_change_of_spelling() -> None:
    old = compile_zone(APEX, [apex_soa(1), make_spellings(frozenset({b"\1A\0", b"\1a\0"}))])
    new = compile_zone(APEX, [apex_soa(2), make_spellings(frozenset({b"\1a\0"}))])
    delta = run(compute_delta(old, new, [(b"a",), ()]))
    assert (len(delta.removed), len(delta.added)) == (1, 1)
    assert (delta.serial_before, delta.serial_after) == (1, 2)
