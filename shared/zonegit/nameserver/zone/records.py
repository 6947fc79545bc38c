"""List zones and their differences as single records, for zone transfers. Pure.

The TTL is part of a record. An RRSIG has the TTL of the RRset it covers (RFC 4034 section 3), so a
change of that TTL changes the RRSIG record, although no signature changed. The case of names in
RDATA is not part of a record: records are compared by their canonical RDATA
(``zone.canonical_rdata``), as secondaries compare them, so that a record is never removed while
another spelling of it stays.
"""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from zonegit.nameserver.zone.snapshot import Data, Node, RRsetData, ZoneSnapshot, find_node
from zonegit.zone import canonical_rdata, names, rrtypes
from zonegit.zone.names import Name, Path

T = TypeVar("T")

RECORD_OVERHEAD: Final = 10
"""Octets of type, class, TTL and length, in addition to owner and RDATA."""
RECORDS_PER_PAUSE: Final = 64
"""Records that are processed between two pauses."""
RUN_LENGTH: Final = 512
"""Items that are sorted at a time: about 50 microseconds."""


class ZoneRecord(NamedTuple):
    """One record. ``owner`` is in lower case, the TTL in seconds, RDATA uncompressed."""

    owner: Name
    rdtype: int
    ttl: int
    rdata: bytes


class ZoneDelta(msgspec.Struct, frozen=True):
    """The difference between two states of a zone. Both lists begin with the SOA of their state;
    the other records are in canonical order of owners, then by type."""

    removed: tuple[ZoneRecord, ...]
    added: tuple[ZoneRecord, ...]

    @property
    def serial_before(self) -> int:
        """Return the serial of the earlier state."""
        return _read_serial(self.removed[0])

    @property
    def serial_after(self) -> int:
        """Return the serial of the later state."""
        return _read_serial(self.added[0])

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.removed) + len(self.added)

    @property
    def octets(self) -> int:
        """Return the size of the records, uncompressed."""
        return sum(map(record_size, self.removed)) + sum(map(record_size, self.added))


_ByKey = dict[ZoneRecord, ZoneRecord]
"""Records by what they are compared by: the record with its canonical RDATA."""

_Owner = tuple[Path, dict[int, Data] | None]
"""None instead of the data of an owner is a pause."""

DeltaSteps = Generator[None, None, ZoneDelta]
"""Return a delta. What it yields are pauses."""


