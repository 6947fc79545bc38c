"""An object store in a dict, which records what object walks fetch."""

from collections.abc import Iterable

from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Object
from zonegit.objects.walk import T, Walk


class RecordingStore:
    """Keep objects, and record for each round trip of the last walk the ids it had not fetched
    before."""

    def __init__(self) -> None:
        self.raws: dict[ObjectId, RawObject] = {}
        self.fetched: list[set[ObjectId]] = []

    def put(self, objects: Iterable[RawObject]) -> list[RawObject]:
        """Add objects; return those that are new."""
        new = {raw.id: raw for raw in objects if raw.id not in self.raws}
        self.raws.update(new)
        return list(new.values())

    def run(self, asks: Walk[T]) -> T:
        """Run a walk. It gets exactly what it asked for, so it cannot rely on more."""
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
        """Return how many objects were fetched."""
        return sum(map(len, self.fetched))
