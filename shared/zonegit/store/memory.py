"""An object store in memory, for tests, and for checks of a zone that is not stored.

It yields to the event loop in every call and returns objects in random order, so that no caller can
depend on timing or order.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence

from zonegit.errors import Invalid, NotFound
from zonegit.objects.codec import decode, list_links
from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject, short, verify
from zonegit.objects.model import Blob, Commit
from zonegit.store import outline
from zonegit.store.commit_reader import compute_moment
from zonegit.store.objects import MAX_LISTED, Dated
from zonegit.store.outline import Outline


class MemoryObjects:
    """Implements :class:`zonegit.store.objects.ObjectStore`."""

    def __init__(self) -> None:
        self._objects: dict[ObjectId, RawObject] = {}
        self._parents: dict[CommitId, tuple[CommitId, ...]] = {}
        self._moments: dict[CommitId, int] = {}

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        await asyncio.sleep(0)
        wanted = list(ids)
        for object_id in wanted:
            if object_id not in self._objects:
                raise NotFound(f"object {short(object_id)} is not stored", object=object_id.hex())
        random.shuffle(wanted)
        return {object_id: verify(self._objects[object_id]) for object_id in wanted}

    async def put(self, objects: Sequence[RawObject]) -> None:
        await asyncio.sleep(0)
        for raw in objects:
            value = decode(verify(raw))
            if isinstance(value, Blob) and raw.id not in self._objects:
                outline.refuse_malformed(raw, value)
            for link in list_links(value):
                if link not in self._objects:
                    raise Invalid(
                        f"{raw.kind} {short(raw.id)} refers to {short(link)}, which is not stored"
                    )
            self._objects[raw.id] = raw
            if isinstance(value, Commit):
                self._date(CommitId(raw.id), value)

    def put_unchecked(self, objects: Sequence[RawObject]) -> None:
        """Store objects without checks, as an earlier release could."""
        self._objects.update((raw.id, raw) for raw in objects)

    async def outlines(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, Outline]:
        raws = await self.get(ids)
        return {
            object_id: outline.outline_known(raw, self._objects.get)
            for object_id, raw in raws.items()
        }

    def _date(self, commit_id: CommitId, commit: Commit) -> None:
        self._parents[commit_id] = commit.parents
        self._moments[commit_id] = compute_moment(
            commit, [self._moments[at] for at in commit.parents]
        )

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        await asyncio.sleep(0)
        return {object_id for object_id in ids if object_id not in self._objects}

    async def find(self, prefix: str) -> list[tuple[ObjectId, ObjectKind]]:
        await asyncio.sleep(0)
        found = [
            (object_id, raw.kind)
            for object_id, raw in self._objects.items()
            if object_id.hex().startswith(prefix)
        ]
        return sorted(found)[:16]

    async def list_page(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        await asyncio.sleep(0)
        past = (at for at in self._objects if after is None or at > after)
        return [(at, self._objects[at].kind) for at in heapq.nsmallest(MAX_LISTED, past)]

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        await asyncio.sleep(0)
        wanted = list(dict.fromkeys(tips))
        for tip in wanted:
            if tip not in self._moments:
                raise NotFound(f"commit {short(tip)} is not stored", object=tip.hex())
        ancestors = (found for found in self._walk(wanted) if found not in tips)
        wanted += itertools.islice(ancestors, max(0, limit - len(wanted)))
        return [Dated(verify(self._objects[at]), self._moments[at]) for at in wanted]

    def _walk(self, tips: Collection[CommitId]) -> Iterator[CommitId]:
        """Yield the tips and their ancestors, the latest moment first."""
        heap = [(-self._moments[tip], tip) for tip in tips]
        heapq.heapify(heap)
        seen = set(tips)
        while heap:
            _, at = heapq.heappop(heap)
            yield at
            for parent in self._parents[at]:
                if parent not in seen:
                    seen.add(parent)
                    heapq.heappush(heap, (-self._moments[parent], parent))
