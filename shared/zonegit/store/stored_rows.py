"""Check the types of rows that are read from SQLite files.

SQLite checks the types of a STRICT table only when a row is written. After damage, a column may
have another type, an id another length, or a name may be malformed. The exception that this would
raise in later code would not name the file. So each row that is read passes through a
:class:`RowReader`, which checks the types of its columns and names the table and the row in its
error; :func:`zonegit.store.sqlite_files.explain_errors` adds the file.
"""

from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Annotated, Any, Final, Generic, NamedTuple, TypeVar, cast, get_args

import msgspec

from zonegit.errors import Corrupt, ZonegitError
from zonegit.objects.ids import ID_OCTETS
from zonegit.zone import names
from zonegit.zone.names import Name

T = TypeVar("T")

StoredId = Annotated[bytes, msgspec.Meta(min_length=ID_OCTETS, max_length=ID_OCTETS)]
"""The id of an object, or another SHA-256."""
StoredTime = Annotated[float, msgspec.Meta(ge=0, le=2.0**53)]
"""Seconds since 1970."""
StoredSerial = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
StoredCount = Annotated[int, msgspec.Meta(ge=0)]

MAX_SHOWN: Final = 40
"""Characters of each key column in a message."""


class DamagedFile(Corrupt):
    """The content of a file differs from what was written."""


class RowReader(Generic[T]):
    """Reads rows of one table.

    Args:
        table: the name of the table, for messages.
        columns: the types of the columns, as a tuple or a NamedTuple.
        make: returns the value of a row from its columns; an exception means that the row is
            damaged.
        keys: the number of leading columns that identify a row in messages.
    """

    __slots__ = ("_columns", "_keys", "_make", "_page", "_table")

    def __init__(
        self, table: str, columns: type[Any], make: Callable[..., T], *, keys: int = 3
    ) -> None:
        self._keys = keys
        self._table = table
        self._columns = _name_columns(columns)
        self._page = GenericAlias(list, (self._columns,))
        self._make = make

    def read(self, row: tuple[Any, ...]) -> T:
        """Return the value of a row.

        Raises:
            DamagedFile: the row is damaged.
        """
        try:
            columns = msgspec.convert(row, self._columns, builtin_types=(bytes,))
        except msgspec.ValidationError as error:
            raise self._damaged(row, str(error), {}) from error
        return self._make_checked(row, columns)

    def read_all(self, rows: Iterable[tuple[Any, ...]]) -> list[T]:
        """Return the values of all rows.

        Raises:
            DamagedFile: a row is damaged.
        """
        found = list(rows)
        try:
            checked = msgspec.convert(found, self._page, builtin_types=(bytes,))
        except msgspec.ValidationError:
            return [self.read(row) for row in found]  # raises an error that names the row
        return [
            self._make_checked(row, columns) for row, columns in zip(found, checked, strict=True)
        ]

    def read_first(self, rows: Iterable[tuple[Any, ...]]) -> T | None:
        """Return the value of the first row, or None if there is no row.

        Raises:
            DamagedFile: the row is damaged.
        """
        row = next(iter(rows), None)
        return self.read(row) if row is not None else None

    def _make_checked(self, row: tuple[Any, ...], columns: tuple[Any, ...]) -> T:
        try:
            return self._make(*columns)
        except ZonegitError as error:
            raise self._damaged(row, error.message, error.details, error.hint) from error
        except (ValueError, TypeError, OverflowError) as error:
            raise self._damaged(row, str(error), {}) from error

    def _damaged(
        self,
        row: tuple[Any, ...],
        why: str,
        details: dict[str, str],
        hint: str | None = None,
    ) -> DamagedFile:
        key = ", ".join(_show(value) for value in row[: self._keys])
        message = f"the row ({key}) of table {self._table} is damaged: {why}"
        return DamagedFile(message, hint=hint, **{"row": key, **details})


def _name_columns(columns: type[Any]) -> type[Any]:
    """Return a class for a tuple of types; msgspec inspects a class once, an alias each time."""
    fields = [(f"c{number}", each) for number, each in enumerate(get_args(columns))]
    make: Any = NamedTuple
    return cast(type[Any], make("Row", fields)) if fields else columns


def read_value(column: T) -> T:
    """Return the only column of a row."""
    return column


def read_name(octets: bytes) -> Name:
    """Check a stored name, and return it.

    Raises:
        Invalid: the octets are not a name.
    """
    names.require(octets)
    return cast(Name, octets)


def _show(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
