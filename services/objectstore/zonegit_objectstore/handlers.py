"""What each verb of the object store does: a message in, one call, a message out."""

from zonegit.bus.service import Answer, Endpoints, endpoints_of
from zonegit.wire.messages import (
    MAX_BATCH_OCTETS,
    Done,
    FindObjects,
    Found,
    GetObjects,
    GotObjects,
    History,
    HistoryOf,
    Listed,
    ListObjects,
    Missing,
    MissingObjects,
    PutObjects,
)
from zonegit.wire.subjects import Request
from zonegit_objectstore.sqlite import SqliteObjects


class Handlers:
    """The verbs, over a store."""

    def __init__(self, store: SqliteObjects) -> None:
        self._store = store

    def endpoints(self) -> Endpoints:
        """Return the verbs of the table, each with its answer."""
        answers: dict[str, Answer] = {
            "get": self.get,
            "put": self.put,
            "missing": self.missing,
            "find": self.find,
            "list": self.listed,
            "history": self.history,
        }
        return endpoints_of("objects", answers)

    async def get(self, request: Request, message: GetObjects) -> GotObjects:
        return GotObjects(objects=await self._store.first(message.ids, MAX_BATCH_OCTETS))

    async def put(self, request: Request, message: PutObjects) -> Done:
        await self._store.put(message.objects)
        return Done()

    async def missing(self, request: Request, message: MissingObjects) -> Missing:
        return Missing(ids=sorted(await self._store.missing(message.ids)))

    async def find(self, request: Request, message: FindObjects) -> Found:
        return Found(objects=await self._store.find(message.prefix))

    async def listed(self, request: Request, message: ListObjects) -> Listed:
        return Listed(objects=await self._store.listed(message.after))

    async def history(self, request: Request, message: HistoryOf) -> History:
        found = await self._store.latest(message.tips, message.limit, MAX_BATCH_OCTETS)
        return History(commits=found)
