"""LRU cache of tree nodes.

A branch usually advances from the commit it last moved to. With the nodes of that commit in memory,
a small change needs no request to the object store.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from zonegit.objects.ids import ObjectId, RawObject
from zonegit.store.objects import ObjectStore

MAX_OCTETS: Final = 64 << 20
"""The memory for all nodes. A zone of 100,000 names needs about half of it."""
OBJECT_OVERHEAD: Final = 250
"""The approximate memory of an object in addition to its payload, in octets."""


class NodeCache:
    """Reads objects from a store, and trees from memory if they are cached. Evicts the least
    recently used trees."""

    def __init__(self, store: ObjectStore, max_octets: int = MAX_OCTETS) -> None:
        self._store = store
        self._max_octets = max_octets
        self._octets = 0
        self._trees: OrderedDict[ObjectId, RawObject] = OrderedDict()

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        """Return the objects with these ids, verified.

        Raises:
            NotFound, Corrupt, Unavailable: The store raised it.
        """
        found: dict[ObjectId, RawObject] = {}
        missing: list[ObjectId] = []
        for object_id in ids:
            raw = self._trees.get(object_id)
            if raw is None:
                missing.append(object_id)
            else:
                self._trees.move_to_end(object_id)
                found[object_id] = raw
        if missing:
            fetched = await self._store.get(missing)
            self.remember(fetched.values())
            found.update(fetched)
        return found

    def remember(self, objects: Iterable[RawObject]) -> None:
        """Add the trees among verified objects to the cache."""
        for raw in objects:
            if raw.kind == "tree" and raw.id not in self._trees:
                self._trees[raw.id] = raw
                self._octets += len(raw.payload) + OBJECT_OVERHEAD
        while self._octets > self._max_octets:
            _, oldest = self._trees.popitem(last=False)
            self._octets -= len(oldest.payload) + OBJECT_OVERHEAD