def run_to_end(steps: DeltaSteps) -> ZoneDelta:
    """Return the delta without pauses, for few records."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            value: ZoneDelta = done.value
            return value


def record_size(record: ZoneRecord) -> int:
    """Return the size of a record in a message, uncompressed."""
    return len(record.owner) + RECORD_OVERHEAD + len(record.rdata)


def soa_record(snapshot: ZoneSnapshot) -> ZoneRecord:
    """Return the SOA record of a state that is served."""
    return next(_iter_rrset(snapshot.root.data[rrtypes.SOA]))


def iter_records(snapshot: ZoneSnapshot) -> Iterator[ZoneRecord | None]:
    """Yield every record except the SOA, in canonical order (RFC 4034 section 6.1); None is a
    pause.

    Glue and occluded records are included.
    """
    for path, data in _iter_owners(snapshot):
        if data is None:
            yield None
            continue
        for rdtype in sorted(data):
            if path or rdtype != rrtypes.SOA:
                yield from _iter_rrset(data[rdtype])


def _iter_owners(snapshot: ZoneSnapshot) -> Iterator[_Owner]:
    if not snapshot.denial.hashed:
        return _iter_names(snapshot)
    return merge(_iter_names(snapshot), _iter_hashed(snapshot), key=itemgetter(0))


def _iter_names(snapshot: ZoneSnapshot) -> Iterator[_Owner]:
    """Yield the names of the zone, with their data."""
    yield (), _collect_data(snapshot, (), snapshot.root)
    pending = [_Branch((), snapshot.root)]
    while pending:
        above = pending[-1]
        for label in above.labels:
            if label is None:
                yield above.path, None
                continue
            path, node = (*above.path, label), above.children[label]
            if node.data:
                yield path, _collect_data(snapshot, path, node)
            if node.children:
                pending.append(_Branch(path, node))
                break
        else:
            pending.pop()


class _Branch:
    """A node whose children are walked. Only labels are sorted: half a million pairs would be as
    many new objects for the garbage collector to visit while queries wait."""

    __slots__ = ("children", "labels", "path")

    def __init__(self, path: Path, node: Node) -> None:
        self.path = path
        self.children: Mapping[bytes, Node] = node.children
        self.labels: Iterator[bytes | None] = sort_in_slices(self.children)


def _iter_hashed(snapshot: ZoneSnapshot) -> Iterator[_Owner]:
    """Yield the owners of NSEC3 that are not names of the zone."""
    owners: Iterable[tuple[Name, Node]] = snapshot.denial.hashed.items()
    paths = ((names.path(owner, snapshot.apex), node) for owner, node in owners)
    rows: Iterator[tuple[Path, Node] | None] = sort_in_slices(paths, key=itemgetter(0))
    at: Path = ()
    for row in rows:
        if row is None:
            yield at, None
            continue
        at, node = row
        name = find_node(snapshot, at)
        if name is None or not name.data:
            yield at, node.data


def _collect_data(snapshot: ZoneSnapshot, path: Path, node: Node | None) -> dict[int, Data]:
    """Return all data of an owner: of its name and of its NSEC3."""
    data = node.data if node is not None else {}
    if not snapshot.denial.hashed:
        return data
    hashed = snapshot.denial.hashed.get(names.below(snapshot.apex, path))
    # If some of its RRSIGs cover NSEC3, all of them are kept there.
    return {**data, **hashed.data} if hashed is not None else data


def compute_delta(old: ZoneSnapshot, new: ZoneSnapshot, paths: Iterable[Path]) -> DeltaSteps:
    """Return the difference between ``old`` and ``new``, which both have an SOA and differ at
    most at the owners ``paths``."""
    removed: _ByKey = {}
    added: _ByKey = {}
    for path in set(paths):
        before, after = _find_data(old, path), _find_data(new, path)
        for rdtype in before.keys() | after.keys():
            one, other = before.get(rdtype), after.get(rdtype)
            if one is not other:
                removed_here = _index_by_key(_iter_rrset(one)) if one is not None else {}
                added_here = _index_by_key(_iter_rrset(other)) if other is not None else {}
                removed |= {
                    key: removed_here[key] for key in removed_here.keys() - added_here.keys()
                }
                added |= {key: added_here[key] for key in added_here.keys() - removed_here.keys()}
        yield
    return (yield from _make_delta(soa_record(old), removed, soa_record(new), added))


def condense(deltas: Collection[ZoneDelta]) -> DeltaSteps:
    """Merge consecutive deltas into one (RFC 1995 section 6): records that were added and
    removed again are left out."""
    removed: _ByKey = {}
    added: _ByKey = {}
    first, last = None, None
    for delta in deltas:
        first, last = first or delta.removed[0], delta.added[0]
        yield from _move(delta.removed, added, removed)
        yield from _move(delta.added, removed, added)
    assert first is not None
    assert last is not None
    return (yield from _make_delta(first, removed, last, added))


def _move(records: Iterable[ZoneRecord], away: _ByKey, to: _ByKey) -> Iterator[None]:
    for number, record in enumerate(records):
        key = _make_key(record)
        if away.pop(key, None) is None:
            to[key] = record
        if number % RECORDS_PER_PAUSE == 0:
            yield


def _index_by_key(records: Iterable[ZoneRecord]) -> _ByKey:
    return {_make_key(record): record for record in records}


def _make_key(record: ZoneRecord) -> ZoneRecord:
    key = canonical_rdata.key(record.rdtype, record.rdata)
    return record if key is record.rdata else record._replace(rdata=key)


def _make_delta(
    before: ZoneRecord, removed: _ByKey, after: ZoneRecord, added: _ByKey
) -> DeltaSteps:
    return ZoneDelta(
        (yield from _sort_records(before, removed)), (yield from _sort_records(after, added))
    )


def _sort_records(
    first: ZoneRecord, records: _ByKey
) -> Generator[None, None, tuple[ZoneRecord, ...]]:
    records.pop(_make_key(first), None)
    found = [first]
    rest: Iterator[ZoneRecord | None] = sort_in_slices(records.values(), key=_sort_key)
    for number, record in enumerate(rest):
        if record is not None:
            found.append(record)
        if number % RECORDS_PER_PAUSE == 0:
            yield
    return tuple(found)


def _sort_key(record: ZoneRecord) -> tuple[tuple[bytes, ...], int, bytes, int]:
    return names.canonical_key(record.owner), record.rdtype, record.rdata, record.ttl


def _find_data(snapshot: ZoneSnapshot, path: Path) -> dict[int, Data]:
    return _collect_data(snapshot, path, find_node(snapshot, path))


def _iter_rrset(data: Data) -> Iterator[ZoneRecord]:
    rrset = data.rrset
    ttls = data.ttls if isinstance(data, RRsetData) else None
    for index, rdata in enumerate(rrset.rdatas):
        yield ZoneRecord(
            rrset.owner, rrset.rdtype, rrset.ttl if ttls is None else ttls[index], rdata
        )


def _read_serial(record: ZoneRecord) -> int:
    """Return the serial of an SOA record: the first of the five numbers at its end (RFC 1035
    section 3.3.13)."""
    return int.from_bytes(record.rdata[-20:-16], "big")


def sort_in_slices(items: Iterable[T], key: Any = None) -> Iterator[T | None]:
    """Yield all items in order, with pauses.

    A flat zone has 500,000 children, and queries must not wait until they are sorted. So runs of
    items are sorted, then merged as they are taken and released one by one.

    Args:
        items: the items.
        key: as for ``sorted``.

    Yields:
        Items; None is a pause, in which the caller may do other work.
    """
    rest = iter(items)
    runs: list[Iterator[T]] = []
    while run := sorted(islice(rest, RUN_LENGTH), key=key, reverse=True):
        runs.append(_drain(run))
        yield None
    yield from merge(*runs, key=key)


def _drain(run: list[T]) -> Iterator[T]:
    while run:
        yield run.pop()
