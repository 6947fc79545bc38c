"""The disk cache of a resolver, read and damaged by tests, and in the layout of earlier
releases."""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection

from zonegit.store import digests
from zonegit_resolver.cache.summary import WATCHED

Rows = list[tuple[object, ...]]

# The literal layout of the previous release: one file for all zones.
LAYOUT_1 = (
    "CREATE TABLE tip (id INTEGER PRIMARY KEY, zone BLOB NOT NULL, branch TEXT NOT NULL,"
    " target BLOB NOT NULL, tree BLOB NOT NULL, epoch TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " seen REAL, UNIQUE (zone, branch)) STRICT",
    "CREATE TABLE rrset (tip INTEGER NOT NULL, owner BLOB NOT NULL, rdtype INTEGER NOT NULL,"
    " id BLOB NOT NULL, payload BLOB NOT NULL,"
    " PRIMARY KEY (tip, owner, rdtype)) STRICT, WITHOUT ROWID",
)
LAYOUT_2 = (
    *LAYOUT_1,
    "CREATE TABLE journal (number INTEGER PRIMARY KEY, zone BLOB NOT NULL, branch TEXT NOT NULL,"
    " old BLOB NOT NULL, new BLOB NOT NULL, digest BLOB NOT NULL, payload BLOB NOT NULL) STRICT",
    "CREATE INDEX journal_of_branch ON journal (zone, branch)",
    "CREATE TABLE standing (zone BLOB PRIMARY KEY, branch TEXT NOT NULL, tree BLOB NOT NULL,"
    " serial INTEGER NOT NULL, mark INTEGER) STRICT, WITHOUT ROWID",
)
EARLIER = "last-known.sqlite3"


def root(data: Path, name: str = "r") -> Path:
    return data / "resolvers" / name


def files(data: Path, name: str = "r") -> list[Path]:
    """Return the files of zones."""
    found = (root(data, name) / "unique-2").rglob("*")
    return sorted(path for path in found if path.is_file() and path.name[-1] in ".@")


@contextmanager
def zone_file(data: Path, zone: str = "foo.com.", name: str = "r") -> Iterator[Connection]:
    with open_database(root(data, name) / "unique-2" / zone) as database:
        yield database


@contextmanager
def summary(data: Path, name: str = "r") -> Iterator[Connection]:
    with open_database(root(data, name) / "overall.sqlite3") as database:
        yield database


@contextmanager
def open_database(path: Path) -> Iterator[Connection]:
    """Open an existing file, and commit at exit."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as database, database:
        yield database


def update_zone_digests(database: Connection) -> None:
    """Update the digests of a zone's file to its content."""
    for number, *columns in database.execute(
        "SELECT id, zone, branch, target, tree, epoch, sequence, seen, rows, sum FROM tip"
    ).fetchall():
        digest = digests.hash_row(columns)
        database.execute("UPDATE tip SET digest = ? WHERE id = ?", (digest, number))


def update_summary_digests(database: Connection) -> None:
    """Update the digests of the file for all zones to its content."""
    digests.refresh(database, WATCHED.tables)


def read_branches(
    data: Path, columns: str = "zone, branch", name: str = "r"
) -> set[tuple[object, ...]]:
    """Return the content of each branch."""
    found: set[tuple[object, ...]] = set()
    for path in files(data, name):
        with open_database(path) as database:
            found.update(database.execute(f"SELECT {columns} FROM tip"))
    return found


def make_earlier(data: Path, name: str = "r", schema: tuple[str, ...] = LAYOUT_2) -> None:
    """Convert a closed cache to the layout of the previous release, after a kill.

    Part of it is in SQLite's log.
    """
    folder = root(data, name)
    one = data / "one.sqlite3"
    with closing(sqlite3.connect(one, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        for statement in schema:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {1 if schema == LAYOUT_1 else 2}")
        for number, path in enumerate(files(data, name)):
            _copy(database, path, 100 * number, schema)
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "lock").touch()
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{one}{suffix}", folder / f"{EARLIER}{suffix}")


def make_unique_1(data: Path, name: str = "r") -> None:
    """Convert a closed cache to the layout of the release without digests."""
    folder = root(data, name)
    for path in files(data, name):
        with open_database(path) as database:
            for column in ("rows", "sum", "digest"):
                database.execute(f"ALTER TABLE tip DROP COLUMN {column}")
            database.execute("ALTER TABLE standing DROP COLUMN digest")
            for number, payload in database.execute("SELECT number, payload FROM journal"):
                digest = hashlib.sha256(payload).digest()
                database.execute("UPDATE journal SET digest = ? WHERE number = ?", (digest, number))
            database.execute("PRAGMA user_version = 2")
    with summary(data, name) as database:
        database.execute("DROP TABLE digest")
        database.execute("ALTER TABLE standing DROP COLUMN digest")
        database.execute("ALTER TABLE followed DROP COLUMN installation")
        database.execute("PRAGMA user_version = 2")
    (folder / "unique-2").rename(folder / "unique-1")
    (folder / "CACHE").write_text('{"owner":"resolver","scheme":"unique","version":1}\n')


def _copy(database: Connection, path: Path, offset: int, schema: tuple[str, ...]) -> None:
    database.execute("ATTACH ? AS one", (str(path),))
    database.execute(
        "INSERT INTO tip SELECT id + ?, zone, branch, target, tree, epoch, sequence, seen"
        " FROM one.tip",
        (offset,),
    )
    database.execute(
        "INSERT INTO rrset SELECT tip + ?, owner, rdtype, id, payload FROM one.rrset", (offset,)
    )
    if schema == LAYOUT_2:
        database.execute("INSERT INTO journal SELECT * FROM one.journal")
        database.execute(
            "INSERT INTO standing SELECT zone, branch, tree, serial, mark FROM one.standing"
        )
    database.execute("DETACH one")
