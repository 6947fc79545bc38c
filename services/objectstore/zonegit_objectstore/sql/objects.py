"""Store objects in one SQLite file."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from zonegit.errors import Invalid, NotFound
from zonegit.objects.codec import decode, list_links
from zonegit.objects.ids import (
    ID_OCTETS,
    CommitId,
    ObjectId,
    ObjectKind,
    RawObject,
    short,
    verify,
)
from zonegit.objects.model import Blob, Commit, Object
from zonegit.store import digests, outline
from zonegit.store.backends import ObjectBackend
from zonegit.store.digests import Watched
from zonegit.store.objects import Dated
from zonegit.store.outline import Outline
from zonegit.store.sqlite_driver import Upgrade, open_driver
from zonegit.store.stored_rows import DamagedFile, RowReader, StoredCount, StoredId, read_value
from zonegit.store.transaction import Batch, Driver, Row, StatementFailed, Transaction, execute
from zonegit_objectstore.sql import commit_graph, outlines, runs
from zonegit_objectstore.sql.rows import not_stored, select_objects
from zonegit_objectstore.sql.runs import RecentOutlines

VERSION: Final = 6
WATCHED: Final = Watched(("installation", "judged"))
"""Tables with digests. Objects need none: each is verified by its id."""
_INSTALLATION: Final = (
    "CREATE TABLE installation (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT"
)
SCHEMA: Final = (
    "CREATE TABLE object (id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, payload BLOB NOT NULL)"
    " STRICT",
    commit_graph.TABLE,
    outlines.TABLE,
    "INSERT INTO judged VALUES (0)",
    runs.TABLE,
    _INSTALLATION,
    digests.TABLE,
)
UPGRADES: Final[Mapping[int, Upgrade]] = {
    1: commit_graph.build_graph,
    2: outlines.add_table,
    3: partial(execute, _INSTALLATION),
    4: partial(execute, digests.TABLE),
    5: partial(execute, runs.TABLE),
}
# Leaves a stored object unchanged, unless it is damaged: then this repairs it.
_PUT: Final = """
    INSERT INTO object (id, kind, payload) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, payload = excluded.payload
    WHERE kind IS NOT excluded.kind OR payload IS NOT excluded.payload
