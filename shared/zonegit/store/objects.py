"""The interface of the object store.

``zonegit_objectstore`` implements it with SQLite, ``bus.remote_objects`` with NATS, and
``store.memory`` in memory; ``tests/contract`` tests all implementations.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject
from zonegit.store.outline import Outline

MAX_HISTORY: Final = 1_024
"""Commits in one page of history."""

MAX_LISTED: Final = 8_192
"""Objects in one page of a listing."""


class Dated(msgspec.Struct, frozen=True):
    """A stored commit and its moment (docs/adr/0011-moments.md).

    Args:
        raw: the commit.
        moment: the time of its committer in seconds since 1970, or one second after the latest
            moment of its parents if that is later. So the moment of a commit is always later than
            the moments of its ancestors.
    """

    raw: RawObject
    moment: int


class ObjectStore(Protocol):
    """Immutable objects by id."""

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        """Return all of the given objects, verified.

        Raises:
            NotFound: an object is not stored; the error names it.
            Corrupt: an object does not hash to its id; the error names it.
            Unavailable: the store does not answer.
        """
        ...

    async def outlines(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, Outline]:
        """Return the outlines of all of the given objects.

        Raises:
            NotFound, Corrupt, Unavailable: as in :meth:`get`.
        """
        ...

    async def put(self, objects: Sequence[RawObject]) -> None:
        """Store objects. They are durable on return.

        Objects that are stored already are accepted. An object that refers to an object that is
        not stored is refused, so every stored commit is complete. A malformed RRset
        (``zone.validity``) is refused, unless it is stored already.

        Args:
            objects: the objects, each after the objects that it refers to.

        Raises:
            Invalid: an object refers to one that is neither stored nor earlier in ``objects``, or
                is a malformed RRset that is not stored yet.
            Corrupt: an object does not hash to its id, or is malformed.
            Unavailable: the store does not answer; some of the objects may be stored.
        """
        ...

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        """Return those of ``ids`` that are not stored."""
        ...

    async def find(self, prefix: str) -> list[tuple[ObjectId, ObjectKind]]:
        """Return up to 16 objects whose hex id starts with ``prefix`` (at least 4 digits), sorted
        by id."""
        ...

    async def list_page(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        """Return a page of the ids and kinds of stored objects, including damaged ones.

        Args:
            after: only objects with a greater id are returned; None for the first page.

        Returns:
            At most ``MAX_LISTED`` objects sorted by id; empty after the last page.
        """
        ...

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        """Return commits and their ancestors.

        Args:
            tips: the commits to start from; all of them are returned.
            limit: the number of commits to return, 1 to ``MAX_HISTORY``; more if there are more
                tips.

        Returns:
            The tips in their order, then their ancestors, the latest moment first and the lower id
            first for equal moments. There may be fewer than ``limit``, if the history is shorter or
            the page has too many octets; the caller continues from there.

        Raises:
            NotFound: a tip is not a stored commit; the error names it.
            Corrupt: a commit does not hash to its id; the error names it.
            Unavailable: the store does not answer.
        """
        ...
