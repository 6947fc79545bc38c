"""An object store in memory, stricter than the real ones: it yields at every await and hands
results out shuffled, so that no caller comes to rely on timing or order."""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence

from zonegit.errors import Invalid, NotFound
from zonegit.objects.canonical import decode, links
from zonegit.objects.ids import Kind, ObjectId, RawObject, short, verified


class MemoryObjects:
    """Implements :class:`zonegit.store.protocols.ObjectStore`."""

    def __init__(self) -> None:
        self._objects: dict[ObjectId, RawObject] = {}

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        await asyncio.sleep(0)
        wanted = list(ids)
        for object_id in wanted:
            if object_id not in self._objects:
                raise NotFound(f"object {short(object_id)} is not stored", object=object_id.hex())
        random.shuffle(wanted)
        return {object_id: verified(self._objects[object_id]) for object_id in wanted}

    async def put(self, objects: Sequence[RawObject]) -> None:
        await asyncio.sleep(0)
        for raw in objects:
            for link in links(decode(verified(raw))):
                if link not in self._objects:
                    raise Invalid(
                        f"{raw.kind} {short(raw.id)} names {short(link)}, which is not stored"
                    )
            self._objects[raw.id] = raw

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        await asyncio.sleep(0)
        return {object_id for object_id in ids if object_id not in self._objects}

    async def find(self, prefix: str) -> list[tuple[ObjectId, Kind]]:
        await asyncio.sleep(0)
        found = [
            (object_id, raw.kind)
            for object_id, raw in self._objects.items()
            if object_id.hex().startswith(prefix)
        ]
        return sorted(found)[:16]
