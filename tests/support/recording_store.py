"""An object store in a dict, which records the objects that walks fetch."""

from collections.abc import Iterable

from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Object
from zonegit.objects.walk import T, Walk


class RecordingStore:
    """Stores objects, and records the ids that each round trip of the last walk newly fetched."""

    def __init__(self) -> None:
        self.raws: dict[ObjectId, RawObject] = {}
        self.fetched: list[set[ObjectId]] = []

    def put(self, objects: Iterable[RawObject]) -> list[RawObject]:
        """Add objects; return those that are new."""
        new = {raw.id: raw for raw in objects if raw.id not in self.raws}
        self.raws.update(new)
        return list(new.values())

    def run(self, asks: Walk[T]) -> T:
        """Run a walk. It gets exactly the objects it requests, and cannot depend on others."""
        self.fetched = []
        try:
            wanted = next(asks)
            while True:
                if new := set(wanted).difference(*self.fetched):
                    self.fetched.append(new)
                found: dict[ObjectId, Object] = {key: decode(self.raws[key]) for key in wanted}
                wanted = asks.send(found)
        except StopIteration as done:
            value: T = done.value
            return value

    @property
    def fetched_in_all(self) -> int:
        """Return the number of objects fetched."""
        return sum(map(len, self.fetched))
