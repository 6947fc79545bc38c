"""Builds, reads, updates and compares the nodes of a tree, narrow or wide."""

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
# diff() compares two nodes from the greatest height down. Nodes with equal ids on both sides are
# dropped without being read. At each height the rest is replaced by the nodes below; the runs that
# are left at height 0 are compared by key. It reads about as many objects as were written.
#
# The rows of a damaged or malicious index may not match the objects below it. So every object is
# checked against its place before it is used: its height, last key and number of entries must be
# those of its row, and its keys must follow the keys before it. A node that both sides of a diff
# have is read only if its place on the new side differs from that on the old side (_needs_check).
#
# New objects are appended to a list, children before parents, because a store refuses an object
# that refers to a missing one. Objects below a changed key come directly before the run that has
# the key, so that a store that checks a batch in order finds related objects close together.

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from zonegit.errors import Corrupt
from zonegit.objects import tree_codec
from zonegit.objects.ids import ObjectId, RawObject, create_object, short
from zonegit.objects.model import EntryKey, Index, IndexRow, Object, Tree
from zonegit.objects.tree_codec import MAX_NARROW
from zonegit.objects.walk import Walk

Entries = Mapping[EntryKey, ObjectId]
NodeChanges = Mapping[EntryKey, ObjectId | None]
"""The new value of each key; None removes it."""

NODES_PER_PAUSE: Final = 64
"""Parts of a wide node that a diff processes between two pauses."""

Below = Mapping[EntryKey, Sequence[RawObject]]
NO_OBJECTS_BELOW: Final[Below] = MappingProxyType({})

Nodes = dict[ObjectId, Tree | Index]
Rows = dict[EntryKey, IndexRow]


class NodePlace(NamedTuple):
    """The place of a node in a wide tree.

    Args:
        height: its height.
        row: its row in the index above it.
        floor: a key that precedes all keys of the node.
    """

    height: int
    row: IndexRow
    floor: EntryKey


Above = NodePlace | None
"""The place of a node, or None for the root, which may have any height and any keys."""
Places = dict[ObjectId, NodePlace]


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
            node = check(answers[object_id], object_id, above)
            if isinstance(node, Tree):
                found.update((key, at) for key, at in node.entries.items() if key >= start)
            else:
                places = places_below(node, above)
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
        node = check(answers[object_id], object_id, above)
        if isinstance(node, Tree):
            return max(node.entries.items())
        above = _place_below(node, len(node.rows) - 1, above)
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


NodeDifference = tuple[EntryKey, ObjectId | None, ObjectId | None]
"""A key, its old value and its new value; None for a missing key."""


def diff(old: ObjectId | None, new: ObjectId | None) -> Walk[list[NodeDifference]]:
    """Return the differences between two nodes, sorted by key, without reading parts with equal
    ids."""
    left = {old} if old is not None else set()
    right = {new} if new is not None else set()
    nodes: Nodes = {}
    above_left: Places = {}
    above_right: Places = {}
    while True:
        shared = left & right
        left -= shared
        right -= shared
        doubtful = {each for each in shared if _needs_check(each, above_left, above_right)}
        unseen = [each for each in left | right | doubtful if each not in nodes]
        if unseen:
            answers = yield unseen
            for number, object_id in enumerate(unseen):
                above = above_right.get(object_id) or above_left.get(object_id)
                nodes[object_id] = check(answers[object_id], object_id, above)
                if number % NODES_PER_PAUSE == NODES_PER_PAUSE - 1:
                    yield ()
        for object_id in doubtful:
            check(nodes[object_id], object_id, above_right[object_id])
        height = max((_height(nodes[object_id]) for object_id in left | right), default=0)
        if height == 0:
            break
        left, right = _expand(left, right, nodes, height, above_left, above_right)
    before: dict[EntryKey, ObjectId] = {}
    for entries in _sort_runs(left, nodes):
        before.update(entries)
        yield ()
    found: list[NodeDifference] = []
    for entries in _sort_runs(right, nodes):
        for key, value in entries.items():
            if (was := before.pop(key, None)) != value:
                found.append((key, was, value))
        yield ()
    if before:
        found.extend((key, was, None) for key, was in before.items())
        found.sort(key=itemgetter(0))
    while nodes:  # freeing all nodes at once would take too long
        nodes.popitem()
        yield ()
    return found


def _needs_check(object_id: ObjectId, before: Places, after: Places) -> bool:
    """Return whether a node that both sides have must be read to check its place on the new
    side."""
    place, known = after.get(object_id), before.get(object_id)
    if place is None:
        return False
    return known is None or known[:2] != place[:2] or place.floor > known.floor


