"""The differences that were served, so that a secondary is told what is new to it (RFC 1995) with
the bus down, and right after a restart too.

Each branch has a chain of them: one leads from a commit to the next, the last to what is served.
Whatever does not fit the chain empties it, and what does not fit the bounds goes, the oldest first:
a secondary then gets what history tells, or the whole zone. A copy is on disk, beside the last
known good and written with it; there, too, what does not fit is dropped.
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
from zonegit.zone.serial import later
from zonegit_resolver.cache.sqlite import CacheKey, StoredDelta

MAX_RECORDS: Final = 10_000
"""Of one difference: what takes longer to write down than a query may wait is not kept."""
MAX_ENTRIES_OF_BRANCH: Final = 1_000
"""Differences of one branch."""
MAX_OCTETS_OF_BRANCH: Final = 4 << 20
MAX_OCTETS: Final = 64 << 20
MAX_NUMBER: Final = 1 << 62
RECORD_OVERHEAD: Final = 100
"""Octets of memory a record takes beside its owner and RDATA, about."""

log = structlog.get_logger()


class JournalEntry(NamedTuple):
    """What leads from one commit to the next; ``number`` grows from one entry to the next, of all
    branches together."""

    number: int
    old: ObjectId
    new: ObjectId
    delta: ZoneDelta
    octets: int


class _StoredRecords(msgspec.Struct, frozen=True):
    """A difference on disk. ``by_keys``: its records were compared by their keys; where they were
    not, as in earlier releases, it may remove a record of which another spelling stays."""

    removed: tuple[ZoneRecord, ...]
    added: tuple[ZoneRecord, ...]
    by_keys: bool = False


class DroppedEntry(NamedTuple):
    """An entry that is no more."""

    zone: Name
    number: int


class JournalChanges(NamedTuple):
    """What is to be changed on disk: also of other zones, when all together grow too big."""

    gone: tuple[DroppedEntry, ...] = ()
    put: tuple[StoredDelta, ...] = ()


class Journal:
    """All chains."""

    def __init__(
        self, max_octets: int = MAX_OCTETS, max_entries: int = MAX_ENTRIES_OF_BRANCH
    ) -> None:
        self._free_number = 1
        """The first that no entry has, on disk either."""
        self._max_octets = max_octets
        self._max_entries = max_entries
        self._chains: dict[CacheKey, deque[JournalEntry]] = {}
        self._ages: OrderedDict[tuple[int, CacheKey], None] = OrderedDict()
        self._octets: dict[CacheKey, int] = {}
        self._total_octets = 0

    def record(
        self, key: CacheKey, old: ObjectId | None, new: ObjectId, delta: ZoneDelta | None
    ) -> JournalChanges:
        """A branch has come from one commit to another; ``delta`` None: nobody knows what leads
        there, and the chain begins anew."""
        chain = self._chains.get(key)
        is_gap = chain is not None and chain[-1].new != old
        if old is None or delta is None or is_gap or not _is_keepable(delta):
            return JournalChanges(self._drop_all(key))
        entry = JournalEntry(self._free_number, old, new, delta, _octets(delta))
        self._free_number += 1
        self._add(key, entry)
        return JournalChanges(self._purge(key), (_encode(key, entry),))

    def rename(self, key: CacheKey, old: ObjectId, new: ObjectId) -> JournalChanges:
        """A branch has come from one commit to another of the very same content."""
        chain = self._chains.get(key)
        if not chain or chain[-1].new != old:
            return JournalChanges(self._drop_all(key))
        chain[-1] = chain[-1]._replace(new=new)
        return JournalChanges(put=(_encode(key, chain[-1]),))

    def drop(self, key: CacheKey) -> JournalChanges:
        """A branch is served no more."""
        return JournalChanges(self._drop_all(key))

    def since(self, key: CacheKey, commit: ObjectId, serial: int) -> list[ZoneDelta] | None:
        """What leads from ``serial`` to ``commit``, one after the other; None where the journal
        does not tell, or tells of two states with that serial."""
        chain = self._chains.get(key)
        if not chain or chain[-1].new != commit:
            return None
        found = [index for index, entry in enumerate(chain) if entry.delta.before == serial]
        if len(found) != 1:
            return None
        return [chain[index].delta for index in range(found[0], len(chain))]

    def restore(
        self, key: CacheKey, commit: ObjectId, stored: Iterable[StoredDelta]
    ) -> JournalChanges:
        """Takes up what is on disk, oldest first, as far as it leads to ``commit``."""
        entries: list[JournalEntry] = []
        gone: list[int] = []
        for each in stored:
            entry = _decode(key, each)
            if entry is None or (entries and entries[-1].new != entry.old):
                gone.extend(other.number for other in entries)
                entries.clear()
            if entry is None:
                gone.append(each.number)
            else:
                entries.append(entry)
                self._free_number = max(self._free_number, each.number + 1)
        if entries and entries[-1].new != commit:
            gone.extend(other.number for other in entries)
            entries.clear()
        for entry in entries:
            self._add(key, entry)
        return JournalChanges(
            (*(DroppedEntry(key[0], number) for number in gone), *self._purge(key))
        )

    def _add(self, key: CacheKey, entry: JournalEntry) -> None:
        self._chains.setdefault(key, deque()).append(entry)
        self._ages[entry.number, key] = None
        self._octets[key] = self._octets.get(key, 0) + entry.octets
        self._total_octets += entry.octets

    def _purge(self, key: CacheKey) -> tuple[DroppedEntry, ...]:
        """Lets the oldest go until what is left is within bounds (RFC 1995 section 5)."""
        gone = []
        while key in self._chains and (
            len(self._chains[key]) > self._max_entries or self._octets[key] > MAX_OCTETS_OF_BRANCH
        ):
            gone.append(self._drop_first(key))
        while self._total_octets > self._max_octets:
            _, oldest = next(iter(self._ages))
            gone.append(self._drop_first(oldest))
        return tuple(gone)

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
        gone = []
        while key in self._chains:
            gone.append(self._drop_first(key))
        return tuple(gone)


def _is_keepable(delta: ZoneDelta) -> bool:
    """Whether it is short, and leads forward: what leads back would make serials stand for two
    states."""
    return len(delta) <= MAX_RECORDS and later(delta.after, delta.before)


def _octets(delta: ZoneDelta) -> int:
    return delta.octets + RECORD_OVERHEAD * len(delta)


def _encode(key: CacheKey, entry: JournalEntry) -> StoredDelta:
    written = _StoredRecords(entry.delta.removed, entry.delta.added, by_keys=True)
    payload = msgspec.msgpack.encode(written)
    columns = (entry.number, *key, entry.old, entry.new)
    return StoredDelta(*columns, digests.hash_row((*columns, payload)), payload)


def _decode(key: CacheKey, stored: StoredDelta) -> JournalEntry | None:
    """Read a difference; None for what an earlier release wrote, and for what is not what was
    written, which is logged."""
    try:
        if stored.number > MAX_NUMBER:
            reason = f"its number is over {MAX_NUMBER}"
        elif stored.digest not in _digests(stored):
            reason = "its digest is another"
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


def _digests(stored: StoredDelta) -> tuple[bytes, bytes]:
    """Return the digest of what is stored, and the one that an earlier release made of it."""
    *written, _, payload = stored
    return digests.hash_row((*written, payload)), hashlib.sha256(payload).digest()


def join_changes(changes: Sequence[JournalChanges]) -> JournalChanges:
    """All of them as one; what is put and then gone is not put."""
    put = {(each.zone, each.number): each for one in changes for each in one.put}
    gone = {each for one in changes for each in one.gone}
    return JournalChanges(tuple(gone), tuple(each for at, each in put.items() if at not in gone))
