"""Handle the verbs of the object store: each takes a message, makes one call, and returns a
message.

The store has a thread for reads and one for writes, and a lane for each. A reply is a batch of what
was requested, so that no request occupies a thread for longer than about 10 ms.
"""

from typing import Final

from zonegit.bus.endpoints import Endpoints, answers, endpoints_of
from zonegit.bus.lanes import READ, WRITE
from zonegit.store.backends import ObjectBackend
from zonegit.store.outline import MAX_OUTLINED
from zonegit.wire.messages import (
    MAX_BATCH_OCTETS,
    CommitHistory,
    Done,
    FindObjects,
    FoundObjects,
    GetObjects,
    GotObjects,
    HistoryOf,
    ListedObjects,
    ListObjects,
    Missing,
    MissingObjects,
    PutObjects,
)
from zonegit.wire.subjects import Request
from zonegit.wire.verbs import ObjectVerbs

DEPTHS: Final = {READ: 2, WRITE: 2}
"""Requests that each lane runs at a time: one in its thread, and one that is decoded or whose reply
is sent."""

GET_BATCH: Final = 1_024
"""The maximum number of objects in a reply."""
HISTORY_BATCH: Final = 512
"""The maximum number of commits in a reply, unless there are more tips."""


class ObjectHandlers:
    """The handlers of a store."""

    def __init__(self, store: ObjectBackend) -> None:
        self._store = store

    def endpoints(self) -> Endpoints:
        """Return the verbs of the object store with their handlers."""
        return endpoints_of("objects", self)

    @answers(ObjectVerbs.GET)
    async def get(self, request: Request, message: GetObjects) -> GotObjects:
        if message.outlines:
            asked = message.ids[:MAX_OUTLINED]
            found = await self._store.outlines(asked)
            return GotObjects(outlines=[found[object_id] for object_id in asked])
        return GotObjects(
            objects=await self._store.get_page(message.ids[:GET_BATCH], MAX_BATCH_OCTETS)
        )

    @answers(ObjectVerbs.PUT)
    async def put(self, request: Request, message: PutObjects) -> Done:
        await self._store.put(message.objects)
        return Done()

    @answers(ObjectVerbs.MISSING)
    async def missing(self, request: Request, message: MissingObjects) -> Missing:
        return Missing(ids=sorted(await self._store.missing(message.ids)))

    @answers(ObjectVerbs.FIND)
    async def find(self, request: Request, message: FindObjects) -> FoundObjects:
        return FoundObjects(objects=await self._store.find(message.prefix))

    @answers(ObjectVerbs.LIST)
    async def list_page(self, request: Request, message: ListObjects) -> ListedObjects:
        return ListedObjects(objects=await self._store.list_page(message.after))

    @answers(ObjectVerbs.HISTORY)
    async def history(self, request: Request, message: HistoryOf) -> CommitHistory:
        limit = min(message.limit, HISTORY_BATCH)
        found = await self._store.history_page(message.tips, limit, MAX_BATCH_OCTETS)
        return CommitHistory(commits=found)
