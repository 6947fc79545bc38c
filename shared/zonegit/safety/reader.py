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
from zonegit.objects.node_diff import NodeDiffs
from zonegit.objects.walk import Answers, Walk
from zonegit.safety.flaw_walk import FlawWalk, GivenObjects, WantedObjects
from zonegit.store.objects import ObjectStore
from zonegit.store.outline import Outline, outline_known

T = TypeVar("T")

SLICE_S: Final = 0.001_5
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
        self._clock = asyncio.get_running_loop().time
        self._since = self._clock()
        self.diffs = NodeDiffs()
        """The differences of nodes, shared by the checks of the move."""
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
        await self._pause()
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
        try:
            wanted = next(walk)
            while True:
                found = self._find_known(wanted)
                wanted = walk.send(await self.get(wanted) if found is None else found)
        except StopIteration as done:
            value: T = done.value
            return value

    async def judge(self, judging: FlawWalk[T]) -> T:
        """Run a walk that asks for objects and outlines."""
        try:
            wanted = next(judging)
            while True:
                found = None if wanted.outlines else self._find_known(wanted.objects)
                given = GivenObjects(found, {}) if found is not None else await self._fetch(wanted)
                wanted = judging.send(given)
        except StopIteration as done:
            value: T = done.value
            return value

    def _find_known(self, ids: Collection[ObjectId]) -> Answers | None:
        """Return the objects without waiting; None if the request does not have them all, if there
        are many, or if a pause is due."""
        if len(ids) > OBJECTS_PER_PAUSE or self._is_pause_due():
            return None
        known, decoded = self._known, self._decoded
        for object_id in ids:
            if object_id not in decoded:
                raw = known.get(object_id)
                if raw is None:
                    return None
                decoded[object_id] = decode(raw)
        return decoded

    async def _fetch(self, wanted: WantedObjects) -> GivenObjects:
        objects = await self.get(wanted.objects)
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
        if self._is_pause_due():
            await asyncio.sleep(0)
            if self.on_pause is not None:
                await self.on_pause()
            self._since = self._clock()

    def _is_pause_due(self) -> bool:
        return self._clock() - self._since > SLICE_S
