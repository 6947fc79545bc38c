"""Zones and their differences as single records, which is what secondaries are told. Pure.

What a record is includes its TTL. An RRSIG's is that of the RRset it covers (RFC 4034 section 3),
so another TTL there is another RRSIG record here, though no signature changed. The case of
names in RDATA is no part of it: records are compared by their keys (``zone.canonical_rdata``), as
secondaries compare them, so that one is never removed where another spelling of it stays.
"""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from heapq import merge
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from zonegit.nameserver.zone.snapshot import Data, Node, RRsetData, ZoneSnapshot, find_node
from zonegit.nameserver.zone.sorting import sort_in_slices
from zonegit.zone import canonical_rdata, names, rrtypes
from zonegit.zone.names import Name, Path

RECORD_OVERHEAD: Final = 10
"""Octets of type, class, TTL and length, beside owner and RDATA."""
RECORDS_PER_PAUSE: Final = 64
"""How many records are taken up between two pauses."""


class ZoneRecord(NamedTuple):
    """One record. ``owner`` is in lower case, the TTL in seconds, RDATA uncompressed."""

    owner: Name
    rdtype: int
    ttl: int
    rdata: bytes


class ZoneDelta(msgspec.Struct, frozen=True):
    """What leads from one state of a zone to another. Both lists begin with the SOA of their
    state; the others are in canonical order of owners, then by type."""

    removed: tuple[ZoneRecord, ...]
    added: tuple[ZoneRecord, ...]

    @property
    def before(self) -> int:
        """The serial it leads from."""
        return _serial(self.removed[0])

    @property
    def after(self) -> int:
        """The serial it leads to."""
        return _serial(self.added[0])

    def __len__(self) -> int:
        """How many records it has."""
        return len(self.removed) + len(self.added)

    @property
    def octets(self) -> int:
        """Of its records, uncompressed."""
        return sum(map(record_size, self.removed)) + sum(map(record_size, self.added))


_ByKey = dict[ZoneRecord, ZoneRecord]
"""Records by what they are compared by: themselves, with the key of their RDATA."""

_Owner = tuple[Path, dict[int, Data] | None]
"""None instead of what an owner holds is a pause."""

DeltaSteps = Generator[None, None, ZoneDelta]
"""Returns a delta; what it yields are pauses."""


def run_to_end(slow: DeltaSteps) -> ZoneDelta:
    """What it returns, without the pauses: of few records."""
    while True:
        try:
            next(slow)
        except StopIteration as done:
            value: ZoneDelta = done.value
            return value


def record_size(record: ZoneRecord) -> int:
    """How much of a message it takes, uncompressed."""
    return len(record.owner) + RECORD_OVERHEAD + len(record.rdata)


def soa_record(snapshot: ZoneSnapshot) -> ZoneRecord:
    """The SOA record of a state that is served."""
    return next(_records_of(snapshot.root.data[rrtypes.SOA]))


def iter_records(snapshot: ZoneSnapshot) -> Iterator[ZoneRecord | None]:
    """Every record but the SOA, glue and what is occluded too, in canonical order (RFC 4034
    section 6.1); None is a pause."""
    for path, data in _iter_owners(snapshot):
        if data is None:
            yield None
            continue
        for rdtype in sorted(data):
            if path or rdtype != rrtypes.SOA:
                yield from _records_of(data[rdtype])


def _iter_owners(snapshot: ZoneSnapshot) -> Iterator[_Owner]:
    if not snapshot.denial.hashed:
        return _iter_names(snapshot)
    return merge(_iter_names(snapshot), _iter_hashed(snapshot), key=itemgetter(0))


def _iter_names(snapshot: ZoneSnapshot) -> Iterator[_Owner]:
    """The names of the zone, with what they hold."""
    yield (), _data_of(snapshot, (), snapshot.root)
    pending = [_Branch((), snapshot.root)]
    while pending:
        above = pending[-1]
        for label in above.labels:
            if label is None:
                yield above.path, None
                continue
            path, node = (*above.path, label), above.children[label]
            if node.data:
                yield path, _data_of(snapshot, path, node)
            if node.children:
                pending.append(_Branch(path, node))
                break
        else:
            pending.pop()


