"""Builds, reads and updates the nodes of a tree, narrow or wide."""

# Theory of operation
#
# A node maps keys (a label or a record type) to ids. With up to 2,048 entries it is narrow: one
# object. With more it is wide: a search tree of objects, so that a change to a zone with a million
# names does not write tens of megabytes (docs/object-model.md). Only this package knows which.
#
# The shape of a wide node depends on its keys only. Its sorted entries are cut into runs, after
# each key whose hash starts with enough zero bits, or after 1,024 entries. Each run is a leaf. The
# leaves' rows (last key, number of entries, id) form the next height, which is cut in the same way,
# until one index node remains. So equal content has one id, independent of the order of edits:
#
#     height 2                    [ c | m | z ]
#     height 1       [ a | b | c ]  [ f | m ]  [ t | z ]
#     height 0     .. runs of entries, each ends with the key of its row ..
#
# update() descends to the runs with the changed keys. A changed run is cut again. If it no
# longer ends where an old run ended (its last key was removed, or it had to be cut at 1,024 rows),
# the next run is read and joined, until a cut falls on an old one. The runs after it are unchanged,
# because a cut depends only on the run that it ends. The replaced rows are the edits of the
# height above. At the top the root is raised while several rows remain, or lowered while it has
# only one row, since a node built from scratch never has such a root. A node that shrinks to 2,048
# entries is built again as a narrow one.
#
# node_diff compares two nodes from the greatest height down. Nodes with equal ids on both sides are
# dropped without being read. At each height the rest is replaced by the nodes below; the runs that
# are left at height 0 are compared by key. It reads about as many objects as were written.
#
# The rows of a damaged or malicious index may not match the objects below it. So every object is
# checked against its place before it is used (node_place): its height, last key and number of
# entries must be those of its row, and its keys must follow the keys before it. A node that both
# sides of a diff have is read only if its place on the new side differs from that on the old side
# (node_diff).
#
# New objects are appended to a list, children before parents, because a store refuses an object
# that refers to a missing one. Objects below a changed key come directly before the run that has
# the key, so that a store that checks a batch in order finds related objects close together.

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from zonegit.objects import node_place, tree_codec
from zonegit.objects.ids import ObjectId, RawObject, create_object
from zonegit.objects.model import EntryKey, Index, IndexRow, Tree
from zonegit.objects.node_place import Above
from zonegit.objects.tree_codec import MAX_NARROW
from zonegit.objects.walk import Walk

Entries = Mapping[EntryKey, ObjectId]
NodeChanges = Mapping[EntryKey, ObjectId | None]
"""The new value of each key; None removes it."""


Below = Mapping[EntryKey, Sequence[RawObject]]
NO_OBJECTS_BELOW: Final[Below] = MappingProxyType({})

Nodes = dict[ObjectId, Tree | Index]
Rows = dict[EntryKey, IndexRow]


def build(entries: Entries, out: list[RawObject], below: Below = NO_OBJECTS_BELOW) -> ObjectId:
    """Build a node from its entries, and return its id.

    Args:
        entries: all entries of the node, at least one.
        out: the list to which new objects are appended, children before parents.
        below: new objects below some keys, which are appended before the run that has the key.
    """
    if len(entries) <= MAX_NARROW:
        _append_below(below, below, out)
        return _write(tree_codec.encode_leaf(entries), out)
    rows = []
    for run in tree_codec.cut_runs(sorted(entries), 0):
        _append_below(below, run, out)
        rows.append(_leaf_row({key: entries[key] for key in run}, out))
    return _raise_root(rows, 1, out)


def _append_below(below: Below, keys: Iterable[EntryKey], out: list[RawObject]) -> None:
    for key in keys:
        out.extend(below.get(key, ()))


def read(root: ObjectId, start: EntryKey = b"") -> Walk[dict[EntryKey, ObjectId]]:
    """Return the entries of a node from the key ``start`` on, in order, without reading runs before
    it."""
    found: dict[EntryKey, ObjectId] = {}
    pending: list[tuple[ObjectId, Above]] = [(root, None)]
    while pending:
        answers = yield [object_id for object_id, _ in pending]
        below: list[tuple[ObjectId, Above]] = []
        for object_id, above in pending:
            node = node_place.check(answers[object_id], object_id, above)
            if isinstance(node, Tree):
                found.update((key, at) for key, at in node.entries.items() if key >= start)
            else:
                places = node_place.places_below(node, above)
                below.extend((each.row.id, each) for each in places if each.row.key >= start)
        pending = below
    if found:
        tree_codec.check_types_once(found, max(found))
    return found


