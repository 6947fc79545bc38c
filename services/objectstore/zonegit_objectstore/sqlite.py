"""Objects in one SQLite file."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Final

from zonegit.errors import Invalid, NotFound
from zonegit.objects.canonical import decode, links
from zonegit.objects.ids import ID_OCTETS, CommitId, Kind, ObjectId, RawObject, short, verified
from zonegit.objects.model import Commit, Object
from zonegit.store.database import Database, Upgrades, open_database
from zonegit.store.protocols import Dated
from zonegit_objectstore import history

VERSION: Final = 2
SCHEMA: Final = (
    "CREATE TABLE object (id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, payload BLOB NOT NULL)"
    " STRICT",
    history.TABLE,
)
UPGRADES: Final[Upgrades] = {1: history.fill}
# An object that is held is left alone, unless its octets rotted: then this is its repair.
_PUT: Final = """
    INSERT INTO object (id, kind, payload) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, payload = excluded.payload
    WHERE kind IS NOT excluded.kind OR payload IS NOT excluded.payload
"""
AT_ONCE: Final = 500
"""Ids that one statement asks for."""

LIST_BATCH: Final = 1_024
"""Objects on a page of all there are."""

MOST_FOUND: Final = 16
MAX_KIND: Final = 16
"""Characters of a kind; no object has one as long, but a row that rotted may."""


class SqliteObjects:
    """Implements :class:`zonegit.store.protocols.ObjectStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        return {raw.id: raw for raw in await self.first(ids, None)}

    async def first(self, ids: Collection[ObjectId], octets: int | None) -> list[RawObject]:
        """As :meth:`get`, but only the first of ``ids``: as many as have ``octets`` of payload
        together, and one at least. None: all."""
        return await self._database.read(partial(_first, ids=list(dict.fromkeys(ids)), most=octets))

    async def put(self, objects: Sequence[RawObject]) -> None:
        await self._database.write(partial(_put, objects=objects))

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        return await self._database.read(partial(_missing, ids=frozenset(ids)))

    async def find(self, prefix: str) -> list[tuple[ObjectId, Kind]]:
        return await self._database.read(partial(_find, prefix=prefix))

    async def listed(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        return await self._database.read(partial(_listed, after=after))

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        return await self.latest(tips, limit, None)

    async def latest(
        self, tips: Collection[CommitId], limit: int, octets: int | None
    ) -> list[Dated]:
        """As :meth:`history`, but only the first: as many as have ``octets`` of payload together,
        and one at least. None: all."""
        wanted = list(dict.fromkeys(tips))
        return await self._database.read(partial(_latest, tips=wanted, limit=limit, most=octets))


@asynccontextmanager
async def open_objects(path: Path) -> AsyncIterator[SqliteObjects]:
    """Raises:
    Unavailable, Corrupt, Invalid: the file cannot be used.
    """
    async with open_database(path, SCHEMA, VERSION, UPGRADES) as database:
        yield SqliteObjects(database)


def _first(connection: Connection, ids: Sequence[ObjectId], most: int | None) -> list[RawObject]:
    wanted = ids if most is None else _that_fit(connection, ids, most)
    found = {
        object_id: verified(RawObject(ObjectId(object_id), kind, payload))
        for object_id, kind, payload in _select(connection, "id, kind, payload", wanted)
    }
    for object_id in wanted:
        if object_id not in found:
            raise _not_stored(object_id)
    return [found[object_id] for object_id in wanted]


def _that_fit(connection: Connection, ids: Sequence[ObjectId], most: int) -> list[ObjectId]:
    """The first of ``ids`` whose payloads fit; the length of a payload is known without reading
    it."""
    lengths = dict(_select(connection, "id, length(payload)", ids))
    fitting: list[ObjectId] = []
    total = 0
    for object_id in ids:
        if object_id not in lengths:
            raise _not_stored(object_id)
        total += lengths[object_id]
        if fitting and total > most:
            break
        fitting.append(object_id)
    return fitting


def _put(connection: Connection, objects: Sequence[RawObject]) -> None:
    values = [decode(verified(raw)) for raw in objects]
    _refuse_unfounded(connection, objects, values)
    connection.executemany(_PUT, objects)
    pairs = zip(objects, values, strict=True)
    history.add(connection, [(raw.id, value) for raw, value in pairs if isinstance(value, Commit)])


def _refuse_unfounded(
    connection: Connection, objects: Sequence[RawObject], values: Sequence[Object]
) -> None:
    """Raises:
    Invalid: an object names one that is neither held nor before it.
    """
    before: set[ObjectId] = set()
    named: dict[ObjectId, RawObject] = {}
    for raw, value in zip(objects, values, strict=True):
        for link in links(value):
            if link not in before:
                named.setdefault(link, raw)
        before.add(raw.id)
    missing = _missing(connection, named.keys())
    for link, raw in named.items():
        if link in missing:
            raise Invalid(
                f"{raw.kind} {short(raw.id)} names {short(link)}, which is not stored",
                hint="objects are stored children first",
            )


def _missing(connection: Connection, ids: Collection[ObjectId]) -> set[ObjectId]:
    return set(ids).difference(held for (held,) in _select(connection, "id", list(ids)))


def _find(connection: Connection, prefix: str) -> list[tuple[ObjectId, Kind]]:
    digits = 2 * ID_OCTETS
    return connection.execute(
        "SELECT id, kind FROM object WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (
            bytes.fromhex(prefix.ljust(digits, "0")),
            bytes.fromhex(prefix.ljust(digits, "f")),
            MOST_FOUND,
        ),
    ).fetchall()


def _listed(connection: Connection, after: ObjectId | None) -> list[tuple[ObjectId, str]]:
    # What rotted so far that it has no id or kind of an object's size is told of by nobody.
    return connection.execute(
        "SELECT id, substr(kind, 1, ?) FROM object WHERE id > ? AND length(id) = ?"
        " ORDER BY id LIMIT ?",
        (MAX_KIND, after or b"", ID_OCTETS, LIST_BATCH),
    ).fetchall()


def _latest(
    connection: Connection, tips: Sequence[CommitId], limit: int, most: int | None
) -> list[Dated]:
    moments = history.walk(connection, tips, limit)
    # A tip that is not in the graph is asked for all the same: to say what is wrong with it.
    raws = _first(connection, list(dict.fromkeys([*tips, *moments])), most)
    for raw in raws:
        if raw.id not in moments:
            raise NotFound(f"{raw.kind} {short(raw.id)} is not a commit", object=raw.id.hex())
    return [Dated(raw, moments[CommitId(raw.id)]) for raw in raws]


def _select(connection: Connection, columns: str, ids: Sequence[ObjectId]) -> list[Any]:
    found: list[Any] = []
    for at in range(0, len(ids), AT_ONCE):
        some = ids[at : at + AT_ONCE]
        marks = ",".join("?" * len(some))
        query = f"SELECT {columns} FROM object WHERE id IN ({marks})"  # noqa: S608  # ours alone
        found += connection.execute(query, some)
    return found


def _not_stored(object_id: ObjectId) -> NotFound:
    return NotFound(f"object {short(object_id)} is not stored", object=object_id.hex())
