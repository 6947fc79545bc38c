"""The walk that finds flaws: its requests and answers, and its results. Pure."""

from collections.abc import Collection, Generator, Mapping
from typing import Final, NamedTuple, TypeVar

import msgspec

from zonegit.objects.ids import ObjectId
from zonegit.objects.walk import Answers, Walk
from zonegit.store.outline import Outline
from zonegit.zone.names import Name

T = TypeVar("T")

PAUSE_INTERVAL: Final = 16
"""The walk passes on one of so many pauses of a comparison."""
_NOTHING: Final[Answers] = {}


class WantedObjects(NamedTuple):
    """The objects and outlines that the walk asks for. If both are empty, it pauses."""

    objects: Collection[ObjectId] = ()
    outlines: Collection[ObjectId] = ()


class GivenObjects(NamedTuple):
    """The answer to :class:`WantedObjects`."""

    objects: Answers
    outlines: Mapping[ObjectId, Outline]


FlawWalk = Generator[WantedObjects, GivenObjects, T]
"""A walk that asks for objects and outlines, and returns a T."""


class Flaw(NamedTuple):
    """A fault that makes a tree an invalid zone. ``rdtype`` is None if it concerns the owner."""

    owner: Name
    rdtype: int | None
    message: str


class Flaws(msgspec.Struct):
    """The flaws of a tree.

    Attributes:
        new: the first new flaws.
        accepted: the first flaws that trees accepted before have too.
    """

    new: list[Flaw] = msgspec.field(default_factory=list)
    accepted: list[Flaw] = msgspec.field(default_factory=list)


def read_objects(walk: Walk[T]) -> FlawWalk[T]:
    """Run a walk that asks only for objects. Few of its pauses are passed on, because they are
    meant for nodes with many thousands of entries."""
    try:
        wanted = next(walk)
        pauses = 0
        while True:
            if wanted or (pauses := pauses + 1) % PAUSE_INTERVAL == 0:
                wanted = walk.send((yield WantedObjects(objects=wanted)).objects)
            else:
                wanted = walk.send(_NOTHING)
    except StopIteration as done:
        value: T = done.value
        return value
