"""Reading objects for one task: each is fetched and decoded once."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from zonegit.objects.asks import Answers, Asks
from zonegit.objects.canonical import decode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Object
from zonegit.store.protocols import ObjectStore

T = TypeVar("T")


class Reader:
    """Decoded objects of a store, kept for as long as the task lasts."""

    def __init__(self, store: ObjectStore, known: Iterable[RawObject] = ()) -> None:
        self._store = store
        self._objects: dict[ObjectId, Object] = {}
        self.learn(known)

    def learn(self, objects: Iterable[RawObject]) -> None:
        """Adds objects at hand, verified by the caller, so that nobody fetches them."""
        for raw in objects:
            self._objects[raw.id] = decode(raw)

    async def get(self, ids: Collection[ObjectId]) -> Answers:
        """At least ``ids``, decoded.

        Raises:
            NotFound, Corrupt, Unavailable: as the store does.
        """
        unseen = [object_id for object_id in ids if object_id not in self._objects]
        if unseen:
            fetched = await self._store.get(unseen)
            self.learn(fetched.values())
        return self._objects

    async def answer(self, asks: Asks[T]) -> T:
        """Runs an algorithm, one round trip a step.

        Raises:
            NotFound, Corrupt, Unavailable: as the store does.
        """
        try:
            wanted = next(asks)
            while True:
                wanted = asks.send(await self.get(wanted))
        except StopIteration as done:
            value: T = done.value
            return value
