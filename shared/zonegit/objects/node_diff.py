"""Compare two nodes of a tree, narrow or wide.

The theory of operation is in :mod:`zonegit.objects.tree_node`.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final

from zonegit.objects import node_place
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import EntryKey, Index, IndexRow, Tree
from zonegit.objects.node_place import NodePlace
from zonegit.objects.walk import Walk

Entries = Mapping[EntryKey, ObjectId]
Nodes = dict[ObjectId, Tree | Index]
Places = dict[ObjectId, NodePlace]
NODES_PER_PAUSE: Final = 64
"""Parts of a wide node that a diff processes between two pauses."""

MAX_KEPT_DIFFS: Final = 16
MAX_KEPT_DIFFERENCES: Final = 16
"""Results that :class:`NodeDiffs` keeps, and differences in each."""

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
                nodes[object_id] = node_place.check(answers[object_id], object_id, above)
                if number % NODES_PER_PAUSE == NODES_PER_PAUSE - 1:
                    yield ()
        for object_id in doubtful:
            node_place.check(nodes[object_id], object_id, above_right[object_id])
        height = max(
            (node_place.get_height(nodes[object_id]) for object_id in left | right), default=0
        )
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


class NodeDiffs:
    """Compares nodes, and keeps small results for other walks over the same trees."""

    def __init__(self) -> None:
        self._known: dict[tuple[ObjectId | None, ObjectId | None], list[NodeDifference]] = {}

    def diff(self, old: ObjectId | None, new: ObjectId | None) -> Walk[list[NodeDifference]]:
        """Return the differences between two nodes, as :func:`diff` does."""
        known = self._known.get((old, new))
        if known is not None:
            return known.copy()
        found = yield from diff(old, new)
        if len(found) <= MAX_KEPT_DIFFERENCES and len(self._known) < MAX_KEPT_DIFFS:
            self._known[old, new] = found.copy()
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
            raise node_place.mismatch_error(row.id)
    left = {each for each in left if node_place.get_height(nodes[each]) != height}
    after = list(_rows_below(right, nodes, height, above_right))
    right = {each for each in right if node_place.get_height(nodes[each]) != height}
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
        raise node_place.mismatch_error(row.id)
    if row.id in nodes:  # it was read for the other tree
        node_place.check(nodes[row.id], row.id, place)
    side.add(row.id)


def _sort_runs(ids: Iterable[ObjectId], nodes: Nodes) -> list[Entries]:
    """Return the entries of each run, sorted by key."""
    leaves = [nodes[object_id] for object_id in ids]
    runs = [leaf.entries for leaf in leaves if isinstance(leaf, Tree)]
    return sorted(runs, key=lambda entries: next(iter(entries)))
