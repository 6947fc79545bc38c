"""A persistent sorted set: what denial of existence searches for a name's predecessor. Pure.

Keys stand in blocks, and the blocks in a tuple. A change copies one block and that tuple, some
thousand references each in a set of a million; a search is two bisections.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

MOST: Final = 1_024
"""Keys of a block; one more, and it is cut in two."""


class _Comparable(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


K = TypeVar("K", bound=_Comparable)


class Ordered(Generic[K]):
    """Immutable; :meth:`with_key` and :meth:`without` give another one."""

    __slots__ = ("_blocks", "_firsts")

    def __init__(self, blocks: tuple[tuple[K, ...], ...] = ()) -> None:
        self._blocks = blocks
        self._firsts = tuple(block[0] for block in blocks)

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    def __iter__(self) -> Iterator[K]:
        for block in self._blocks:
            yield from block

    def __contains__(self, key: K) -> bool:
        return self._blocks != () and self.at_or_before(key) == key

    def at_or_before(self, key: K) -> K | None:
        """The key itself, else the last one before it; None where all come after."""
        number = bisect_right(self._firsts, key) - 1
        if number < 0:
            return None
        block = self._blocks[number]
        return block[bisect_right(block, key) - 1]

    def last(self) -> K:
        """The greatest key; there must be one."""
        return self._blocks[-1][-1]

    def with_key(self, key: K) -> "Ordered[K]":
        """The set and ``key``."""
        if not self._blocks:
            return Ordered(((key,),))
        number = max(bisect_right(self._firsts, key) - 1, 0)
        block = self._blocks[number]
        at = bisect_left(block, key)
        if at < len(block) and block[at] == key:
            return self
        block = (*block[:at], key, *block[at:])
        if len(block) <= MOST:
            return self._replaced(number, (block,))
        middle = len(block) // 2
        return self._replaced(number, (block[:middle], block[middle:]))

    def without(self, key: K) -> "Ordered[K]":
        """The set but ``key``."""
        if key not in self:
            return self
        number = bisect_right(self._firsts, key) - 1
        block = self._blocks[number]
        at = bisect_left(block, key)
        block = block[:at] + block[at + 1 :]
        return self._replaced(number, (block,) if block else ())

    def _replaced(self, number: int, blocks: tuple[tuple[K, ...], ...]) -> "Ordered[K]":
        made: Ordered[K] = Ordered.__new__(Ordered)
        made._blocks = self._blocks[:number] + blocks + self._blocks[number + 1 :]
        firsts = tuple(block[0] for block in blocks)
        made._firsts = self._firsts[:number] + firsts + self._firsts[number + 1 :]
        return made
