"""Find the smallest zones on which a question is still answered differently."""

from collections.abc import Callable, Sequence

from tests.support.differential.random_zones import RandomRecord, RandomZone

Fails = Callable[[Sequence[RandomZone]], bool]


def shrink(zones: Sequence[RandomZone], fails: Fails) -> list[RandomZone]:
    """Return ``zones`` without the records that ``fails`` does not need.

    The SOA and NS of each apex are kept. Smaller and smaller runs of records are removed as long as
    it still fails (delta debugging).
    """
    left = list(zones)
    for number in range(len(left)):
        size = len(left[number].records)
        while size:
            left[number] = _without_runs(left, number, size, fails)
            size //= 2
    return left


def _without_runs(zones: list[RandomZone], number: int, size: int, fails: Fails) -> RandomZone:
    zone, start = zones[number], 0
    while start < len(zone.records):
        records = zone.records
        run = records[start : start + size]
        kept = (
            *records[:start],
            *(record for record in run if _is_needed(zone, record)),
            *records[start + size :],
        )
        smaller = RandomZone(zone.apex, kept)
        if len(kept) < len(records) and fails([*zones[:number], smaller, *zones[number + 1 :]]):
            zone = smaller
        else:
            start += size
    return zone


def _is_needed(zone: RandomZone, record: RandomRecord) -> bool:
    return (f"{record.owner}" == zone.apex and record.rdtype in ("SOA", "NS")) or _is_server(record)


def _is_server(record: RandomRecord) -> bool:
    """Return whether a record is the address of a server of its own zone, which BIND requires."""
    return record.owner.labels[0] == b"server"
