"""The basis of the check of a move, apart from objects; the ref store reads it and sends it."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from zonegit.objects.ids import ObjectId

_Id = Annotated[ObjectId, Meta(min_length=32, max_length=32)]


class ServedTree(msgspec.Struct, frozen=True):
    """A tree that a branch served, and the serial of its SOA."""

    serial: int
    tree: _Id


class MoveLimits(msgspec.Struct, frozen=True):
    """The limits of a move that is not forced.

    Args:
        percent: the percentage of the RRsets of a zone that it may change or delete (1 to 100).
        floor: a zone with fewer RRsets has no such limit.
        ds: whether it may change DS RRsets.
    """

    percent: Annotated[int, Meta(ge=1, le=100)] = 30
    floor: int = 10
    ds: bool = False

    def min_rrsets(self, touched: int) -> int:
        """Return the least number of RRsets of a zone for which ``touched`` RRsets are allowed."""
        return -(-touched * 100 // self.percent)

    def may_exceed(self, touched: int) -> bool:
        """Return whether ``touched`` RRsets may exceed the percentage, depending on the zone."""
        return self.min_rrsets(touched) > max(self.floor, touched)


USUAL: Final = MoveLimits()
"""The default limits."""


class RefState(msgspec.Struct, frozen=True):
    """The state of a branch or tag at one point of the log.

    Args:
        is_registered: whether its zone is registered.
        tip: its value, or None if it does not exist.
        highest: the tree with the highest serial that the branch ever had, which is kept when the
            branch or its zone is removed; None for a tag, and if there never was one.
        refs: the number of branches and tags of its zone, if the ref does not exist.
        is_new: whether neither the log nor a store that is being adopted has the ref.
    """

    is_registered: bool
    tip: _Id | None
    highest: ServedTree | None = None
    refs: int = 0
    is_new: bool = False


class Basis(msgspec.Struct, frozen=True):
    """The basis of the check of a move, apart from objects.

    Args:
        state: the state of the ref.
        limits: the limits of the store.
        accepted: the commits of the request that were tips of the zone, by the log.
    """

    state: RefState
    limits: MoveLimits
    accepted: list[_Id] = []
