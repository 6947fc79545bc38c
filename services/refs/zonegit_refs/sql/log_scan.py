"""Read rows of the log backwards in small pages, so that the reader can stop early."""

from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

from zonegit.store.stored_rows import RowReader
from zonegit.store.transaction import Row, Transaction

T = TypeVar("T")

FIRST_PAGE: Final = 4
"""Rows of the first page; each page has twice as many as the page before it."""
MAX_PAGE: Final = 2_048
MAX_SEQUENCE: Final = 2**63 - 1
"""No sequence is greater: a scan that begins before it reads from the end of the log."""


class LogScan(Generic[T]):
    """Rows of the log, the latest first.

    Args:
        statement: Selects the rows, their sequence first. Its last two parameters are the sequence
            before which it begins, and the number of rows.
        parameters: The other parameters.
        reader: Reads a row.
        before: The sequence before which the scan begins.
        limit: The maximum number of rows.
    """

    def __init__(
        self,
        statement: str,
        parameters: Sequence[Any],
        reader: RowReader[T],
        before: int,
        limit: int,
    ) -> None:
        self._statement = statement
        self._parameters = parameters
        self._reader = reader
        self._before = before
        self._left = limit
        self._page_rows = FIRST_PAGE
        self._rows: list[Row] = []
        """The rows of this page that are not read yet, the next one last."""

    def read_next(self) -> Transaction[T | None]:
        """Return the next row; None after the last one.

        Raises:
            DamagedFile: The row is damaged.
        """
        if not self._rows and self._left:
            yield from self._read_page()
        return self._reader.read(self._rows.pop()) if self._rows else None

    def _read_page(self) -> Transaction[None]:
        size = min(self._page_rows, self._left)
        rows = yield self._statement, (*self._parameters, self._before, size)
        self._left = self._left - size if len(rows) == size else 0
        self._page_rows = min(2 * size, MAX_PAGE)
        if rows:
            self._before = rows[-1][0]
        self._rows = rows[::-1]