class _Branch:
    """A node whose children are walked. Labels alone are sorted: half a million pairs would be as
    many new objects for the garbage collector to look at, while queries wait."""

    __slots__ = ("children", "labels", "path")

    def __init__(self, path: Path, node: Node) -> None:
        self.path = path
        self.children: Mapping[bytes, Node] = node.children
        self.labels: Iterator[bytes | None] = sort_in_slices(self.children)


def _iter_hashed(snapshot: ZoneSnapshot) -> Iterator[_Owner]:
    """The owners of NSEC3 that are not among the names."""
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


def _data_of(snapshot: ZoneSnapshot, path: Path, node: Node | None) -> dict[int, Data]:
    """What an owner holds, in one place."""
    data = node.data if node is not None else {}
    if not snapshot.denial.hashed:
        return data
    hashed = snapshot.denial.hashed.get(names.below(snapshot.apex, path))
    # Where some of its RRSIGs cover NSEC3, all of them stand there.
    return {**data, **hashed.data} if hashed is not None else data


def compute_delta(old: ZoneSnapshot, new: ZoneSnapshot, paths: Iterable[Path]) -> DeltaSteps:
    """What leads from ``old`` to ``new``, which differ at the owners ``paths`` and nowhere else;
    both have an SOA."""
    removed: _ByKey = {}
    added: _ByKey = {}
    for path in set(paths):
        before, after = _data_at(old, path), _data_at(new, path)
        for rdtype in before.keys() | after.keys():
            one, other = before.get(rdtype), after.get(rdtype)
            if one is not other:
                gone = _by_key(_records_of(one)) if one is not None else {}
                come = _by_key(_records_of(other)) if other is not None else {}
                removed |= {key: gone[key] for key in gone.keys() - come.keys()}
                added |= {key: come[key] for key in come.keys() - gone.keys()}
        yield
    return (yield from _delta(soa_record(old), removed, soa_record(new), added))


def condense(deltas: Collection[ZoneDelta]) -> DeltaSteps:
    """One that leads as far as all of them, one after the other (RFC 1995 section 6): what came
    and went again is not in it."""
    removed: _ByKey = {}
    added: _ByKey = {}
    first, last = None, None
    for delta in deltas:
        first, last = first or delta.removed[0], delta.added[0]
        yield from _move(delta.removed, added, removed)
        yield from _move(delta.added, removed, added)
    assert first is not None
    assert last is not None
    return (yield from _delta(first, removed, last, added))


def _move(records: Iterable[ZoneRecord], away: _ByKey, to: _ByKey) -> Iterator[None]:
    for number, record in enumerate(records):
        key = _key(record)
        if away.pop(key, None) is None:
            to[key] = record
        if number % RECORDS_PER_PAUSE == 0:
            yield


def _by_key(records: Iterable[ZoneRecord]) -> _ByKey:
    return {_key(record): record for record in records}


def _key(record: ZoneRecord) -> ZoneRecord:
    key = canonical_rdata.key(record.rdtype, record.rdata)
    return record if key is record.rdata else record._replace(rdata=key)


def _delta(before: ZoneRecord, removed: _ByKey, after: ZoneRecord, added: _ByKey) -> DeltaSteps:
    return ZoneDelta(
        (yield from _sort_records(before, removed)), (yield from _sort_records(after, added))
    )


def _sort_records(
    first: ZoneRecord, records: _ByKey
) -> Generator[None, None, tuple[ZoneRecord, ...]]:
    records.pop(_key(first), None)
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


def _data_at(snapshot: ZoneSnapshot, path: Path) -> dict[int, Data]:
    return _data_of(snapshot, path, find_node(snapshot, path))


def _records_of(data: Data) -> Iterator[ZoneRecord]:
    rrset = data.rrset
    ttls = data.ttls if isinstance(data, RRsetData) else None
    for index, rdata in enumerate(rrset.rdatas):
        yield ZoneRecord(
            rrset.owner, rrset.rdtype, rrset.ttl if ttls is None else ttls[index], rdata
        )


def _serial(record: ZoneRecord) -> int:
    """Of an SOA: the first of the five numbers it ends in (RFC 1035 section 3.3.13)."""
    return int.from_bytes(record.rdata[-20:-16], "big")
