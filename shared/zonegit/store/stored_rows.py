"""Read rows of SQLite files as values of the types they were written with.

SQLite checks a STRICT table's types when a row is written and never again. After damage a column
may hold another type, an id of another length or a malformed name, and the exception that this
raises later, in whatever code uses the value, says nothing of the file. So every row that is read
goes through a :class:`RowReader`, which checks it against the types of its columns and names the
table and the row where it is not what was written; :func:`zonegit.store.sqlite.explained` adds
the file.
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
"""An object's id, or any SHA-256."""
StoredTime = Annotated[float, msgspec.Meta(ge=0, le=2.0**53)]
"""Seconds since 1970."""
StoredSerial = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
StoredCount = Annotated[int, msgspec.Meta(ge=0)]

MAX_SHOWN: Final = 40
"""Characters of each column that names a row in a message."""


class DamagedFile(Corrupt):
    """The content of a file is not what was written into it."""


class RowReader(Generic[T]):
    """Reads rows of one table.

    Args:
        table: the table's name, for messages.
        columns: the types of the columns: a tuple or a NamedTuple.
        make: makes the value of a row from its columns; may raise what says that it is damaged.
        keys: the number of columns that name a row in a message: the first ones.
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
            Damaged: it is not one of this table.
        """
        try:
            columns = msgspec.convert(row, self._columns, builtin_types=(bytes,))
        except msgspec.ValidationError as error:
            raise self._damaged(row, str(error), {}) from error
        return self._make_checked(row, columns)

    def read_all(self, rows: Iterable[tuple[Any, ...]]) -> list[T]:
        """Return the values of all rows.

        Raises:
            Damaged: one is not of this table.
        """
        found = list(rows)
        try:
            checked = msgspec.convert(found, self._page, builtin_types=(bytes,))
        except msgspec.ValidationError:
            return [self.read(row) for row in found]  # one of these names the row
        return [
            self._make_checked(row, columns) for row, columns in zip(found, checked, strict=True)
        ]

    def read_first(self, rows: Iterable[tuple[Any, ...]]) -> T | None:
        """Return the value of the first row, None when there is none.

        Raises:
            Damaged: it is not one of this table.
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
    """Return a class for a tuple of types: msgspec looks at a class once, at an alias each time."""
    fields = [(f"c{number}", each) for number, each in enumerate(get_args(columns))]
    make: Any = NamedTuple
    return cast(type[Any], make("Row", fields)) if fields else columns


def read_value(column: T) -> T:
    """Return a row's only column."""
    return column


def read_name(octets: bytes) -> Name:
    """Return a stored name.

    Raises:
        Invalid: it is not a name.
    """
    names.require(octets)
    return cast(Name, octets)


def _show(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
