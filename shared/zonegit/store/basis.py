"""The basis of judging a move of a ref: the ref store reads it, and it travels on the bus."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from zonegit.objects.ids import ObjectId

_Id = Annotated[ObjectId, Meta(min_length=32, max_length=32)]


class ServedTree(msgspec.Struct, frozen=True):
    """A tree that a branch serves, under the serial of its SOA."""

    serial: int
    tree: _Id


class MoveLimits(msgspec.Struct, frozen=True):
    """Limits of a move that is not forced: it may change or delete ``percent`` (1 to 100)
    of its RRsets, or any number where it had fewer than ``floor``; change DS RRsets if ``ds``."""

    percent: Annotated[int, Meta(ge=1, le=100)] = 30
    floor: int = 10
    ds: bool = False

    def enough(self, touched: int) -> int:
        """Return how many RRsets a zone must have had for so many to be within the share."""
        return -(-touched * 100 // self.percent)

    def matters(self, touched: int) -> bool:
        """Return whether so many are too many for some zone that the share is for."""
        return self.enough(touched) > max(self.floor, touched)


USUAL: Final = MoveLimits()
"""The limits where none are configured."""


class RefState(msgspec.Struct, frozen=True):
    """A branch or tag as the ref store has it at one point of its log.

    ``is_registered`` is about its zone. ``tip`` is what the ref holds, None where it does not
    exist; then ``refs`` counts the branches and tags of its zone. ``highest`` is what the branch
    served under the highest serial it ever had, which outlives its deletion and its zone's removal;
    None for a tag, and where there never was one. ``is_new``: neither the log nor a store that is
    being taken over has the ref.
    """

    is_registered: bool
    tip: _Id | None
    highest: ServedTree | None = None
    refs: int = 0
    is_new: bool = False


class Basis(msgspec.Struct, frozen=True):
    """The basis of a judgement, apart from the objects: the ref's state, the store's limits, and
    those of the commits asked about that the log has as tips of the zone."""

    state: RefState
    limits: MoveLimits
    accepted: list[_Id] = []
