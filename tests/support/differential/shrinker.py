"""Find the smallest zones on which a question is still answered differently."""

from collections.abc import Callable, Sequence

from tests.support.differential.random_zones import Record, Zone

Fails = Callable[[Sequence[Zone]], bool]


def shrunk(zones: Sequence[Zone], fails: Fails) -> list[Zone]:
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


def _without_runs(zones: list[Zone], number: int, size: int, fails: Fails) -> Zone:
    zone, start = zones[number], 0
    while start < len(zone.records):
        records = zone.records
        run = records[start : start + size]
        kept = (
            *records[:start],
            *(record for record in run if _is_needed(zone, record)),
            *records[start + size :],
        )
        smaller = Zone(zone.apex, kept)
        if len(kept) < len(records) and fails([*zones[:number], smaller, *zones[number + 1 :]]):
            zone = smaller
        else:
            start += size
    return zone


def _is_needed(zone: Zone, record: Record) -> bool:
    return (f"{record.owner}" == zone.apex and record.rdtype in ("SOA", "NS")) or _is_server(record)


def _is_server(record: Record) -> bool:
    """Return whether a record is the address of a server of its own zone, which BIND requires."""
    return record.owner.labels[0] == b"server"