"""
LIST_BATCH: Final = 1_024
"""Objects on a page of the list of all objects."""

MAX_FOUND: Final = 16
MAX_KIND: Final = 16
"""The maximum characters of a kind; every kind is shorter, but a damaged row may have more."""


# A kind is read as octets: invalid UTF-8 would fail the whole statement without naming the row.
_OBJECT_COLUMNS: Final = "id, CAST(kind AS BLOB), payload"


def _decode_object(object_id: bytes, kind: bytes, payload: bytes) -> RawObject:
    return verify(RawObject(ObjectId(object_id), _decode_kind(kind), payload))


def _decode_kind(octets: bytes) -> ObjectKind:
    """Decode a stored kind, which may be damaged; the id verifies it."""
    return cast(ObjectKind, octets.decode(errors="backslashreplace"))


_OBJECT: Final = RowReader("object", tuple[StoredId, bytes, bytes], _decode_object, keys=1)
_LENGTH: Final[RowReader[tuple[ObjectId, int]]] = RowReader(
    "object", tuple[StoredId, StoredCount], lambda *columns: columns, keys=1
)
_KIND: Final[RowReader[tuple[ObjectId, ObjectKind]]] = RowReader(
    "object",
    tuple[StoredId, bytes],
    lambda each, kind: (ObjectId(each), _decode_kind(kind)),
    keys=1,
)
_LISTED: Final[RowReader[tuple[ObjectId, str]]] = RowReader(
    "object",
    tuple[StoredId, bytes],
    lambda each, kind: (ObjectId(each), _decode_kind(kind)),
    keys=1,
)


_INSTALLED: Final[RowReader[str]] = RowReader("installation", tuple[str], read_value)


class SqlObjects(ObjectBackend):
    """Implements :class:`zonegit.store.backends.ObjectBackend`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._recent = RecentOutlines()  # used by one transaction at a time

    async def get_page(self, ids: Collection[ObjectId], max_octets: int | None) -> list[RawObject]:
        return await self._driver.query(_read_first(list(dict.fromkeys(ids)), max_octets))

    async def outlines(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, Outline]:
        return await self._driver.query(outlines.read_outlines(list(dict.fromkeys(ids))))

    async def put(self, objects: Sequence[RawObject]) -> None:
        await self._driver.change(_put_objects(objects, self._recent))

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        return await self._driver.query(_find_missing(frozenset(ids)))

    async def find(self, prefix: str) -> list[tuple[ObjectId, ObjectKind]]:
        return await self._driver.query(_find_prefix(prefix))

    async def list_page(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        return await self._driver.query(_list_page(after))

    async def history_page(
        self, tips: Collection[CommitId], limit: int, max_octets: int | None
    ) -> list[Dated]:
        wanted = list(dict.fromkeys(tips))
        return await self._driver.query(_read_history(wanted, limit, max_octets))

    async def installation(self) -> str:
        """Return the installation that this store belongs to; empty if there is none yet."""
        return await self._driver.query(_read_installation())

    async def join(self, installation: str) -> None:
        """Record the installation that this store belongs to."""
        await self._driver.change(_write_installation(installation))


@asynccontextmanager
async def open_objects(path: Path) -> AsyncIterator[SqlObjects]:
    """Open the store in a file, which is created if it does not exist.

    Raises:
        Unavailable, Corrupt, Invalid: The file cannot be used.
    """
    async with open_driver(path, SCHEMA, VERSION, UPGRADES, WATCHED) as driver:
        yield SqlObjects(driver)


def _read_first(ids: Sequence[ObjectId], most: int | None) -> Transaction[list[RawObject]]:
    wanted = ids if most is None else (yield from _select_fitting(ids, most))
    rows = yield from _select_readable(wanted)
    found = {raw.id: raw for raw in map(_read_object, rows)}
    for object_id in wanted:
        if object_id not in found:
            raise not_stored(object_id)
    return [found[object_id] for object_id in wanted]


def _select_fitting(ids: Sequence[ObjectId], most: int) -> Transaction[list[ObjectId]]:
    """Return the first of ``ids`` whose payloads fit; the length of a payload is known without
    reading it."""
    lengths = dict(_LENGTH.read_all((yield from select_objects("id, length(payload)", ids))))
    fitting: list[ObjectId] = []
    total = 0
    for object_id in ids:
        if object_id not in lengths:
            raise not_stored(object_id)
        total += lengths[object_id]
        if fitting and total > most:
            break
        fitting.append(object_id)
    return fitting


def _put_objects(objects: Sequence[RawObject], recent: RecentOutlines) -> Transaction[None]:
    values = [decode(verify(raw)) for raw in objects]
    yield from _check_links(objects, values)
    malformed = yield from _refuse_malformed(objects, values)
    yield Batch(_PUT, objects)
    yield from recent.add_runs(objects, values, malformed)
    pairs = zip(objects, values, strict=True)
    yield from commit_graph.add_commits(
        [(raw.id, value) for raw, value in pairs if isinstance(value, Commit)]
    )


def _check_links(objects: Sequence[RawObject], values: Sequence[Object]) -> Transaction[None]:
    """Check that each object refers only to objects that are stored or earlier in ``objects``.

    Raises:
        Invalid: An object refers to another one.
    """
    before: set[ObjectId] = set()
    named: dict[ObjectId, RawObject] = {}
    for raw, value in zip(objects, values, strict=True):
        for link in list_links(value):
            if link not in before:
                named.setdefault(link, raw)
        before.add(raw.id)
    missing = yield from _find_missing(named.keys())
    for link, raw in named.items():
        if link in missing:
            raise Invalid(
                f"{raw.kind} {short(raw.id)} refers to {short(link)}, which is not stored",
                hint="store children before parents",
            )


def _refuse_malformed(
    objects: Sequence[RawObject], values: Sequence[Object]
) -> Transaction[set[ObjectId]]:
    """Check the RRsets among objects that are being stored.

    Returns:
        The malformed RRsets, which an earlier release stored.

    Raises:
        Invalid: An RRset is malformed and not stored yet.
    """
    malformed = set()
    for raw, value in zip(objects, values, strict=True):
        if isinstance(value, Blob):
            try:
                outline.refuse_malformed(raw, value)
            except Invalid:
                if (yield from _find_missing([raw.id])):
                    raise
                malformed.add(raw.id)
    return malformed


def _find_missing(ids: Collection[ObjectId]) -> Transaction[set[ObjectId]]:
    rows = yield from select_objects("id", list(ids))
    return set(ids).difference(held for (held,) in rows)


def _find_prefix(prefix: str) -> Transaction[list[tuple[ObjectId, ObjectKind]]]:
    digits = 2 * ID_OCTETS
    found = yield (
        "SELECT id, CAST(kind AS BLOB) FROM object WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (
            bytes.fromhex(prefix.ljust(digits, "0")),
            bytes.fromhex(prefix.ljust(digits, "f")),
            MAX_FOUND,
        ),
    )
    return _KIND.read_all(found)


