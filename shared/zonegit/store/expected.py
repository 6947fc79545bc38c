"""The expected state of a ref, for compare-and-swap."""

import msgspec

from zonegit.objects.ids import ObjectId


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """The ref must not exist: the move creates it."""


class Exactly(msgspec.Struct, frozen=True, tag="exactly"):
    """The ref must have this value."""

    target: ObjectId


class Anything(msgspec.Struct, frozen=True, tag="anything"):
    """The ref may have any value or not exist, so the move never conflicts."""


Expected = Absent | Exactly | Anything


def holds(expected: Expected, current: ObjectId | None) -> bool:
    """Return whether a ref has its expected state.

    Args:
        expected: the expected state.
        current: the value of the ref, or None if it does not exist.
    """
    match expected:
        case Absent():
            return current is None
        case Exactly(target):
            return current == target
        case Anything():
            return True
