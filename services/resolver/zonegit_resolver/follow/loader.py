"""Load a zone: fetch the objects in which two commits differ, and compile them, in slices."""

from collections.abc import Collection, Iterable
from itertools import count, islice
from typing import Final, NamedTuple, TypeVar

from zonegit.errors import Invalid
from zonegit.nameserver.zone.compiler import RRsetChange, advance, decode_change
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.objects import zone_tree
from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject, short, verify
from zonegit.objects.model import Commit, Object
from zonegit.objects.walk import Walk
from zonegit.zone import names
from zonegit_resolver.cache.sqlite import CachedRow
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.scheduling import MAX_UNSLICED_RRSETS, Scheduler, freeze_gc

T = TypeVar("T")

OBJECTS_BATCH: Final = 20
"""Objects of one request. A reply of this size is decoded in one short slice."""
NODES_BATCH: Final = 48
STEPS_PER_FREEZE: Final = 16
"""Requests of a diff after which the heap is frozen. A small change needs fewer."""


class Loaded(NamedTuple):
    """A zone at a commit.

    ``rows`` are the RRsets in which it differs from the base it was loaded from; None if there was
    no base. The snapshot has all RRsets then, and rows of them would double the memory.
    """

    snapshot: ZoneSnapshot
    tree: ObjectId
    rows: list[CachedRow] | None


class Loader:
    """Loads one zone. ``known`` are objects that need not be fetched; they are verified here."""

    def __init__(
        self, store: NodeCache, scheduler: Scheduler, known: Iterable[RawObject] = ()
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._known = {raw.id: verify(raw) for raw in known}
        store.remember(self._known.values())

    async def load(
        self,
        commit: ObjectId,
        base: ZoneSnapshot,
        tree: ObjectId | None,
        max_changes: int | None = None,
    ) -> Loaded:
        """Load the zone at a commit.

        Args:
            commit: The commit.
            base: The snapshot to start from.
            tree: The tree from which ``base`` was compiled; None for an empty snapshot.
            max_changes: The maximum number of RRsets that may differ; None for no limit.

        Raises:
            NotFound, Corrupt, Unavailable: The store raised it.
            Invalid: The tree is not a zone with that apex, or too many RRsets differ.
        """
        target = await self.read_tree_id(commit)
        rows: list[CachedRow] | None = None if tree is None else []
        builder = _SnapshotBuilder(base, self, self._scheduler, max_changes, rows)
        found: list[zone_tree.TreeChange] = []
        walk = zone_tree.diff(tree, target, found.append, NODES_BATCH)
        await self._run_diff(walk, found, builder)
        if builder.snapshot.serial is None:
            raise Invalid(f"the zone has no SOA record at {names.text(base.apex)}")
        return Loaded(builder.snapshot, target, rows)

    async def read_tree_id(self, commit: ObjectId) -> ObjectId:
        """Return the id of the tree of a commit.

        Raises:
            NotFound, Corrupt, Unavailable: The store raised it.
            Invalid: The object is not a commit.
        """
        found = decode((await self.read_raw([commit]))[commit])
        if not isinstance(found, Commit):
            raise Invalid(f"object {short(commit)} is not a commit")
        return found.tree

    async def _run_diff(
        self, walk: Walk[None], found: list[zone_tree.TreeChange], builder: "_SnapshotBuilder"
    ) -> None:
        try:
            ids = next(walk)
            for number in count(1):
                answers = await self._read_decoded(ids)
                while len(found) >= OBJECTS_BATCH:
                    await builder.apply(found)
                if number % STEPS_PER_FREEZE == 0:
                    freeze_gc()  # a wide node yields many entries before the first is applied
                ids = walk.send(answers)
        except StopIteration:
            while found:
                await builder.apply(found)

    async def _read_decoded(self, ids: Collection[ObjectId]) -> dict[ObjectId, Object]:
        found: dict[ObjectId, Object] = {}
        rest = iter(ids)
        while batch := list(islice(rest, OBJECTS_BATCH)):
            for object_id, raw in (await self.read_raw(batch)).items():
                found[object_id] = decode(raw)
                await self._scheduler.checkpoint()
        await self._scheduler.checkpoint()
        return found

    async def read_raw(self, ids: Collection[ObjectId]) -> dict[ObjectId, RawObject]:
        """Return these objects, verified."""
        missing = [object_id for object_id in ids if object_id not in self._known]
        fetched = await self._store.get(missing) if missing else {}
        return {each: self._known.get(each) or fetched[each] for each in ids}


class _SnapshotBuilder:
    """A snapshot that is being advanced, and the rows that were applied if they are needed."""

    def __init__(
        self,
        base: ZoneSnapshot,
        loader: Loader,
        scheduler: Scheduler,
        max_changes: int | None,
        rows: list[CachedRow] | None,
    ) -> None:
        self.snapshot = base
        self._rows = rows
        self._count = 0
        self._loader = loader
        self._scheduler = scheduler
        self._max_changes = max_changes

    async def apply(self, found: list[zone_tree.TreeChange]) -> None:
        """Apply the last few changes of a list, and remove them from it."""
        if self._max_changes is not None and self._count + len(found) > self._max_changes:
            raise Invalid(f"more than {self._max_changes} RRsets differ")
        batch = found[-OBJECTS_BATCH:]
        del found[-OBJECTS_BATCH:]
        blobs = await self._loader.read_raw({each.new for each in batch if each.new is not None})
        for each in batch:
            blob = blobs[each.new] if each.new is not None else None
            if self._rows is not None:
                self._rows.append(CachedRow(each.path, each.rdtype, blob))
            change = decode_change(each.path, each.rdtype, blob)
            self.snapshot = await advance_in_slices(self.snapshot, change, self._scheduler)
            self._count += 1
            if self._count % MAX_UNSLICED_RRSETS == 0:
                freeze_gc()


async def advance_in_slices(
    snapshot: ZoneSnapshot, change: RRsetChange, scheduler: Scheduler
) -> ZoneSnapshot:
    """Return the snapshot after a change, compiled in slices."""
    for step in advance(snapshot, [change]):
        snapshot = step
        await scheduler.checkpoint()
    return snapshot
