"""Check the parts of a wide node against their places in its index."""

from collections.abc import Iterator
from typing import NamedTuple

from zonegit.errors import Corrupt
from zonegit.objects import tree_codec
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import EntryKey, Index, IndexRow, Object, Tree


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
        if (get_height(value), *_summary(value)) != described or _first_key(value) <= above.floor:
            raise mismatch_error(object_id)
    return value


def mismatch_error(object_id: ObjectId) -> Corrupt:
    """Return the error for a node that does not match its place."""
    return Corrupt(
        f"tree {short(object_id)} does not match the index above it", object=object_id.hex()
    )


def get_height(node: Object) -> int:
    """Return the height of a node; 0 for entries."""
    return node.height if isinstance(node, Index) else 0


def _first_key(node: Tree | Index) -> EntryKey:
    """Return the first key of a node; for an index, that of its first row."""
    return next(iter(node.entries)) if isinstance(node, Tree) else node.rows[0].key


def _summary(node: Tree | Index) -> tuple[EntryKey, int]:
    if isinstance(node, Tree):
        return max(node.entries), len(node.entries)
    return node.rows[-1].key, tree_codec.count_entries(node.rows)


def place_below(index: Index, at: int, above: Above) -> NodePlace:
    """Return the place of the node of one row of an index; ``above`` is the place of the index."""
    floor = index.rows[at - 1].key if at else above.floor if above is not None else b""
    return NodePlace(index.height - 1, index.rows[at], floor)


def places_below(index: Index, above: Above) -> Iterator[NodePlace]:
    """Yield the places of the nodes of all rows of an index."""
    floor = above.floor if above is not None else b""
    for row in index.rows:
        yield NodePlace(index.height - 1, row, floor)
        floor = row.key
