"""Count the requests to a store."""

from collections.abc import Collection, Mapping

from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.store.memory import MemoryObjects
from zonegit.store.objects import Dated


class CountingStore(MemoryObjects):
    """A store that counts requests.

    ``asked`` is the number of reads, each a round trip on the bus; ``gave`` is the number of
    commits returned as history.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.gave = 0

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        self.asked += 1
        return await super().get(ids)

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        self.asked += 1
        found = await super().history(tips, limit)
        self.gave += len(found)
        return found
