"""Values read from a file have the types that were written, or an error names the file and the
row."""

import sqlite3
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

import pytest

from zonegit.errors import Corrupt
from zonegit.store.sqlite import open_database
from zonegit.store.stored_rows import (
    DamagedFile,
    RowReader,
    StoredId,
    StoredSerial,
    StoredTime,
    read_name,
    read_value,
)
from zonegit.zone.names import Name


class NoteRow(NamedTuple):
    zone: bytes
    id: StoredId
    serial: StoredSerial | None
    text: str
    time: StoredTime


class Note(NamedTuple):
    zone: Name
    rest: tuple[object, ...]


NOTE = RowReader("note", NoteRow, lambda zone, *rest: Note(read_name(zone), rest))
GOOD = (b"\3foo\3com\0", bytes(32), 7, "text", 1.5)


def test_a_row_with_the_right_types_is_read() -> None:
    assert NOTE.read(GOOD) == Note(Name(GOOD[0]), GOOD[1:])
    assert NOTE.read_all([GOOD, GOOD]) == [NOTE.read(GOOD)] * 2
    assert NOTE.read_first([GOOD]) == NOTE.read(GOOD)
    assert NOTE.read_first([]) is None


@pytest.mark.parametrize(
    "harm",
    [
        {0: "Zm9v"},
        {0: b"\3foo\3com"},
        {0: b"\3FOO\0"},
        {1: bytes(31)},
        {1: None},
        {2: 2**32},
        {2: -1},
        {2: 1.5},
        {3: b"text"},
        {3: None},
        {4: float("inf")},
        {4: -1.0},
        {4: "1.5"},
    ],
)
def test_a_row_with_wrong_values_is_named(harm: dict[int, object]) -> None:
    row = tuple(harm.get(at, value) for at, value in enumerate(GOOD))
    with pytest.raises(DamagedFile, match="of table note is damaged") as caught:
        NOTE.read(row)
    assert caught.value.details["row"]
    assert len(caught.value.message) < 400


def test_too_few_columns_are_damage() -> None:
    with pytest.raises(DamagedFile):
        NOTE.read(GOOD[:3])


SCHEMA = ("CREATE TABLE note (key INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",)
TEXT: RowReader[str] = RowReader("note", tuple[str], read_value)


def texts(connection: Connection) -> list[str]:
    return TEXT.read_all(connection.execute("SELECT text FROM note ORDER BY key"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda octets: octets.replace(b"hello", b"h\xffllo"),
        lambda octets: octets.replace(b"CREATE TABLE note (key", b"CREATE TABLE notf (key"),
        lambda octets: octets.replace(b"TEXT NOT NULL", b"TEXT \xceOT NULL"),
        lambda octets: octets[:4096],
        lambda octets: octets[:100] + bytes(len(octets) - 100),
    ],
    ids=["no UTF-8", "no such table", "a schema that is no UTF-8", "cut", "zeros"],
)
async def test_every_error_of_a_file_has_its_path(tmp_path: Path, harm) -> None:
    path = tmp_path / "notes.sqlite3"
    async with open_database(path, SCHEMA, 1) as database:
        await database.write(
            lambda connection: connection.execute("INSERT INTO note VALUES (1, 'hello')").close()
        )
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(Corrupt, match=str(path)) as caught:
        async with open_database(path, SCHEMA, 1) as database:
            await database.read(texts)
    assert caught.value.details["file"] == str(path)
    assert "backup" in (caught.value.hint or "")


async def test_a_row_with_another_type_is_named_with_its_file(tmp_path: Path) -> None:
    """STRICT forbids such a write, but damage may cause it."""
    path = tmp_path / "notes.sqlite3"
    async with open_database(path, ("CREATE TABLE note (key INTEGER PRIMARY KEY, text)",), 1):
        pass
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO note VALUES (1, 5)")
    async with open_database(path, SCHEMA, 1) as database:
        with pytest.raises(
            Corrupt, match=r"notes\.sqlite3 is damaged: the row \(5\) of table note"
        ):
            await database.read(texts)
