"""A persistent sorted set, to find the predecessor of a name for proofs of non-existence. Pure.

A B-tree of tuples. A change copies the path from the root to one leaf: some hundred references in a
set of a million. A search is one bisection per level. Leaves that have become small are not merged:
zones grow more than they shrink, and a removed key is usually followed by a new one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

MAX_ROW: Final = 64
"""Keys of a leaf, or children of a branch. A longer row is split in two."""


class _Comparable(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


K = TypeVar("K", bound=_Comparable)

_Node = Any
"""A leaf, which is a tuple of keys, or a branch. Only the root of an empty set is empty."""


class _Branch(NamedTuple):
    """Adjacent nodes, and the first key of each."""

    firsts: tuple[Any, ...]
    nodes: tuple[_Node, ...]


class SortedSet(Generic[K]):
    """An immutable sorted set; :meth:`with_added` and :meth:`without` return a changed copy."""

    __slots__ = ("_height", "_root")

    def __init__(self, root: _Node = (), height: int = 0) -> None:
        self._root = root
        self._height = height

    def __bool__(self) -> bool:
        return bool(self._root)

    def __iter__(self) -> Iterator[K]:
        for leaf in self.iter_leaves():
            yield from leaf

    def iter_leaves(self) -> Iterator[tuple[K, ...]]:
        """Yield the keys in order, one leaf at a time."""
        return _leaves(self._root, self._height)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: K) -> bool:
        return self.at_or_before(key) == key and bool(self)

    def at_or_before(self, key: K) -> K | None:
        """Return the key itself, else the last one before it; None if all come after."""
        node = self._root
        for _ in range(self._height):
            node = node.nodes[max(bisect_right(node.firsts, key) - 1, 0)]
        at = bisect_right(node, key)
        found: K | None = node[at - 1] if at else None
        return found

    def last(self) -> K:
        """Return the greatest key of a set that is not empty."""
        node = self._root
        for _ in range(self._height):
            node = node.nodes[-1]
        found: K = node[-1]
        return found

    def with_added(self, key: K) -> "SortedSet[K]":
        """Return the set with ``key``."""
        nodes = _add(self._root, self._height, key)
        if len(nodes) == 1:
            return SortedSet(nodes[0], self._height)
        firsts = tuple(_first(node, self._height) for node in nodes)
        return SortedSet(_Branch(firsts, nodes), self._height + 1)

    def without(self, key: K) -> "SortedSet[K]":
        """Return the set without ``key``."""
        nodes = _remove(self._root, self._height, key)
        if not nodes:
            return SortedSet()
        root, height = nodes[0], self._height
        while height and len(root.nodes) == 1:
            root, height = root.nodes[0], height - 1
        return SortedSet(root, height)


def _add(node: _Node, height: int, key: Any) -> tuple[_Node, ...]:
    """Return the nodes that replace a node: itself if it has the key, else one or two."""
    if not height:
        at = bisect_left(node, key)
        if at < len(node) and node[at] == key:
            return (node,)
        return _split((*node[:at], key, *node[at:]))
    number = max(bisect_right(node.firsts, key) - 1, 0)
    return _replace_child(node, number, _add(node.nodes[number], height - 1, key), height - 1)


def _remove(node: _Node, height: int, key: Any) -> tuple[_Node, ...]:
    """Return the nodes that replace a node: itself if it lacks the key, else one or none."""
    if not height:
        at = bisect_left(node, key)
        if at == len(node) or node[at] != key:
            return (node,)
        return _split(node[:at] + node[at + 1 :])
    number = max(bisect_right(node.firsts, key) - 1, 0)
    return _replace_child(node, number, _remove(node.nodes[number], height - 1, key), height - 1)


def _replace_child(
    branch: _Branch, number: int, nodes: tuple[_Node, ...], height: int
) -> tuple[_Branch, ...]:
    """Return the branch with other nodes of that height in place of one child: zero to two
    branches."""
    firsts = tuple(_first(node, height) for node in nodes)
    return tuple(
        map(
            _Branch,
            _split(branch.firsts[:number] + firsts + branch.firsts[number + 1 :]),
            _split(branch.nodes[:number] + nodes + branch.nodes[number + 1 :]),
        )
    )


def _split(row: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    """Split a row into zero, one or two rows that are short enough."""
    middle = len(row) // 2
    return (row[:middle], row[middle:]) if len(row) > MAX_ROW else (row,) if row else ()


def _first(node: _Node, height: int) -> Any:
    return node.firsts[0] if height else node[0]


def _leaves(node: _Node, height: int) -> Iterator[tuple[Any, ...]]:
    if not height:
        yield node
        return
    for each in node.nodes:
        yield from _leaves(each, height - 1)
