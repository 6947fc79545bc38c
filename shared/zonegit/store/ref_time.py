"""The time of an earlier state of a ref.

Times are by the clock of the ref store, so that operators with different clocks get the same state
(docs/adr/0025-time-and-undo.md).
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

MAX_SECONDS: Final = 253_402_300_799
"""Seconds since 1970, or before now; the end of the year 9999, the last one with four digits."""

MAX_MOVES: Final = 999_999

Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]


class Ago(msgspec.Struct, frozen=True, tag="ago"):
    """A number of seconds before the current time of the ref store."""

    seconds: Seconds


class At(msgspec.Struct, frozen=True, tag="at"):
    """A time in seconds since 1970."""

    time: Seconds


class Back(msgspec.Struct, frozen=True, tag="back"):
    """The state before the last ``moves`` moves of the ref; 0 is the current state."""

    moves: Annotated[int, Meta(ge=0, le=MAX_MOVES)]


When = Ago | At | Back
