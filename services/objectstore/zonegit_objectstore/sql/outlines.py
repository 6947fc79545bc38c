"""Read the outlines of stored objects.

An RRset is checked when it is stored, and refused if it is malformed. So for what this release
stored, the outline is the owner and the type, which are the first octets of the payload. Only
RRsets that an earlier release stored are checked when their outline is requested. Rows are never
deleted, so the number of a row distinguishes the two.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects.codec import decode
from zonegit.objects.ids import ID_OCTETS, ObjectId, RawObject, verify
from zonegit.objects.model import RRSET, Tree
from zonegit.store.outline import (
    MAX_RUN,
    MAX_TYPES,
    Outline,
    is_run,
    outline_object,
    outline_run,
)
from zonegit.store.stored_rows import DamagedFile, RowReader, StoredCount, StoredId, read_value
from zonegit.store.transaction import Transaction
from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_OCTETS
from zonegit_objectstore.sql import runs
from zonegit_objectstore.sql.rows import not_stored, select_objects

TABLE: Final = "CREATE TABLE judged (since INTEGER NOT NULL) STRICT"
"""Rows up to ``since`` were stored by earlier releases without a check."""
_ADD: Final = "INSERT INTO judged SELECT coalesce(max(rowid), 0) FROM object"
_KIND: Final = "CAST(kind AS BLOB)"
"""The kind as octets: text that is not valid UTF-8 would fail the whole statement."""
_RRSET: Final = bytes((RRSET,))
_LONG_COUNT: Final = b"\x80"
"""The first octet of a count (a varint) of several octets is not less than this."""
_UNKNOWN: Final = Outline("tree")
_NUMBERS: Final = {mnemonic.encode(): number for mnemonic, number in rrtypes.NUMBERS.items()}
_HEAD: Final = 1 + MAX_OCTETS + 4
"""Octets of the payload of a blob that hold its owner, class and type."""
_MAX_READ: Final = 128 << 10
"""The maximum octets of a tree that is read, more than a tree of ``MAX_RUN`` entries has. This
bounds the time and the memory of a request."""
_COLUMNS: Final = (
    f"id, {_KIND}, substr(payload, 1, CASE WHEN kind <> 'tree' THEN {_HEAD}"
    f" WHEN length(payload) <= {_MAX_READ} THEN {_MAX_READ} ELSE 0 END), rowid"
)


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
    lambda object_id, payload: verify(RawObject(ObjectId(object_id), "blob", payload)),
    keys=1,
)


def add_table() -> Transaction[None]:
    """Add the table to a file that had none; none of its rows was checked."""
    yield TABLE, ()
    yield _ADD, ()


def read_outlines(ids: Sequence[ObjectId]) -> Transaction[dict[ObjectId, Outline]]:
    """Return the outlines of objects.

    Raises:
        NotFound: An object is not stored.
        Corrupt: An object is malformed.
    """
    since = _SINCE.read_first((yield "SELECT since FROM judged", ()))
    if since is None:
        raise DamagedFile("table judged is empty")
    payloads: dict[ObjectId, bytes] = {}
    trees: dict[ObjectId, Tree] = {}
    found = dict((yield from runs.read_runs(ids)))
    room = MAX_RUN
    rest = [each for each in ids if each not in found]
    for object_id, kind, payload, row in (yield from _read_rows(rest)):
        if kind == b"blob":
            found[object_id] = yield from _outline_blob(object_id, payload, row > since)
        elif kind != b"tree":
            found[object_id] = Outline(kind.decode(errors="backslashreplace"))
        elif (
            payload[1:2] < _LONG_COUNT and payload[2:3] == _RRSET
        ):  # few entries, the first an RRset
            payloads[object_id] = payload
        else:
            found[object_id] = Outline("tree")
            tree = decode(RawObject(object_id, "tree", payload)) if payload and room > 0 else None
            if isinstance(tree, Tree):
                if is_run(tree) and len(tree.entries) <= room:
                    trees[object_id] = tree
                room -= len(tree.entries)
    if trees:
        below = list({each for tree in trees.values() for each in tree.entries.values()})
        rows = yield from _read_rows(below)
        inner = {each: payload for each, _, payload, _ in rows}
        outlines = yield from _outline_trees({**inner, **payloads}, since)
        found |= {each: outlines[each] for each in payloads}
        found |= {each: outline_run(tree, outlines.get) for each, tree in trees.items()}
    elif payloads:
        found |= yield from _outline_trees(payloads, since)
    for object_id in ids:
        if object_id not in found:
            raise not_stored(object_id)
    return found


def _read_rows(
    ids: Sequence[ObjectId],
) -> Transaction[list[tuple[ObjectId, bytes, bytes, int]]]:
    """Read the id, the kind, the payload and the row number of objects.

    The payload of a tree is empty if it is too large; that of another object is cut to its first
    octets.
    """
    return _OUTLINED.read_all((yield from select_objects(_COLUMNS, ids)))


def _outline_trees(
    payloads: Mapping[ObjectId, bytes], since: int
) -> Transaction[dict[ObjectId, Outline]]:
    """Return the outlines of trees from their payloads."""
    trees = {object_id: _read_terminal(payload) for object_id, payload in payloads.items()}
    wanted = [blob for tree in trees.values() if tree is not None for _, blob in tree]
    heads: dict[ObjectId, tuple[bytes, int] | None] = {}
    columns = f"id, kind = 'blob', substr(payload, 1, {_HEAD}), rowid"
    rows = yield from select_objects(columns, wanted)
    for object_id, is_blob, head, row in _HEADED.read_all(rows):
        if not is_blob:
            heads[object_id] = None
        elif row > since:
            heads[object_id] = _read_head(object_id, head)
        else:
            old = yield from _outline_blob(object_id, head, was_judged=False)
            heads[object_id] = (old.owner, old.types[0]) if not old.flaw else None
    return {object_id: _outline_tree(tree, heads) for object_id, tree in trees.items()}


def _read_terminal(payload: bytes) -> list[tuple[bytes, ObjectId]] | None:
    """Return the type names and ids of a tree of few RRsets; None for any other tree.

    The tree was decoded when it was stored, so only its form is checked.
    """
    count = payload[1] if payload[:1] == b"\1" else 0
    if not 0 < count <= MAX_TYPES:
        return None
    found, at = [], 2
    for _ in range(count):
        if payload[at : at + 1] != _RRSET or at + 2 > len(payload):
            return None
        end = at + 2 + payload[at + 1]
        found.append((payload[at + 2 : end], ObjectId(payload[end : end + ID_OCTETS])))
        at = end + ID_OCTETS
    return found


def _outline_tree(
    tree: list[tuple[bytes, ObjectId]] | None, heads: Mapping[ObjectId, tuple[bytes, int] | None]
) -> Outline:
    """Return the outline of a tree from the owners and types of its RRsets.

    In ``heads``, None means that an object is malformed or is not an RRset.
    """
    owner = b""
    types = []
    for name, object_id in tree or ():
        head = heads.get(object_id)
        if head is None or (_NUMBERS.get(name) != head[1] and name != _to_name(head[1])):
            return _UNKNOWN
        if owner not in (b"", head[0]):
            return _UNKNOWN
        owner = head[0]
        types.append(head[1])
    return Outline("tree", owner, types)


def _to_name(rdtype: int) -> bytes:
    return rrtypes.to_text(rdtype).encode()


def _outline_blob(object_id: ObjectId, payload: bytes, was_judged: bool) -> Transaction[Outline]:
    if was_judged:
        owner, rdtype = _read_head(object_id, payload)
        return Outline("blob", owner, [rdtype])
    blob = _BLOB.read_first((yield from select_objects("id, payload", [object_id])))
    if blob is None:
        raise not_stored(object_id)
    return outline_object(blob)


def _read_head(object_id: ObjectId, payload: bytes) -> tuple[bytes, int]:
    """Return the owner and the type at the start of the payload of a blob."""
    at = 1
    try:
        while length := payload[at]:
            at += length + 1
        return payload[1 : at + 1], payload[at + 3] << 8 | payload[at + 4]
    except IndexError as error:
        raise Corrupt(f"blob {object_id.hex()} is corrupt", object=object_id.hex()) from error
