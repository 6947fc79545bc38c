"""Decide which operations are undone, and which one the next ``undo`` or ``redo`` takes back.

Theory of operation. An undo is an operation whose rows in the log name the operation that they take
back (column ``undoes``); a redo takes back an undo. Nothing else is stored, so clients cannot
influence it and no file can disagree with the log. From these rows follows:

- An operation is undone while an undo of it is in effect, and an undo is in effect unless it is
  undone itself. All undos of an operation, of these undos and so on are read at once. Each is newer
  than the operation that it takes back, so one pass from the newest to the oldest is enough.
- An undo that its client did not complete (it was killed, or had a conflict) leaves refs of the
  operation unchanged. Then the operation is still the next to be undone, and a client that repeats
  the command completes the same undo.
- ``undo`` takes back the newest operation of an actor that moved a branch, a tag or a zone, is not
  undone and takes nothing back. ``redo`` takes back their newest undo that is not undone, unless
  another operation of theirs came after it. Operations that moved only HEADs do not count for
  either.
- The number of times that something was taken back distinguishes undos (odd) from redos (even): an
  undo of a redo by its id is an undo.

Each request reads an index backwards, and at most ``MAX_ROWS`` rows.
"""

from typing import Final

from zonegit.errors import Conflict, NotFound
from zonegit.store.stored_rows import RowReader, StoredCount
from zonegit.store.transaction import Transaction
from zonegit_refs.sql import schema
from zonegit_refs.sql.log_scan import MAX_SEQUENCE, LogScan

MAX_ROWS: Final = 20_000
"""The maximum number of rows of an actor that one request reads."""

SHORT_ID: Final = 12
"""Characters of an operation's id in messages."""

MAX_UNDOS: Final = 10_000
"""The maximum number of undos and redos that are read for one operation."""

_WORK: Final = """
    SELECT sequence, operation, undoes FROM log
    WHERE actor = ? AND space <> 'head' AND sequence < ? ORDER BY sequence DESC LIMIT ?
"""
_STEP_AT: Final[RowReader[tuple[int, str, str | None]]] = RowReader(
    "log", tuple[StoredCount, str, str | None], lambda *columns: columns
)
_ABOUT: Final = """
    WITH RECURSIVE about (operation, undoes) AS (
        SELECT operation, undoes FROM log WHERE undoes = ?
        UNION
        SELECT log.operation, log.undoes FROM log JOIN about ON log.undoes = about.operation
        LIMIT ?
    )
    SELECT operation, undoes FROM about
    ORDER BY (SELECT min(sequence) FROM log WHERE log.operation = about.operation) DESC
"""
_TAKES_BACK: Final = f"{schema.LOG} WHERE operation = ? LIMIT 1"
# A ref that has its old value already counts as undone, although the undo has no row for it.
_LEFT_BEHIND: Final = """
    SELECT 1 FROM log AS done WHERE operation = ? AND space <> 'head'
    AND (zone, space, short) NOT IN (SELECT zone, space, short FROM log WHERE operation = ?)
    AND (space = 'zone' OR old IS NOT (
        SELECT new FROM log AS now
        WHERE now.zone = done.zone AND now.space = done.space AND now.short = done.short
        ORDER BY sequence DESC LIMIT 1
    ))
    LIMIT 1
"""


def find_undoable(actor: str) -> Transaction[str]:
    """Return the operation that the next ``undo`` of ``actor`` takes back.

    Raises:
        NotFound: No such operation exists.
        Conflict: Their latest operation is a redo that did not complete.
    """
    seen = False
    work = _scan_work(actor)
    while (step := (yield from work.read_next())) is not None:
        operation, undoes = step
        if not seen and undoes is not None:
            yield from _refuse_partial_redo(operation, undoes)
        seen = True
        if undoes is None and not (yield from _is_undone(operation)):
            return operation
    if not seen:
        raise NotFound(
            f"no operations by {actor}", hint="zonegit op log lists the operations of all actors"
        )
    raise NotFound(
        f"{actor} has nothing left to undo",
        hint="name an operation of zonegit op log",
    )


def _refuse_partial_redo(operation: str, undoes: str) -> Transaction[None]:
    """Raise Conflict for a redo that did not complete."""
    if (yield from _is_undo(operation)):
        return
    if (yield from is_partial(undoes, operation)):
        raise Conflict(
            f"redo {operation[:SHORT_ID]} did not complete",
            hint="zonegit redo completes it;"
            f" zonegit undo {operation[:SHORT_ID]} takes back what it did",
        )


def find_redoable(actor: str) -> Transaction[str]:
    """Return the undo that the next ``redo`` of ``actor`` takes back.

    Raises:
        NotFound: No such operation exists, or another operation of theirs came after it.
    """
    ended_by: str | None = None
    work = _scan_work(actor)
    while (step := (yield from work.read_next())) is not None:
        operation, undoes = step
        if undoes is None:
            ended_by = ended_by or operation
        elif (yield from _is_undo(operation)) and not (yield from _is_undone(operation)):
            if ended_by is None:
                return operation
            raise NotFound(
                f"{actor} has nothing to redo: operation {ended_by[:SHORT_ID]} came after undo"
                f" {operation[:SHORT_ID]}",
                hint=f"to take back that undo anyway: zonegit undo {operation[:SHORT_ID]}",
            )
    raise NotFound(
        f"{actor} has nothing to redo", hint="zonegit redo takes back the last zonegit undo"
    )


def find_undo_of(operation: str) -> Transaction[str | None]:
    """Return the newest undo in effect of an operation; None if there is none."""
    in_effect: dict[str, bool] = {}
    undos: dict[str, list[str]] = {}
    about = schema.STEP.read_all((yield _ABOUT, (operation, MAX_UNDOS)))
    for undo, undoes in about:
        assert undoes is not None  # the query selects by this column
        in_effect[undo] = not any(in_effect[each] for each in undos.get(undo, ()))
        undos.setdefault(undoes, []).append(undo)
    return next((each for each in undos.get(operation, ()) if in_effect[each]), None)


def is_partial(operation: str, undo: str) -> Transaction[bool]:
    """Return whether an undo did not reach all refs of the operation."""
    return bool((yield _LEFT_BEHIND, (operation, undo)))


class _WorkScan:
    """The operations of an actor that moved more than HEADs, the latest first."""

    def __init__(self, rows: LogScan[tuple[int, str, str | None]]) -> None:
        self._rows = rows
        self._seen: set[str] = set()

    def read_next(self) -> Transaction[tuple[str, str | None] | None]:
        """Return the next operation and the one that it takes back; None after the last one."""
        while (row := (yield from self._rows.read_next())) is not None:
            _, operation, undoes = row
            if operation not in self._seen:
                self._seen.add(operation)
                return operation, undoes
        return None


def _scan_work(actor: str) -> _WorkScan:
    return _WorkScan(LogScan(_WORK, (actor,), _STEP_AT, MAX_SEQUENCE, MAX_ROWS))


def _is_undone(operation: str) -> Transaction[bool]:
    undo = yield from find_undo_of(operation)
    return undo is not None and not (yield from is_partial(operation, undo))


def _is_undo(operation: str) -> Transaction[bool]:
    """Return whether an operation takes back a change, or a redo of one."""
    times = 0
    while times < MAX_UNDOS:
        row = schema.read_first_entry((yield _TAKES_BACK, (operation,)))
        if row is None or row.undoes is None:
            break
        undoes = row.undoes
        operation = undoes
        times += 1
    return times % 2 == 1
