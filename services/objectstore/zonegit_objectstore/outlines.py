"""Outlines of stored objects, in SQL.

An RRset is judged when it is stored, and refused if it is malformed. So of what this release stored
the owner and the type are all there is to say, and they are the first octets of the payload; only
RRsets that an earlier release stored are judged when they are asked about. Rows are never deleted,
so a row's number tells these apart.
"""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects.canonical import decode
from zonegit.objects.ids import ObjectId, RawObject, verified
from zonegit.objects.model import Tree, rrset_key
from zonegit.store.outline import MAX_TYPES, Outline, is_terminal, outline_object
from zonegit.store.storedrows import Damaged, RowReader, StoredCount, StoredId, read_value
from zonegit.zone.names import MAX_OCTETS
from zonegit_objectstore.rows import not_stored, select

TABLE: Final = "CREATE TABLE judged (since INTEGER NOT NULL) STRICT"
"""Rows up to ``since`` were stored by earlier releases, and not judged."""
_ADD: Final = "INSERT INTO judged SELECT coalesce(max(rowid), 0) FROM object"
_KIND: Final = "CAST(kind AS BLOB)"
"""Text that is no UTF-8 would fail the whole statement."""
_HEAD: Final = 1 + MAX_OCTETS + 4
"""Octets of a blob's payload that hold its owner, class and type."""


_SINCE: Final[RowReader[int]] = RowReader("judged", tuple[StoredCount], read_value)
_OUTLINED: Final[RowReader[tuple[ObjectId, bytes, bytes, int]]] = RowReader(
    "object", tuple[StoredId, bytes, bytes, int], lambda *columns: columns, keys=1
)
_HEADED: Final[RowReader[tuple[ObjectId, int, bytes, int]]] = RowReader(
    "object", tuple[StoredId, int, bytes, int], lambda *columns: columns, keys=1
)
_BLOB: Final = RowReader(
    "object",
    tuple[StoredId, bytes],
    lambda object_id, payload: verified(RawObject(ObjectId(object_id), "blob", payload)),
    keys=1,
)


def add(connection: Connection) -> None:
    """Add the table to a file that had none: none of its rows was judged."""
    connection.execute(TABLE)
    connection.execute(_ADD)


def read(connection: Connection, ids: Sequence[ObjectId]) -> dict[ObjectId, Outline]:
    """Return the outlines of objects.

    Raises:
        NotFound: one is not stored.
        Corrupt: one does not decode.
    """
    since = _SINCE.read_first(connection.execute("SELECT since FROM judged"))
    if since is None:
        raise Damaged("table judged is empty")
    trees: dict[ObjectId, Tree] = {}
    found: dict[ObjectId, Outline] = {}
    rows = select(connection, f"id, {_KIND}, payload, rowid", ids)
    for object_id, kind, payload, row in _OUTLINED.read_all(rows):
        if kind == b"tree":
            tree = decode(RawObject(object_id, "tree", payload))
            if isinstance(tree, Tree) and is_terminal(tree):
                trees[object_id] = tree
            else:
                found[object_id] = Outline("tree")
        elif kind == b"blob":
            found[object_id] = _outline_blob(connection, object_id, payload, row > since)
        else:
            found[object_id] = Outline(kind.decode(errors="backslashreplace"))
    if trees:
        found |= _outline_trees(connection, trees, since)
    for object_id in ids:
        if object_id not in found:
            raise not_stored(object_id)
    return found


def _outline_trees(
    connection: Connection, trees: Mapping[ObjectId, Tree], since: int
) -> dict[ObjectId, Outline]:
    """Return the outlines of trees that have no subtrees."""
    wanted = [blob for tree in trees.values() for blob in tree.entries.values()]
    heads: dict[ObjectId, tuple[bytes, int] | None] = {}
    columns = f"id, kind = 'blob', substr(payload, 1, {_HEAD}), rowid"
    for object_id, is_blob, head, row in _HEADED.read_all(select(connection, columns, wanted)):
        if not is_blob:
            heads[object_id] = None
        elif row > since:
            heads[object_id] = _read_head(object_id, head)
        else:
            old = _outline_blob(connection, object_id, head, was_judged=False)
            heads[object_id] = (old.owner, old.types[0]) if not old.flaw else None
    return {object_id: _outline_tree(tree, heads) for object_id, tree in trees.items()}


def _outline_tree(tree: Tree, heads: Mapping[ObjectId, tuple[bytes, int] | None]) -> Outline:
    """Return the outline of a tree that has no subtrees, from the owners and types of its RRsets;
    None: one that is malformed, or none."""
    owner = b""
    types = []
    for key, object_id in tree.entries.items():
        head = heads.get(object_id)
        if head is None or rrset_key(head[1]) != key or owner not in (b"", head[0]):
            return Outline("tree")
        owner = head[0]
        types.append(head[1])
    return Outline("tree", owner, types) if len(types) <= MAX_TYPES else Outline("tree")


def _outline_blob(
    connection: Connection, object_id: ObjectId, payload: bytes, was_judged: bool
) -> Outline:
    if was_judged:
        owner, rdtype = _read_head(object_id, payload)
        return Outline("blob", owner, [rdtype])
    blob = _BLOB.read_first(select(connection, "id, payload", [object_id]))
    if blob is None:
        raise not_stored(object_id)
    return outline_object(blob)


def _read_head(object_id: ObjectId, payload: bytes) -> tuple[bytes, int]:
    """Return the owner and the type that a blob's payload begins with."""
    at = 1
    try:
        while length := payload[at]:
            at += length + 1
        return payload[1 : at + 1], payload[at + 3] << 8 | payload[at + 4]
    except IndexError as error:
        raise Corrupt(f"blob {object_id.hex()} is corrupt", object=object_id.hex()) from error