def read_last(root: ObjectId) -> Walk[tuple[EntryKey, ObjectId]]:
    """Return the last entry of a node: an RRset, if the node has any.

    Of a wide node, only one run is read.
    """
    object_id = root
    above: Above = None
    while True:
        answers = yield [object_id]
        node = node_place.check(answers[object_id], object_id, above)
        if isinstance(node, Tree):
            return max(node.entries.items())
        above = node_place.place_below(node, len(node.rows) - 1, above)
        object_id = above.row.id


def read_keys(root: ObjectId, keys: Collection[EntryKey]) -> Walk[dict[EntryKey, ObjectId]]:
    """Return the entries of a node with the given keys; missing keys are left out."""
    found, _ = yield from _descend(root, keys)
    return found


def update(
    root: ObjectId | None,
    changes: NodeChanges,
    out: list[RawObject],
    below: Below = NO_OBJECTS_BELOW,
) -> Walk[ObjectId | None]:
    """Apply changes to a node. Only the parts with changed keys are read and written.

    Args:
        root: the node, or None if there is none yet.
        changes: the new value of each key.
        out: the list to which new objects are appended, children before parents.
        below: new objects below some keys. Unless the node is built from all of its entries, they
            are appended before all of its parts.

    Returns:
        The id of the new node, or None if no entry is left.
    """
    if root is None:
        entries = {key: value for key, value in changes.items() if value is not None}
        return build(entries, out, below) if entries else None
    present, nodes = yield from _descend(root, changes)
    effective = {key: value for key, value in changes.items() if present.get(key) != value}
    if not effective:
        _append_below(below, below, out)
        return root
    top = nodes[root]
    if isinstance(top, Index):
        total = tree_codec.count_entries(top.rows)
        total += sum((value is not None) - (key in present) for key, value in effective.items())
        if total > MAX_NARROW:
            _append_below(below, below, out)
            return (yield from _recut(root, nodes, effective, out))
    entries = yield from read(root)
    for key, value in effective.items():
        if value is None:
            del entries[key]
        else:
            entries[key] = value
    return build(entries, out, below) if entries else None


def _descend(
    root: ObjectId, keys: Collection[EntryKey]
) -> Walk[tuple[dict[EntryKey, ObjectId], Nodes]]:
    """Return the entries of a node with the given keys, and the parts that were read."""
    found: dict[EntryKey, ObjectId] = {}
    nodes: Nodes = {}
    pending: dict[ObjectId, tuple[Above, list[EntryKey]]] = {root: (None, sorted(keys))}
    while pending:
        answers = yield list(pending)
        below: dict[ObjectId, tuple[Above, list[EntryKey]]] = {}
        for object_id, (above, wanted) in pending.items():
            node = nodes[object_id] = node_place.check(answers[object_id], object_id, above)
            if isinstance(node, Tree):
                found.update((key, node.entries[key]) for key in wanted if key in node.entries)
                continue
            for key in wanted:
                # A key after the last row belongs to the last run, to which it would be added.
                place = node_place.place_below(node, _find_row(node, key), above)
                below.setdefault(place.row.id, (place, []))[1].append(key)
        pending = below
    return found, nodes


def _find_row(index: Index, key: EntryKey) -> int:
    """Return the number of the row whose node has a key, or to which it would be added."""
    at = bisect_left(index.rows, key, key=lambda row: row.key)
    return min(at, len(index.rows) - 1)


def _recut(
    root: ObjectId, nodes: Nodes, changes: NodeChanges, out: list[RawObject]
) -> Walk[ObjectId]:
    """Apply changes to a wide node that stays wide, from height 0 to the top.

    A changed run is cut again. The next run is joined to it as long as it does not end where an old
    run ended. The replaced runs of each height are the changes of the height above.
    """
    top = nodes[root]
    assert isinstance(top, Index)
    edits: dict[EntryKey, IndexRow | None] = {
        key: None if value is None else IndexRow(key, 1, value) for key, value in changes.items()
    }
    for height in range(top.height + 1):
        edits = yield from _recut_height(root, nodes, height, edits, out)
    rows = [row for _, row in sorted(edits.items()) if row is not None]
    return (yield from _lower_root(_raise_root(rows, top.height + 1, out), out))


