"""The log of refs: its rows, the operations that wrote them, and times in it.

These values are also messages of the bus.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from zonegit.objects.ids import ObjectId
from zonegit.store.ref_names import RefName

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

EntryKind = Literal["moved", "added", "removed"]


class LogEntry(msgspec.Struct, frozen=True):
    """One row of the log of refs.

    Args:
        sequence: the sequence of the row.
        kind: ``moved``, or ``added`` or ``removed`` for a zone.
        ref: the ref.
        old: the value before the move; None if the ref did not exist.
        new: the value after the move; None if the ref was deleted.
        serial: the SOA serial of ``new``, or None.
        actor: the operator.
        time: the time of the move in seconds since 1970.
        command: the command, as in :class:`Origin`.
        operation: the id of the operation, which all of its rows have.
        reason: the reason, as in :class:`Origin`.
        undoes: the operation that this one reverses, or None.
    """

    sequence: int
    kind: EntryKind
    ref: RefName
    old: ObjectId | None
    new: ObjectId | None
    serial: int | None
    actor: str
    time: float
    command: str = msgspec.field(name="reason")
    operation: str
    reason: str | None = msgspec.field(default=None, name="because")
    undoes: str | None = None


class LogPage(msgspec.Struct, frozen=True):
    """A page of the log.

    Args:
        epoch: the epoch of the log.
        sequence: the end of the log; more pages follow if the last row is before it.
        entries: the rows, the oldest first.
        is_other: whether the row that the caller applied last differs from the row with its
            sequence; then the page has no rows.
    """

    epoch: str
    sequence: int
    entries: list[LogEntry]
    is_other: bool = False


class PastEpoch(msgspec.Struct, frozen=True):
    """An epoch that ended.

    Args:
        epoch: the id of the epoch.
        sequence: the last of its rows that this log has.
        recovered: whether a recovery ended it (``zonegit recover --finish``), so that later moves
            are lost.
    """

    epoch: str
    sequence: int
    recovered: bool = True


class OperationSummary(msgspec.Struct, frozen=True):
    """An operation in the log.

    Args:
        operation: the id of the operation.
        rows: the number of its rows.
        entries: its first rows, at most 20, the oldest first.
    """

    operation: str
    rows: int
    entries: list[LogEntry]


class Operations(msgspec.Struct, frozen=True):
    """A page of operations, the latest first.

    Args:
        operations: the operations.
        before: the ``before`` of the next page; None on the last page.
    """

    operations: list[OperationSummary]
    before: int | None = None


class OperationDetails(msgspec.Struct, frozen=True):
    """The changes of one operation, and later changes of its refs.

    Args:
        operation: the id of the operation.
        entries: a page of its rows, the oldest first.
        later: the latest move of each of its refs that moved again; for a zone that the operation
            added, the moves of the refs that the zone has now.
        more: whether more rows follow.
        undone_by: the first row of the undo that reversed it and was not reversed itself, or None.
        undone_in_part: whether that undo did not reverse all of its refs.
    """

    operation: str
    entries: list[LogEntry]
    later: list[LogEntry]
    more: bool = False
    undone_by: LogEntry | None = None
    undone_in_part: bool = False


class RefAt(msgspec.Struct, frozen=True):
    """The state of a ref at a time.

    Args:
        entry: the last move of the ref up to ``time``, or its first move if that is later.
        time: the time in seconds since 1970, by the clock of the ref store.
    """

    entry: LogEntry
    time: float


class Origin(msgspec.Struct, frozen=True):
    """The origin of a move.

    Args:
        actor: the operator.
        command: the command.
        operation: the id of the operation. A request that repeats the id gets the first result
            and changes nothing. A change of several refs has one id and moves each ref once.
        force: whether to override checks that raise Unsafe.
        turn: the same text in all attempts of a caller that retries after a conflict, which gives
            it priority; None for a caller that does not retry.
        reason: the reason that the operator gave, or None.
        undoes: the full id of the operation that this one reverses, or None.
    """

    actor: str
    command: str
    operation: str
    force: bool = False
    turn: str | None = None
    reason: str | None = None
    undoes: str | None = None


class Moved(msgspec.Struct, frozen=True):
    """An acknowledged, durable change of refs.

    Args:
        epoch: the epoch of the log.
        sequence: the end of the log.
        entries: the rows that the change wrote, the oldest first, at most the last 100; empty if
            all refs had the requested values already.
    """

    epoch: str
    sequence: int
    entries: list[LogEntry]
