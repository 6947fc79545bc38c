"""The one rule: what both sides agree on stands, what only one side changed is taken."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


class ThreeWayConflict(msgspec.Struct, frozen=True):
    """Both sides changed it, and not to the same."""


DISAGREEMENT = ThreeWayConflict()


def merge(base: T, ours: T, theirs: T) -> T | ThreeWayConflict:
    """What becomes of one value that was ``base`` and is ``ours`` here and ``theirs`` there. Which
    side is called which never matters."""
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else DISAGREEMENT