def _recut_height(
    root: ObjectId,
    nodes: Nodes,
    height: int,
    edits: Mapping[EntryKey, IndexRow | None],
    out: list[RawObject],
) -> Walk[dict[EntryKey, IndexRow | None]]:
    above: dict[EntryKey, IndexRow | None] = {}
    todo = sorted(edits, reverse=True)
    while todo:
        old = yield from _find_run(root, nodes, height, todo[-1])
        rows: Rows = {}
        while True:
            rows |= old.rows
            above.setdefault(old.last, None)
            while todo and (todo[-1] <= old.last or old.is_final):
                key = todo.pop()
                edit = edits[key]
                if edit is None:
                    rows.pop(key, None)
                else:
                    rows[key] = edit
            runs = tree_codec.cut_runs(sorted(rows), height)
            open_run = bool(runs) and not tree_codec.ends_run(runs[-1][-1], len(runs[-1]), height)
            if old.is_final or not open_run:
                break
            for run in runs[:-1]:
                _write_run(run, rows, height, above, out)
            rows = {key: rows[key] for key in runs[-1]}
            old = yield from _find_run(root, nodes, height, old.last + b"\0")
        for run in runs:
            _write_run(run, rows, height, above, out)
    return above


def _write_run(
    run: list[EntryKey],
    rows: Rows,
    height: int,
    above: dict[EntryKey, IndexRow | None],
    out: list[RawObject],
) -> None:
    if height == 0:
        row = _leaf_row({key: rows[key].id for key in run}, out)
    else:
        row = _index_row([rows[key] for key in run], height, out)
    above[row.key] = row


class _Run:
    """An old run of one height: its rows, its last key, and whether it is the last run of the
    height."""

    __slots__ = ("is_final", "last", "rows")

    def __init__(self, node: Tree | Index, is_final: bool) -> None:
        if isinstance(node, Tree):
            self.rows = {key: IndexRow(key, 1, value) for key, value in node.entries.items()}
        else:
            self.rows = {row.key: row for row in node.rows}
        self.last = next(reversed(self.rows))
        self.is_final = is_final


def _find_run(root: ObjectId, nodes: Nodes, height: int, key: EntryKey) -> Walk[_Run]:
    """Return the old run of a height that has ``key`` or the next greater key, or the last run."""
    object_id = root
    above: Above = None
    is_final = True
    while True:
        if object_id not in nodes:
            answers = yield [object_id]
            nodes[object_id] = node_place.check(answers[object_id], object_id, above)
        node = nodes[object_id]
        if node_place.get_height(node) == height:
            return _Run(node, is_final)
        assert isinstance(node, Index)
        above = node_place.place_below(node, _find_row(node, key), above)
        is_final = is_final and above.row is node.rows[-1]
        object_id = above.row.id


def _raise_root(rows: list[IndexRow], height: int, out: list[RawObject]) -> ObjectId:
    """Add index nodes until one node remains."""
    while len(rows) > 1:
        by_key = {row.key: row for row in rows}
        runs = tree_codec.cut_runs(by_key, height)
        rows = [_index_row([by_key[key] for key in run], height, out) for run in runs]
        height += 1
    return rows[0].id


def _lower_root(root: ObjectId, out: list[RawObject]) -> Walk[ObjectId]:
    """Remove index nodes with a single row from the top; a tree built from its entries has none."""
    while True:
        # A new node is near the end of ``out``; an old node is read.
        payload = next((raw.payload for raw in reversed(out) if raw.id == root), None)
        node = tree_codec.decode_node(payload) if payload else (yield [root])[root]
        if not isinstance(node, Index) or len(node.rows) > 1:
            return root
        root = node.rows[0].id


def _leaf_row(entries: dict[EntryKey, ObjectId], out: list[RawObject]) -> IndexRow:
    last = max(entries)
    return IndexRow(last, len(entries), _write(tree_codec.encode_leaf(entries), out))


def _index_row(rows: list[IndexRow], height: int, out: list[RawObject]) -> IndexRow:
    node = _write(tree_codec.encode_index(Index(height, tuple(rows))), out)
    return IndexRow(rows[-1].key, tree_codec.count_entries(rows), node)


def _write(payload: bytes, out: list[RawObject]) -> ObjectId:
    raw = create_object("tree", payload)
    out.append(raw)
    return raw.id
