"""Tree nodes seen of late. What a branch moves from was, as a rule, what it moved to before: with
these at hand a small change costs no round trip to the object store."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from zonegit.objects.ids import ObjectId, RawObject
from zonegit.store.protocols import ObjectStore

MAX_OCTETS: Final = 64 << 20
"""Memory for all of them; a zone of 100,000 names takes about half."""
OBJECT_OVERHEAD: Final = 250
"""Octets of memory an object takes beside its payload, about."""


class NodeCache:
    """Reads objects from a store, trees from memory where they are there. The least recently used
    ones are let go."""

    def __init__(self, store: ObjectStore, max_octets: int = MAX_OCTETS) -> None:
        self._store = store
        self._max_octets = max_octets
        self._octets = 0
        self._trees: OrderedDict[ObjectId, RawObject] = OrderedDict()

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        """All of ``ids``, verified.

        Raises:
            NotFound, Corrupt, Unavailable: as the store does.
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
        """Remembers the trees among verified ``objects``."""
        for raw in objects:
            if raw.kind == "tree" and raw.id not in self._trees:
                self._trees[raw.id] = raw
                self._octets += len(raw.payload) + OBJECT_OVERHEAD
        while self._octets > self._max_octets:
            _, oldest = self._trees.popitem(last=False)
            self._octets -= len(oldest.payload) + OBJECT_OVERHEAD
