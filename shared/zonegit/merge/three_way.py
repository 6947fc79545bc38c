"""The one rule: what both sides agree on stands, what only one side changed is taken."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


class ThreeWayConflict(msgspec.Struct, frozen=True):
    """Both sides changed it, and not to the same."""


DISAGREEMENT = ThreeWayConflict()


def merge(base: T, ours: T, theirs: T) -> T | ThreeWayConflict:
    """Merge one value that was ``base`` and is ``ours`` and ``theirs`` now. The result is the
    same with the sides exchanged."""
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else DISAGREEMENT
