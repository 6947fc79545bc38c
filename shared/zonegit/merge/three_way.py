"""The three-way merge rule: take the value that only one side changed, or that both agree on."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


class ThreeWayConflict(msgspec.Struct, frozen=True):
    """Both sides changed a value, to different ones."""


DISAGREEMENT = ThreeWayConflict()


def merge(base: T, ours: T, theirs: T) -> T | ThreeWayConflict:
    """Merge one value. The result is the same if the sides are exchanged.

    Args:
        base: the value before.
        ours: the value on our side.
        theirs: the value on the other side.

    Returns:
        The merged value, or ``DISAGREEMENT``.
    """
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else DISAGREEMENT
