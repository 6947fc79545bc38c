"""Outlines of stored objects, in SQL.

An RRset is judged when it is stored, and refused if it is malformed. So of what this release stored
the owner and the type are all there is to say, and they are the first octets of the payload; only
RRsets that an earlier release stored are judged when they are asked about. Rows are never deleted,
so a row's number tells these apart.
"""

from collections.abc import Iterable, Sequence
from sqlite3 import Connection
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects.canonical import decode
from zonegit.objects.ids import ObjectId, RawObject, verified
from zonegit.objects.model import Tree
from zonegit.store.outline import Outline, is_terminal, outline_object, outline_tree
from zonegit.zone.names import MAX_OCTETS
from zonegit_objectstore.rows import not_stored, select

TABLE: Final = "CREATE TABLE judged (since INTEGER NOT NULL) STRICT"
"""Rows up to ``since`` were stored by earlier releases, and not judged."""
_ADD: Final = "INSERT INTO judged SELECT coalesce(max(rowid), 0) FROM object"
_KIND: Final = "CAST(kind AS BLOB)"
"""Text that is no UTF-8 would fail the whole statement."""
_HEAD: Final = 1 + MAX_OCTETS + 4
"""Octets of a blob's payload that hold its owner, class and type."""


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
    (since,) = connection.execute("SELECT since FROM judged").fetchone()
    rows = {row[0]: row for row in select(connection, f"id, {_KIND}, payload, rowid", ids)}
    trees: dict[ObjectId, Tree] = {}
    found: dict[ObjectId, Outline] = {}
    for object_id in ids:
        if object_id not in rows:
            raise not_stored(object_id)
        _, kind, payload, row = rows[object_id]
        if kind == b"tree":
            tree = decode(verified(RawObject(object_id, "tree", payload)))
            found[object_id] = Outline("tree")
            if isinstance(tree, Tree) and is_terminal(tree):
                trees[object_id] = tree
        else:
            found[object_id] = _outline(connection, object_id, kind, payload, row > since)
    blobs = _read_blobs(connection, trees.values(), since)
    for object_id, tree in trees.items():
        found[object_id] = outline_tree(tree, blobs.get)
    return found


def _read_blobs(
    connection: Connection, trees: Iterable[Tree], since: int
) -> dict[ObjectId, Outline]:
    """Return the outlines of the RRsets of trees that have no subtrees."""
    wanted = list(dict.fromkeys(blob for tree in trees for blob in tree.entries.values()))
    columns = f"id, {_KIND}, substr(payload, 1, {_HEAD}), rowid"
    return {
        object_id: _outline(connection, object_id, kind, head, row > since)
        for object_id, kind, head, row in select(connection, columns, wanted)
    }


def _outline(
    connection: Connection, object_id: ObjectId, kind: bytes, head: bytes, was_judged: bool
) -> Outline:
    if kind != b"blob":
        return Outline(kind.decode(errors="backslashreplace"))
    if was_judged:
        return _outline_head(object_id, head)
    (payload,) = select(connection, "payload", [object_id])[0]
    return outline_object(verified(RawObject(object_id, "blob", payload)))


def _outline_head(object_id: ObjectId, payload: bytes) -> Outline:
    at = 1
    try:
        while length := payload[at]:
            at += length + 1
        return Outline("blob", payload[1 : at + 1], [payload[at + 3] << 8 | payload[at + 4]])
    except IndexError as error:
        raise Corrupt(f"blob {object_id.hex()} is corrupt", object=object_id.hex()) from error
