"""Keep the differences that were served, for IXFR (RFC 1995) while the bus is down and after a
restart.

Each branch has a chain: an entry is the difference from one commit to the next, and the last one
leads to what is served. A change that does not fit the chain empties it. When a bound is exceeded,
the oldest entries are dropped; a secondary then gets a difference from history, or the whole zone.
A copy is on disk, in the file of the zone; entries on disk that do not fit are dropped too.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from zonegit.nameserver.zone.records import ZoneDelta, ZoneRecord
from zonegit.objects.ids import ObjectId
from zonegit.store import digests
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.serial import is_later
from zonegit_resolver.cache.sqlite import CacheKey, StoredDelta

MAX_RECORDS: Final = 10_000
"""Records of one difference. Encoding a longer one would delay queries, so it is not kept."""
MAX_ENTRIES_OF_BRANCH: Final = 1_000
"""Differences of one branch."""
MAX_OCTETS_OF_BRANCH: Final = 4 << 20
MAX_OCTETS: Final = 64 << 20
MAX_NUMBER: Final = 1 << 62
RECORD_OVERHEAD: Final = 100
"""The approximate memory of a record in addition to its owner and RDATA, in octets."""

log = structlog.get_logger()


class JournalEntry(NamedTuple):
    """The difference from one commit to the next; ``number`` increases over the entries of all
    branches."""

    number: int
    old: ObjectId
    new: ObjectId
    delta: ZoneDelta
    octets: int


class _StoredRecords(msgspec.Struct, frozen=True):
    """A difference on disk.

    ``by_keys`` is false if an earlier release wrote it: it compared records otherwise, so the
    difference may remove a record of which another spelling stays.
    """

    removed: tuple[ZoneRecord, ...]
    added: tuple[ZoneRecord, ...]
    by_keys: bool = False


class DroppedEntry(NamedTuple):
    """An entry that was dropped."""

    zone: Name
    number: int


class JournalChanges(NamedTuple):
    """The changes to make on disk; entries of other zones can be dropped to stay within the total
    bound."""

    dropped: tuple[DroppedEntry, ...] = ()
    added: tuple[StoredDelta, ...] = ()


class Journal:
    """The chains of all branches."""

    def __init__(
        self, max_octets: int = MAX_OCTETS, max_entries: int = MAX_ENTRIES_OF_BRANCH
    ) -> None:
        self._free_number = 1
        """The first number that no entry has, in memory or on disk."""
        self._max_octets = max_octets
        self._max_entries = max_entries
        self._chains: dict[CacheKey, deque[JournalEntry]] = {}
        self._ages: OrderedDict[tuple[int, CacheKey], None] = OrderedDict()
        self._octets: dict[CacheKey, int] = {}
        self._total_octets = 0

    def record(
        self, key: CacheKey, old: ObjectId | None, new: ObjectId, delta: ZoneDelta | None
    ) -> JournalChanges:
        """Add the difference of a branch from one commit to another.

        Args:
            key: The zone and the branch.
            old: The commit before.
            new: The commit now.
            delta: The difference; None if it is unknown, which empties the chain.
        """
        chain = self._chains.get(key)
        is_gap = chain is not None and chain[-1].new != old
        if old is None or delta is None or is_gap or not _is_keepable(delta):
            return JournalChanges(self._drop_all(key))
        entry = JournalEntry(self._free_number, old, new, delta, _octets(delta))
        self._free_number += 1
        self._add(key, entry)
        return JournalChanges(self._purge(key), (_encode(key, entry),))

    def rename(self, key: CacheKey, old: ObjectId, new: ObjectId) -> JournalChanges:
        """Record that a branch moved to another commit with the same content."""
        chain = self._chains.get(key)
        if not chain or chain[-1].new != old:
            return JournalChanges(self._drop_all(key))
        chain[-1] = chain[-1]._replace(new=new)
        return JournalChanges(added=(_encode(key, chain[-1]),))

    def drop(self, key: CacheKey) -> JournalChanges:
        """Drop the chain of a branch that is no longer served."""
        return JournalChanges(self._drop_all(key))

    def find_deltas(self, key: CacheKey, commit: ObjectId, serial: int) -> list[ZoneDelta] | None:
        """Return the differences from ``serial`` to ``commit``, in order.

        None if the journal does not have them, or has two states with that serial.
        """
        chain = self._chains.get(key)
        if not chain or chain[-1].new != commit:
            return None
        found = [index for index, entry in enumerate(chain) if entry.delta.serial_before == serial]
        if len(found) != 1:
            return None
        return [chain[index].delta for index in range(found[0], len(chain))]

    def restore(
        self, key: CacheKey, commit: ObjectId, stored: Iterable[StoredDelta]
    ) -> JournalChanges:
        """Load the entries of a branch from disk, oldest first, if they lead to ``commit``."""
        entries: list[JournalEntry] = []
        dropped: list[int] = []
        for each in stored:
            entry = _decode(key, each)
            if entry is None or (entries and entries[-1].new != entry.old):
                dropped.extend(other.number for other in entries)
                entries.clear()
            if entry is None:
                dropped.append(each.number)
            else:
                entries.append(entry)
                self._free_number = max(self._free_number, each.number + 1)
        if entries and entries[-1].new != commit:
            dropped.extend(other.number for other in entries)
            entries.clear()
        for entry in entries:
            self._add(key, entry)
        return JournalChanges(
            (*(DroppedEntry(key[0], number) for number in dropped), *self._purge(key))
        )

    def _add(self, key: CacheKey, entry: JournalEntry) -> None:
        self._chains.setdefault(key, deque()).append(entry)
        self._ages[entry.number, key] = None
        self._octets[key] = self._octets.get(key, 0) + entry.octets
        self._total_octets += entry.octets

    def _purge(self, key: CacheKey) -> tuple[DroppedEntry, ...]:
        """Drop the oldest entries until the rest is within bounds (RFC 1995 section 5)."""
        dropped = []
        while key in self._chains and (
            len(self._chains[key]) > self._max_entries or self._octets[key] > MAX_OCTETS_OF_BRANCH
        ):
            dropped.append(self._drop_first(key))
        while self._total_octets > self._max_octets:
            _, oldest = next(iter(self._ages))
            dropped.append(self._drop_first(oldest))
        return tuple(dropped)

    def _drop_first(self, key: CacheKey) -> DroppedEntry:
        chain = self._chains[key]
        entry = chain.popleft()
        self._octets[key] -= entry.octets
        self._total_octets -= entry.octets
        del self._ages[entry.number, key]
        if not chain:
            del self._chains[key], self._octets[key]
        return DroppedEntry(key[0], entry.number)

    def _drop_all(self, key: CacheKey) -> tuple[DroppedEntry, ...]:
        dropped = []
        while key in self._chains:
            dropped.append(self._drop_first(key))
        return tuple(dropped)


def _is_keepable(delta: ZoneDelta) -> bool:
    """Return whether a difference is short enough, and increases the serial. After a decreasing one
    a serial would stand for two states."""
    return len(delta) <= MAX_RECORDS and is_later(delta.serial_after, delta.serial_before)


def _octets(delta: ZoneDelta) -> int:
    return delta.octets + RECORD_OVERHEAD * len(delta)


def _encode(key: CacheKey, entry: JournalEntry) -> StoredDelta:
    written = _StoredRecords(entry.delta.removed, entry.delta.added, by_keys=True)
    payload = msgspec.msgpack.encode(written)
    columns = (entry.number, *key, entry.old, entry.new)
    return StoredDelta(*columns, digests.hash_row((*columns, payload)), payload)


def _decode(key: CacheKey, stored: StoredDelta) -> JournalEntry | None:
    """Decode a difference. None if an earlier release wrote it, or, with a log line, if it is
    damaged."""
    try:
        if stored.number > MAX_NUMBER:
            reason = f"its number exceeds {MAX_NUMBER}"
        elif stored.digest not in _compute_digests(stored):
            reason = "its digest does not match"
        else:
            found = msgspec.msgpack.decode(stored.payload, type=_StoredRecords)
            if not found.by_keys:
                return None
            delta = ZoneDelta(found.removed, found.added)
            old, new = ObjectId(stored.old), ObjectId(stored.new)
            return JournalEntry(stored.number, old, new, delta, _octets(delta))
    except msgspec.MsgspecError as error:
        reason = str(error)
    log.error("journal.dropped", zone=names.text(key[0]), branch=key[1], error=reason)
    return None


def _compute_digests(stored: StoredDelta) -> tuple[bytes, bytes]:
    """Return the digest of a stored difference, and the one that an earlier release computed."""
    *written, _, payload = stored
    return digests.hash_row((*written, payload)), hashlib.sha256(payload).digest()


def join_changes(changes: Sequence[JournalChanges]) -> JournalChanges:
    """Merge changes; an entry that is added and then dropped is not added."""
    added = {(each.zone, each.number): each for one in changes for each in one.added}
    dropped = {each for one in changes for each in one.dropped}
    return JournalChanges(
        tuple(dropped), tuple(each for at, each in added.items() if at not in dropped)
    )
