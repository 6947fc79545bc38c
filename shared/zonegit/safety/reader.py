"""Objects that judging a move needs: those that came along, and the rest from the object store.

What came along is decoded once, for several questions are asked about it. What is fetched is let go
after each question: a big change has more of it than is to be kept.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final, TypeVar

from zonegit.errors import Corrupt, NotFound
from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject, short
from zonegit.objects.model import Commit, Object
from zonegit.objects.walk import Answers, Walk, drive
from zonegit.safety.tree_flaws import GivenObjects, Judging, WantedObjects
from zonegit.store.outline import Outline, outline_known
from zonegit.store.protocols import ObjectStore

T = TypeVar("T")

SLICE_S: Final = 0.003
"""Seconds of work between two chances for others to be answered; decoding the answer to one
question may double it."""
OBJECTS_PER_PAUSE: Final = 4
"""Objects that are decoded between two looks at the clock."""

KnownObjects = Mapping[ObjectId, RawObject]
"""Verified objects at hand."""


class MoveReader:
    """Reads objects for one move.

    Args:
        objects: the store.
        known: objects at hand.
        is_stored: whether the store has all objects of the move; of a move that is only judged it
            may lack RRsets, and then these are not judged.
    """

    def __init__(
        self, objects: ObjectStore, known: KnownObjects, *, is_stored: bool = True
    ) -> None:
        self._objects = objects
        self._known = known
        self._is_stored = is_stored
        self._decoded: dict[ObjectId, Object] = {}
        self._since = asyncio.get_running_loop().time()

    async def read_commit(self, commit: ObjectId) -> Commit:
        """Return a commit.

        Raises:
            NotFound, Unavailable: as the store says.
            Corrupt: it is not a commit.
        """
        found = (await self.get([commit]))[commit]
        if not isinstance(found, Commit):
            raise Corrupt(f"object {short(commit)} is not a commit")
        return found

    async def get(self, ids: Collection[ObjectId]) -> Answers:
        """Return all of ``ids``."""
        distant = [object_id for object_id in ids if object_id not in self._known]
        fetched = await self._objects.get(distant) if distant else {}
        found: dict[ObjectId, Object] = {}
        for number, object_id in enumerate(ids, 1):
            found[object_id] = self._decode(object_id, fetched)
            if number % OBJECTS_PER_PAUSE == 0:
                await self._pause()
        return found

    async def answer(self, asks: Walk[T]) -> T:
        """Run an algorithm that asks for objects."""
        return await drive(asks, self.get)

    async def judge(self, judging: Judging[T]) -> T:
        """Run an algorithm that asks for objects and outlines."""
        return await drive(judging, self._give)

    async def _give(self, wanted: WantedObjects) -> GivenObjects:
        await self._pause()
        objects = await self.get(wanted.objects) if wanted.objects else {}
        return GivenObjects(
            objects, await self._outline(wanted.outlines) if wanted.outlines else {}
        )

    async def _outline(self, ids: Collection[ObjectId]) -> dict[ObjectId, Outline]:
        """Return the outlines of ``ids``; of RRsets that are nowhere yet there is none."""
        distant = [object_id for object_id in ids if object_id not in self._known]
        found = dict(await self._fetch_outlines(distant)) if distant else {}
        if len(distant) == len(ids):
            return found
        for number, object_id in enumerate(ids, 1):
            if object_id in self._known:
                found[object_id] = outline_known(self._known[object_id], self._known.get)
            if number % OBJECTS_PER_PAUSE == 0:
                await self._pause()
        return found

    async def _fetch_outlines(self, ids: list[ObjectId]) -> Mapping[ObjectId, Outline]:
        try:
            return await self._objects.outlines(ids)
        except NotFound:
            if self._is_stored:
                raise
        absent = await self._objects.missing(ids)
        return await self._objects.outlines([each for each in ids if each not in absent])

    def _decode(self, object_id: ObjectId, fetched: KnownObjects) -> Object:
        raw = self._known.get(object_id)
        if raw is None:
            return decode(fetched[object_id])
        value = self._decoded.get(object_id)
        if value is None:
            value = self._decoded[object_id] = decode(raw)
        return value

    async def _pause(self) -> None:
        """Let others be answered, if this has taken a slice of time."""
        clock = asyncio.get_running_loop().time
        if clock() - self._since > SLICE_S:
            await asyncio.sleep(0)
            self._since = clock()
