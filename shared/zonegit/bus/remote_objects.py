"""Access the object store over the bus: in batches, and with every object verified."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from zonegit.bus.verb_client import VerbClient
from zonegit.errors import Corrupt
from zonegit.fairness import meter
from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject, short, verify_all
from zonegit.store.objects import MAX_HISTORY, Dated
from zonegit.store.outline import MAX_OUTLINED, Outline, outline_object
from zonegit.wire.messages import (
    MAX_BATCH_OCTETS,
    MAX_IDS,
    OVERHEAD,
    FindObjects,
    GetObjects,
    HistoryOf,
    ListObjects,
    MissingObjects,
    PutObjects,
)
from zonegit.wire.verbs import ObjectVerbs

GET_BATCH: Final = 1_024
"""Ids in one request: as many as the object store answers."""

OUTLINES_CONCURRENCY: Final = 2
"""Requests for outlines at a time: while one is answered, another is read."""


class RemoteObjects(VerbClient):
    """Implements :class:`zonegit.store.objects.ObjectStore` for one actor."""

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        found: dict[ObjectId, RawObject] = {}
        wanted = list(dict.fromkeys(ids))
        while len(found) < len(wanted):
            asked = wanted[len(found) : len(found) + GET_BATCH]
            reply = await self.ask(ObjectVerbs.GET, GetObjects(ids=asked))
            found.update((raw.id, raw) for raw in _check_objects(asked, reply.objects))
        return found

    async def outlines(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, Outline]:
        wanted = list(dict.fromkeys(ids))
        pages = [wanted[at : at + MAX_OUTLINED] for at in range(0, len(wanted), MAX_OUTLINED)]
        found: dict[ObjectId, Outline] = {}
        for at in range(0, len(pages), OUTLINES_CONCURRENCY):
            some = pages[at : at + OUTLINES_CONCURRENCY]
            for page in await meter.gather(map(self._outline, some)):
                found |= page
        return found

    async def _outline(self, ids: Sequence[ObjectId]) -> dict[ObjectId, Outline]:
        reply = await self.ask(ObjectVerbs.GET, GetObjects(ids=list(ids), outlines=True))
        if not reply.outlines:  # an earlier release answers with the objects
            raws = (await self.get(ids)).values()
            return {raw.id: outline_object(raw) for raw in raws}
        if len(reply.outlines) != len(ids):
            raise Corrupt(f"the object store answered {len(ids)} ids with other outlines")
        return dict(zip(ids, reply.outlines, strict=True))

    async def put(self, objects: Sequence[RawObject]) -> None:
        for batch in batches(objects):
            await self.ask(ObjectVerbs.PUT, PutObjects(objects=batch))

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        absent: set[ObjectId] = set()
        left = list(dict.fromkeys(ids))
        for at in range(0, len(left), MAX_IDS):
            asked = MissingObjects(ids=left[at : at + MAX_IDS])
            reply = await self.ask(ObjectVerbs.MISSING, asked)
            absent.update(reply.ids)
        return absent

    async def find(self, prefix: str) -> list[tuple[ObjectId, ObjectKind]]:
        asked = FindObjects(prefix=prefix)
        return (await self.ask(ObjectVerbs.FIND, asked)).objects

    async def list_page(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        return (await self.ask(ObjectVerbs.LIST, ListObjects(after=after))).objects

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        found: dict[ObjectId, Dated] = {}
        wanted = list(dict.fromkeys(tips))
        while left := [tip for tip in wanted if tip not in found][:MAX_HISTORY]:
            asked = HistoryOf(tips=left, limit=max(1, limit - len(found)))
            reply = await self.ask(ObjectVerbs.HISTORY, asked)
            found.update((dated.raw.id, dated) for dated in _check_history(left[0], reply.commits))
        tips_first = dict.fromkeys([*wanted, *found])
        return [found[each] for each in tips_first]


def batches(objects: Sequence[RawObject]) -> Iterator[list[RawObject]]:
    """Yield the objects in their order, in batches that fit one message."""
    run: list[RawObject] = []
    octets = 0
    for raw in objects:
        size = len(raw.payload) + OVERHEAD
        if run and (octets + size > MAX_BATCH_OCTETS or len(run) == MAX_IDS):
            yield run
            run, octets = [], 0
        run.append(raw)
        octets += size
    if run:
        yield run


def _check_history(tip: CommitId, commits: Sequence[Dated]) -> Sequence[Dated]:
    """Check a reply of history.

    Raises:
        Corrupt: It does not begin with ``tip``, or an object is not a commit or does not hash to
            its id.
    """
    if not commits or commits[0].raw.id != tip:
        raise Corrupt("the object store answered with another history than requested")
    for raw in verify_all(dated.raw for dated in commits):
        if raw.kind != "commit":
            raise Corrupt(f"the object store returned the {raw.kind} {short(raw.id)} as a commit")
    return commits


def _check_objects(asked: Sequence[ObjectId], objects: Sequence[RawObject]) -> Sequence[RawObject]:
    """Check a reply of objects.

    Raises:
        Corrupt: They are not the first of those requested, or one does not hash to its id.
    """
    if not objects or [raw.id for raw in objects] != list(asked[: len(objects)]):
        raise Corrupt(f"the object store answered {len(asked)} ids with other objects")
    return verify_all(objects)
