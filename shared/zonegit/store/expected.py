"""The expected state of a ref, as a value."""

import msgspec

from zonegit.objects.ids import ObjectId


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """The ref must not exist: the move creates it."""


class Exactly(msgspec.Struct, frozen=True, tag="exactly"):
    """The ref must hold this id."""

    target: ObjectId


class Anything(msgspec.Struct, frozen=True, tag="anything"):
    """The ref may hold anything or not exist: the move cannot lose a race."""


Expected = Absent | Exactly | Anything


def holds(expected: Expected, current: ObjectId | None) -> bool:
    """Return whether a ref that holds ``current`` (None: does not exist) is as expected."""
    match expected:
        case Absent():
            return current is None
        case Exactly(target):
            return current == target
        case Anything():
            return True
