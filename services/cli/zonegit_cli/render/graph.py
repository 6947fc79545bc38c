"""Draw the graph of ``log --graph``, with a lane for each parent that was not printed yet.

    *   merge
    |\\
    | * a commit of the branch
    * | a commit of main
    |/
    * the common ancestor

Children come before their parents. In the rows between commits a line moves by at most one lane.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Line = tuple[int, int]
"""A line from a lane of one row to a lane of the next."""


class GraphLanes(Generic[T]):
    """The lanes below the last commit that was drawn, each with the commit that it leads to."""

    def __init__(self) -> None:
        self._lanes: list[T] = []

    def draw(self, commit: T, parents: Sequence[T], lines: Sequence[str]) -> Iterator[str]:
        """Yield the text lines of the next commit, each after its part of the graph."""
        if commit not in self._lanes:
            self._lanes.append(commit)
        at = self._lanes.index(commit)
        drawn = [_draw_lanes(len(self._lanes), star=at), *self._draw_rows_below(at, parents)]
        below = _draw_lanes(len(self._lanes))
        width = max(map(len, [*drawn, below]))
        for number in range(max(len(lines), len(drawn))):
            picture = drawn[number] if number < len(drawn) else below
            text = lines[number] if number < len(lines) else ""
            yield f"{picture:<{width}} {text}".rstrip()

    def _draw_rows_below(self, at: int, parents: Sequence[T]) -> Iterator[str]:
        """Yield the rows between a commit and its parents: the lane of a merge divides, that of a
        root commit ends, and lanes that lead to the same commit join."""
        lanes = list(enumerate(self._lanes))
        more = len(parents) - 1
        if more > 0:
            shifted = [(lane, lane + more * (lane > at)) for lane, _ in lanes]
            yield from _draw_moves([*shifted, *((at, at + extra) for extra in range(1, more + 1))])
        if parents:
            lanes = list(enumerate([*self._lanes[:at], *parents, *self._lanes[at + 1 :]]))
        else:
            del lanes[at]
        self._lanes = list(dict.fromkeys(leads for _, leads in lanes))
        yield from _draw_moves([(lane, self._lanes.index(leads)) for lane, leads in lanes])


def _draw_lanes(lanes: int, star: int | None = None) -> str:
    return " ".join("*" if lane == star else "|" for lane in range(lanes))


def _draw_moves(lines: Collection[Line]) -> Iterator[str]:
    """Yield rows until every line is in its lane."""
    while any(at != to for at, to in lines):
        row = [" "] * (2 * max(max(line) for line in lines) + 1)
        for at, to in lines:
            if at == to:
                row[2 * at] = "|"
            else:
                row[min(2 * at, 2 * at + 2 * _find_step(at, to)) + 1] = "/" if to < at else "\\"
        yield "".join(row).rstrip()
        lines = [(at + _find_step(at, to), to) for at, to in lines]


def _find_step(at: int, to: int) -> int:
    return (to > at) - (to < at)
