"""Which of a ref's former states is meant: a value, told by the clock of the ref store, so that two
operators whose clocks differ see the same (docs/adr/0025-time-and-undo.md).
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

MAX_SECONDS: Final = 253_402_300_799
"""Seconds since 1970, or ago: the end of the year 9999, the last one that can be written."""

MAX_MOVES: Final = 999_999

Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]


class Ago(msgspec.Struct, frozen=True, tag="ago"):
    """So many seconds before the ref store's own now."""

    seconds: Seconds


class At(msgspec.Struct, frozen=True, tag="at"):
    """At a time in seconds since 1970."""

    time: Seconds


class Back(msgspec.Struct, frozen=True, tag="back"):
    """Before so many of its latest moves; 0: now."""

    moves: Annotated[int, Meta(ge=0, le=MAX_MOVES)]


When = Ago | At | Back
