"""Read operations: the changes of one or more refs that belong together.

The position of an operation is that of its last row. Each request reads a bounded number of rows.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.store.ref_log import LogEntry, OperationDetails, Operations, OperationSummary
from zonegit.store.stored_rows import RowReader, StoredCount, read_value
from zonegit.store.transaction import Transaction
from zonegit.zone.names import Name
from zonegit_refs.sql import reads, schema, undos
from zonegit_refs.sql.log_scan import LogScan

SHOWN_ROWS: Final = 20
"""Rows of each operation that a list of operations includes."""

MAX_SCANNED_ROWS: Final = 20_000
"""The maximum number of rows that one request reads."""

PAGE_ROWS: Final = 1_000
MAX_NAMED: Final = 10
_ROWS: Final = "SELECT sequence, operation FROM log"
_HELD: Final = "SELECT sequence FROM ref WHERE zone = ?"
_COUNT: Final = "SELECT count(*) FROM log"
_PLACED: Final[RowReader[tuple[int, str]]] = RowReader(
    "log", tuple[StoredCount, str], lambda sequence, operation: (sequence, operation)
)
_NAME: Final[RowReader[str]] = RowReader("log", tuple[str], read_value)
_LAST_CHARACTER: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """A filter of log rows.

    Attributes:
        before: Only rows before this sequence; None for all.
        zone: Only rows of the refs of this zone; None for all.
        actor: Only rows of this operator; None for all.
    """

    before: int | None
    zone: Name | None
    actor: str | None

    def condition(self, unindexed: str = "") -> tuple[str, list[object]]:
        """Return the SQL condition without ``before``, and its values.

        A value of ``+`` for ``unindexed`` makes SQLite use another index
        (sqlite.org/optoverview.html, section 2.1).
        """
        columns = {"zone": self.zone, "actor": self.actor}
        given = {name: value for name, value in columns.items() if value is not None}
        compared = [f"{unindexed}{name} = ?" for name in given]
        return " AND ".join(["TRUE", *compared]), list(given.values())


def list_operations(limit: int, wanted: OperationFilter) -> Transaction[Operations]:
    """Return a page of operations, the latest first."""
    listed: list[OperationSummary] = []
    seen: set[str] = set()
    octets = looked = 0
    at = wanted.before
    scan = yield from _scan_rows(wanted)
    while (row := (yield from scan.read_next())) is not None:
        sequence, operation = row
        if operation not in seen and not (yield from _was_listed(operation, wanted)):
            found = yield from _summarize(operation, wanted)
            octets += sum(map(reads.entry_octets, found.entries))
            if len(listed) == limit or (listed and octets > reads.PAGE_OCTETS):
                return Operations(listed, at)
            listed.append(found)
        seen.add(operation)
        at = sequence
        looked += 1
    return Operations(listed, at if looked == MAX_SCANNED_ROWS else None)


def _scan_rows(wanted: OperationFilter) -> Transaction[LogScan[tuple[int, str]]]:
    """Return the sequence and operation of each row that passes the filter, the latest first."""
    condition, values = wanted.condition()
    before = wanted.before
    if before is None:
        before = (yield from schema.read_last_sequence()) + 1
    statement = f"{_ROWS} WHERE {condition} AND sequence < ? ORDER BY sequence DESC LIMIT ?"
    return LogScan(statement, values, _PLACED, before, MAX_SCANNED_ROWS)


def _was_listed(operation: str, wanted: OperationFilter) -> Transaction[bool]:
    """Return whether an earlier page listed the operation, because of a later row."""
    if wanted.before is None:
        return False
    condition, values = wanted.condition("+")
    found = yield (
        f"{_ROWS} WHERE {condition} AND operation = ? AND sequence >= ? LIMIT 1",
        (*values, operation, wanted.before),
    )
    return bool(found)


def _summarize(operation: str, wanted: OperationFilter) -> Transaction[OperationSummary]:
    condition, values = wanted.condition("+")
    only = f"WHERE {condition} AND operation = ?"
    ((count,),) = yield f"{_COUNT} {only}", (*values, operation)
    shown = yield (
        f"{schema.LOG} {only} ORDER BY sequence LIMIT ?",
        (*values, operation, SHOWN_ROWS),
    )
    return OperationSummary(operation, count, schema.read_entries(shown))


def read_details(
    actor: str, prefix: str | None, after: int, *, redo: bool
) -> Transaction[OperationDetails]:
    """Return a page of the rows of one operation after a sequence, with later moves of their refs.

    Raises:
        NotFound: There is no such operation.
        Invalid: There are several.
    """
    if prefix is not None:
        operation = yield from _find_by_prefix(prefix)
    else:
        find = undos.find_redoable if redo else undos.find_undoable
        operation = yield from find(actor)
    found = yield (
        f"{schema.LOG} WHERE operation = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        (operation, after, PAGE_ROWS + 1),
    )
    entries = schema.read_entries(found)
    since = []
    for entry in entries[:PAGE_ROWS]:
        since.append([entry, *(yield from _find_later_moves(entry))])
    page = reads.cut_to_page([(sum(map(reads.entry_octets, each)), each) for each in since])
    later = {each.sequence: each for _, *moves in page for each in moves}
    more = len(page) < len(entries)
    details = OperationDetails(operation, [each[0] for each in page], list(later.values()), more)
    undo = yield from undos.find_undo_of(operation)
    if undo is None:
        return details
    rows = yield f"{schema.LOG} WHERE operation = ? ORDER BY sequence LIMIT 1", (undo,)
    first = schema.read_first_entry(rows)
    in_part = yield from undos.is_partial(operation, undo)
    return msgspec.structs.replace(details, undone_by=first, undone_in_part=in_part)


def _find_by_prefix(prefix: str) -> Transaction[str]:
    """Return the only operation whose id begins with a prefix, or is the prefix."""
    rows = yield (
        "SELECT DISTINCT operation FROM log WHERE operation BETWEEN ? AND ? LIMIT ?",
        (prefix, prefix + _LAST_CHARACTER, MAX_NAMED + 1),
    )
    found = _NAME.read_all(rows)
    if prefix in found or len(found) == 1:
        return prefix if prefix in found else str(found[0])
    if not found:
        raise NotFound(f"there is no operation {prefix!r}", hint="zonegit op log lists operations")
    raise Invalid(
        f"{prefix!r} is ambiguous: operations {', '.join(sorted(found)[:MAX_NAMED])}"
        f"{' and more' if len(found) > MAX_NAMED else ''}",
        hint="give more digits",
    )


def _find_later_moves(entry: LogEntry) -> Transaction[list[LogEntry]]:
    """Return the latest move of the ref if another operation made it. For a zone that was added,
    also the latest moves by others of branches and tags that it has now."""
    ref = entry.ref
    found = yield (
        f"{schema.LOG} WHERE zone = ? AND space = ? AND short = ? ORDER BY sequence DESC LIMIT 1",
        (schema.zone_key(ref), ref.space, ref.short),
    )
    later = schema.read_entries(found)
    if entry.kind == "added":
        held = yield (
            f"{schema.LOG} WHERE sequence IN ({_HELD}) AND operation <> ?"
            " ORDER BY sequence DESC LIMIT ?",
            (schema.zone_key(ref), entry.operation, MAX_NAMED),
        )
        later += schema.read_entries(held)
    return [each for each in later if each.operation != entry.operation]
