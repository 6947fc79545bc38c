"""Objects in a dict, for algorithms that ask."""

from collections.abc import Iterable

from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Object
from zonegit.objects.walk import T, Walk


class Pile:
    """Holds objects as a store does, and notes what the last algorithm fetched: for each round
    trip the ids it had not seen before."""

    def __init__(self) -> None:
        self.raws: dict[ObjectId, RawObject] = {}
        self.fetched: list[set[ObjectId]] = []

    def put(self, objects: Iterable[RawObject]) -> list[RawObject]:
        """Adds objects; those that were not there yet."""
        new = {raw.id: raw for raw in objects if raw.id not in self.raws}
        self.raws.update(new)
        return list(new.values())

    def run(self, asks: Walk[T]) -> T:
        """Runs an algorithm. It is handed exactly what it asked for, so it cannot come to rely on
        more."""
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
        """How many objects that were."""
        return sum(map(len, self.fetched))
