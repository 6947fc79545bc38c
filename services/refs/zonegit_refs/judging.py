"""Asks policy about a move, with the objects that it has to know for that.

What the caller holds of the old tip and the new one comes with the request, and each object proves
itself by its hash: as a rule nothing is read from the object store (docs/adr/0026-rails.md).
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from zonegit.errors import Corrupt, NotFound, Unavailable
from zonegit.objects.asks import Answers, drive
from zonegit.objects.canonical import decode
from zonegit.objects.ids import ObjectId, RawObject, short
from zonegit.objects.model import Commit, Object
from zonegit.store.protocols import ObjectStore, Origin
from zonegit.store.refnames import RefName
from zonegit_refs import facts, policy
from zonegit_refs.policy import Limits, Served

AT_ONCE: Final = 256
"""Objects that are decoded between two chances for others to be answered."""

Known = Mapping[ObjectId, RawObject]
"""Verified objects at hand."""


class Judge:
    """Policy with its limits, and the store that it may have to ask."""

    def __init__(self, objects: ObjectStore, limits: Limits) -> None:
        self._objects = objects
        self._limits = limits

    async def admit(
        self, branch: RefName, tip: ObjectId, new: Served, origin: Origin, known: Known
    ) -> None:
        """Whether a branch may move from the commit ``tip`` to what ``new`` serves.

        Raises:
            Unsafe: it may not, unless it is forced and a reason given.
            Unavailable: what it would do cannot be told.
        """
        if origin.force and origin.because:
            return
        assert branch.zone is not None
        reading = _Reading(self._objects, known)
        try:
            old = await reading.tree_of(tip)
            if old == new.tree:
                return
            asks = facts.gather(old, new.tree, branch.zone, self._limits)
            found = await drive(asks, reading.get)
        except (NotFound, Corrupt) as error:
            raise Unavailable(
                f"what {branch.path()} would lose cannot be told: {error.message}",
                hint="--force --reason TEXT moves it all the same",
            ) from error
        if verdict := policy.decide(found, self._limits):
            raise policy.refusal(branch, verdict, force=origin.force)


class _Reading:
    """Objects, decoded and let go: a big change has more of them than are to be kept."""

    def __init__(self, objects: ObjectStore, known: Known) -> None:
        self._objects = objects
        self._known = known

    async def tree_of(self, commit: ObjectId) -> ObjectId:
        """The tree of a commit."""
        found = (await self.get([commit]))[commit]
        if not isinstance(found, Commit):
            raise Corrupt(f"object {short(commit)} is not a commit")
        return found.tree

    async def get(self, ids: Collection[ObjectId]) -> Answers:
        """All of ``ids``."""
        distant = [object_id for object_id in ids if object_id not in self._known]
        fetched = await self._objects.get(distant) if distant else {}
        found: dict[ObjectId, Object] = {}
        for object_id in ids:
            found[object_id] = decode(self._known.get(object_id) or fetched[object_id])
            if len(found) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return found