def _expand(
    left: set[ObjectId],
    right: set[ObjectId],
    nodes: Nodes,
    height: int,
    above_left: Places,
    above_right: Places,
) -> tuple[set[ObjectId], set[ObjectId]]:
    """Replace the nodes of one height by the nodes below them, and record the places of these.

    Nodes that both sides have are left out.
    """
    before: dict[ObjectId, tuple[IndexRow, EntryKey]] = {}
    for row, floor in _rows_below(left, nodes, height, above_left):
        if before.setdefault(row.id, (row, floor))[0] is not row:
            raise _index_mismatch(row.id)
    left = {each for each in left if _height(nodes[each]) != height}
    after = list(_rows_below(right, nodes, height, above_right))
    right = {each for each in right if _height(nodes[each]) != height}
    for row, floor in after:
        known = before.get(row.id)
        if known is not None and known[0] == row and floor <= known[1]:
            del before[row.id]
        else:
            _add_place(row, floor, height, right, nodes, above_right)
    for row, floor in before.values():
        _add_place(row, floor, height, left, nodes, above_left)
    return left, right


def _rows_below(
    ids: Iterable[ObjectId], nodes: Nodes, height: int, above: Places
) -> Iterator[tuple[IndexRow, EntryKey]]:
    """Yield the rows of index nodes of one height, each with the floor of its node."""
    for object_id in ids:
        node = nodes[object_id]
        if isinstance(node, Index) and node.height == height:
            place = above.get(object_id)
            floor = place.floor if place is not None else b""
            for row in node.rows:
                yield row, floor
                floor = row.key


def _add_place(
    row: IndexRow, floor: EntryKey, height: int, side: set[ObjectId], nodes: Nodes, above: Places
) -> None:
    """Add a node to one side of a diff."""
    place = NodePlace(height - 1, row, floor)
    if above.setdefault(row.id, place) != place:
        raise _index_mismatch(row.id)
    if row.id in nodes:  # it was read for the other tree
        check(nodes[row.id], row.id, place)
    side.add(row.id)


def _sort_runs(ids: Iterable[ObjectId], nodes: Nodes) -> list[Entries]:
    """Return the entries of each run, sorted by key."""
    leaves = [nodes[object_id] for object_id in ids]
    runs = [leaf.entries for leaf in leaves if isinstance(leaf, Tree)]
    return sorted(runs, key=lambda entries: next(iter(entries)))


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
            node = nodes[object_id] = check(answers[object_id], object_id, above)
            if isinstance(node, Tree):
                found.update((key, node.entries[key]) for key in wanted if key in node.entries)
                continue
            for key in wanted:
                # A key after the last row belongs to the last run, to which it would be added.
                place = _place_below(node, _find_row(node, key), above)
                below.setdefault(place.row.id, (place, []))[1].append(key)
        pending = below
    return found, nodes


def _find_row(index: Index, key: EntryKey) -> int:
    """Return the number of the row whose node has a key, or to which it would be added."""
    at = bisect_left(index.rows, key, key=lambda row: row.key)
    return min(at, len(index.rows) - 1)


def _place_below(index: Index, at: int, above: Above) -> NodePlace:
    """Return the place of the node of one row of an index; ``above`` is the place of the index."""
    floor = index.rows[at - 1].key if at else above.floor if above is not None else b""
    return NodePlace(index.height - 1, index.rows[at], floor)


def places_below(index: Index, above: Above) -> Iterator[NodePlace]:
    """Yield the places of the nodes of all rows of an index."""
    floor = above.floor if above is not None else b""
    for row in index.rows:
        yield NodePlace(index.height - 1, row, floor)
        floor = row.key


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
            nodes[object_id] = check(answers[object_id], object_id, above)
        node = nodes[object_id]
        if _height(node) == height:
            return _Run(node, is_final)
        assert isinstance(node, Index)
        above = _place_below(node, _find_row(node, key), above)
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


def _height(node: Object) -> int:
    return node.height if isinstance(node, Index) else 0


def check(value: Object, object_id: ObjectId, above: Above) -> Tree | Index:
    """Return a node, or a part of one, after checking it against its place.

    Raises:
        Corrupt: the object is not a tree node, or its height, last key, number of entries or first
            key do not match its place.
    """
    if not isinstance(value, Tree | Index):
        raise Corrupt(f"object {short(object_id)} is used as a tree but is not one")
    if above is not None:
        described = above.height, above.row.key, above.row.below
        if (_height(value), *_summary(value)) != described or _first_key(value) <= above.floor:
            raise _index_mismatch(object_id)
    return value


def _index_mismatch(object_id: ObjectId) -> Corrupt:
    return Corrupt(
        f"tree {short(object_id)} does not match the index above it", object=object_id.hex()
    )


def _first_key(node: Tree | Index) -> EntryKey:
    """Return the first key of a node; for an index, that of its first row."""
    return next(iter(node.entries)) if isinstance(node, Tree) else node.rows[0].key


def _summary(node: Tree | Index) -> tuple[EntryKey, int]:
    if isinstance(node, Tree):
        return max(node.entries), len(node.entries)
    return node.rows[-1].key, tree_codec.count_entries(node.rows)
