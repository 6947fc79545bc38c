"""Read the objects that one task needs; each is fetched and decoded once."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Object
from zonegit.objects.walk import Answers, Walk, drive
from zonegit.store.objects import ObjectStore

T = TypeVar("T")


class Reader:
    """The objects that one task has read from a store."""

    def __init__(self, store: ObjectStore, known: Iterable[RawObject] = ()) -> None:
        self._store = store
        self._known: dict[ObjectId, RawObject] = {}
        self._fetched: dict[ObjectId, RawObject] = {}
        self._decoded: dict[ObjectId, Object] = {}
        self.add(known)

    def add(self, objects: Iterable[RawObject]) -> None:
        """Add verified objects, which then are not fetched."""
        self._known.update((raw.id, raw) for raw in objects)

    def list_fetched(self) -> list[RawObject]:
        """Return the trees and commits fetched so far."""
        return [raw for raw in self._fetched.values() if raw.kind in ("tree", "commit")]

    async def get(self, ids: Collection[ObjectId]) -> Answers:
        """Return at least the given objects, decoded.

        Raises:
            NotFound, Corrupt, Unavailable: errors of the store.
        """
        unseen = [object_id for object_id in ids if object_id not in self._decoded]
        distant = [object_id for object_id in unseen if object_id not in self._known]
        if distant:
            self._fetched.update(await self._store.get(distant))
        for object_id in unseen:
            raw = self._known.get(object_id) or self._fetched[object_id]
            self._decoded[object_id] = decode(raw)
        return self._decoded

    async def answer(self, walk: Walk[T]) -> T:
        """Run a walk, with one round trip per step.

        Raises:
            NotFound, Corrupt, Unavailable: errors of the store.
        """
        return await drive(walk, self.get)
