"""Read the objects that the checks of a move need: those that the request has, and others from the
object store.

Objects of the request are decoded once, because several checks read them. Objects from the store
are not kept after an answer, because a large change reads too many.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeVar

from zonegit.errors import Corrupt, NotFound
from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject, short
from zonegit.objects.model import Commit, Object
from zonegit.objects.walk import Answers, Walk, drive
from zonegit.safety.flaw_walk import FlawWalk, GivenObjects, WantedObjects
from zonegit.store.objects import ObjectStore
from zonegit.store.outline import Outline, outline_known

T = TypeVar("T")

SLICE_S: Final = 0.003
"""Maximum time between two pauses for other tasks; decoding one answer may double it."""
OBJECTS_PER_PAUSE: Final = 4
"""Objects that are decoded between two readings of the clock."""

OnPause = Callable[[], Awaitable[None]]
KnownObjects = Mapping[ObjectId, RawObject]
"""Verified objects."""


class MoveReader:
    """Reads objects for one move.

    Args:
        objects: the store.
        known: objects that need not be read from the store.
        is_stored: the store has all objects of the move. For a dry run it may lack RRsets, which
            are then not judged.
    """

    def __init__(
        self, objects: ObjectStore, known: KnownObjects, *, is_stored: bool = True
    ) -> None:
        self._objects = objects
        self._known = known
        self._is_stored = is_stored
        self._decoded: dict[ObjectId, Object] = {}
        self._since = asyncio.get_running_loop().time()
        self.on_pause: OnPause | None = None
        """Called at each pause; None if nothing is to be done."""

    async def read_commit(self, commit: ObjectId) -> Commit:
        """Return a commit.

        Raises:
            NotFound, Unavailable: errors of the store.
            Corrupt: the object is not a commit.
        """
        found = (await self.get([commit]))[commit]
        if not isinstance(found, Commit):
            raise Corrupt(f"object {short(commit)} is not a commit")
        return found

    async def get(self, ids: Collection[ObjectId]) -> Answers:
        """Return the objects with these ids.

        Raises:
            NotFound, Corrupt, Unavailable: errors of the store.
        """
        distant = [object_id for object_id in ids if object_id not in self._known]
        fetched = await self._objects.get(distant) if distant else {}
        found: dict[ObjectId, Object] = {}
        for number, object_id in enumerate(ids, 1):
            found[object_id] = self._decode(object_id, fetched)
            if number % OBJECTS_PER_PAUSE == 0:
                await self._pause()
        return found

    async def answer(self, walk: Walk[T]) -> T:
        """Run a walk that asks for objects."""
        return await drive(walk, self.get)

    async def judge(self, judging: FlawWalk[T]) -> T:
        """Run a walk that asks for objects and outlines."""
        return await drive(judging, self._fetch)

    async def _fetch(self, wanted: WantedObjects) -> GivenObjects:
        await self._pause()
        objects = await self.get(wanted.objects) if wanted.objects else {}
        return GivenObjects(
            objects, await self._outline(wanted.outlines) if wanted.outlines else {}
        )

    async def _outline(self, ids: Collection[ObjectId]) -> dict[ObjectId, Outline]:
        """Return the outlines of objects, without those of RRsets that are not stored yet."""
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
        """Let other tasks run, if ``SLICE_S`` has passed."""
        clock = asyncio.get_running_loop().time
        if clock() - self._since > SLICE_S:
            await asyncio.sleep(0)
            if self.on_pause is not None:
                await self.on_pause()
            self._since = clock()