def _list_page(after: ObjectId | None) -> Transaction[list[tuple[ObjectId, str]]]:
    # Skips rows that are too corrupt to have a valid id.
    found = yield (
        "SELECT id, substr(CAST(kind AS BLOB), 1, ?) FROM object"
        " WHERE id > ? AND length(id) = ? AND typeof(id) = 'blob' ORDER BY id LIMIT ?",
        (MAX_KIND, after or b"", ID_OCTETS, LIST_BATCH),
    )
    return _LISTED.read_all(found)


def _read_history(
    tips: Sequence[CommitId], limit: int, most: int | None
) -> Transaction[list[Dated]]:
    moments = yield from commit_graph.walk_ancestors(tips, limit)
    # A tip that is not in the graph is read, too, so that the error has the reason.
    raws = yield from _read_first(list(dict.fromkeys([*tips, *moments])), most)
    for raw in raws:
        if raw.id not in moments:
            if raw.kind == "commit":
                raise DamagedFile(f"table history has no row for commit {short(raw.id)}")
            raise NotFound(f"{raw.kind} {short(raw.id)} is not a commit", object=raw.id.hex())
    return [Dated(raw, moments[CommitId(raw.id)]) for raw in raws]


def _select_readable(ids: Sequence[ObjectId]) -> Transaction[list[Row]]:
    """Select objects by their ids; if one cannot be read, the error names it."""
    try:
        return (yield from select_objects(_OBJECT_COLUMNS, ids))
    except StatementFailed:
        for each in ids:
            try:
                yield from select_objects(_OBJECT_COLUMNS, [each])
            except StatementFailed as error:
                message = f"object {each.hex()} cannot be read: {error}"
                raise DamagedFile(message, object=each.hex()) from error
        raise


def _read_object(row: tuple[Any, ...]) -> RawObject:
    try:
        return _OBJECT.read(row)
    except DamagedFile as error:
        error.details.setdefault("object", bytes(row[0]).hex())
        raise


def _read_installation() -> Transaction[str]:
    return _INSTALLED.read_first((yield "SELECT id FROM installation", ())) or ""


def _write_installation(installation: str) -> Transaction[None]:
    yield (
        "INSERT INTO installation (one, id) VALUES (1, ?)"
        " ON CONFLICT (one) DO UPDATE SET id = excluded.id",
        (installation,),
    )
