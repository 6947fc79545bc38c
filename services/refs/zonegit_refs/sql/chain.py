"""Chain the rows of the log: each row holds the hash of the row before it.

The first row holds ``digests.NOTHING``. The row ``log`` of the table ``digest`` has the hash of the
last row and the number of rows. So a read detects a changed, lost or inserted row at the cost of
one hash; :func:`find_damage` checks all rows, a page at a time.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
import structlog

from zonegit.store import digests
from zonegit.store.backends import CheckedPage
from zonegit.store.digests import EMPTY, NOTHING, Digest
from zonegit.store.ref_log import EntryKind
from zonegit.store.ref_names import Space
from zonegit.store.stored_rows import DamagedFile, StoredId, StoredSerial, StoredTime
from zonegit.store.transaction import Batch, Transaction

T = TypeVar("T")

NAME: Final = "log"
BEGIN: Final = f"INSERT INTO digest VALUES ('{NAME}', 0, x'{NOTHING.hex()}')"  # noqa: S608
COLUMNS: Final = (
    "sequence, kind, space, zone, short, old, new, serial,"
    " actor, time, reason, operation, because, undoes"
)
FOLLOWS: Final = (
    "coalesce((SELECT previous FROM log AS next WHERE next.sequence = log.sequence + 1),"
    " (SELECT sum FROM digest WHERE name = 'log'))"
)
"""The hash of a row, as stored in the row after it."""
SELECT: Final = f"SELECT {COLUMNS}, previous, {FOLLOWS} FROM log"  # noqa: S608  # no input
"""Selects the columns of :class:`LoggedRow`."""
_AFTER: Final = "WHERE sequence > ? ORDER BY sequence LIMIT ?"
_FOLLOWED_PAGE: Final = f"{SELECT} {_AFTER}"
_PAGE: Final = f"SELECT {COLUMNS} FROM log {_AFTER}"  # noqa: S608  # no input
_APPEND: Final = f"INSERT INTO log VALUES ({', '.join('?' * 15)})"  # noqa: S608  # no input
CHECK_BATCH: Final = 200
"""Rows that are checked in one step, which takes a few milliseconds."""
FILL_BATCH: Final = 10_000
"""Rows that an upgrade chains between two progress lines in the log."""

log = structlog.get_logger()


class LoggedRow(NamedTuple):
    """A stored row of the log; ``follows`` is its hash, as stored in the next row."""

    sequence: Annotated[int, msgspec.Meta(ge=1)]
    kind: EntryKind
    space: Space
    zone: bytes
    short: str
    old: StoredId | None
    new: StoredId | None
    serial: StoredSerial | None
    actor: str
    time: StoredTime
    command: str
    operation: str
    reason: str | None
    undoes: str | None
    previous: StoredId
    follows: StoredId

    def check(self) -> None:
        """Check that the row matches its hash.

        Raises:
            ValueError: The row was changed after it was written.
        """
        if digests.hash_row(self[:-1]) != self.follows:
            raise ValueError("its hash does not match the next row")


def append_row(*row: Any) -> Transaction[None]:
    """Append a row with the values of ``COLUMNS``.

    Raises:
        DamagedFile: The log lacks rows at its end.
    """
    end = yield from digests.read_digest(NAME)
    if row[0] != end.rows + 1:
        raise DamagedFile(f"table log ends at {row[0] - 1:,}, but {end.rows:,} rows were written")
    chained = (*row, end.sum)
    yield _APPEND, chained
    yield from digests.write_digest(NAME, Digest(end.rows + 1, digests.hash_row(chained)))


def chain_rows() -> Transaction[None]:
    """Chain the rows of a log that had no chain."""
    ((total,),) = yield "SELECT count(*) FROM log", ()
    end, last = EMPTY, 0
    while rows := (yield _PAGE, (last, FILL_BATCH)):
        chained = []
        for row in rows:
            chained.append((end.sum, row[0]))
            end = Digest(end.rows + 1, digests.hash_row((*row, end.sum)))
        yield Batch("UPDATE log SET previous = ? WHERE sequence = ?", chained)
        last = rows[-1][0]
        if total > FILL_BATCH:
            log.info("store.upgrading", rows=end.rows, total=total)
    yield from digests.write_digest(NAME, end)


def find_damage(after: int, read: Callable[[tuple[Any, ...]], object]) -> Transaction[CheckedPage]:
    """Check a page of rows after a sequence.

    Args:
        after: The last sequence that was checked; 0 for none.
        read: Reads a row, and raises DamagedFile if the row is damaged.
    """
    found = yield _FOLLOWED_PAGE, (after, CHECK_BATCH)
    damage = []
    last = after
    for row in found:
        if row[0] != last + 1:
            damage.append(f"table log has no rows {last + 1:,} to {row[0] - 1:,}")
        last = row[0]
        try:
            read(row)
        except DamagedFile as error:
            damage.append(error.message)
    has_more = len(found) == CHECK_BATCH
    if not has_more:
        damage += yield from _compare_end(last)
    return CheckedPage(last, has_more, damage)


def _compare_end(last: int) -> Transaction[list[str]]:
    end = yield from digests.read_digest(NAME)
    if end.rows != last:
        return [f"table log ends at {last:,}, but {end.rows:,} rows were written"]
    return []


def check_end(last: int) -> Transaction[None]:
    """Check that the log ends with the row that was written last.

    Raises:
        DamagedFile: Rows are missing at its end.
    """
    for each in (yield from _compare_end(last)):
        raise DamagedFile(each)
