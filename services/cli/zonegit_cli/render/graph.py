"""History drawn beside a log: a lane for each line of commits that is still to be met. All pure.

    *   merge
    |\\
    | * on the branch
    * | on main
    |/
    * where they parted

Commits come children first. In rows that are no commit's own, lines move by one lane at the most.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Line = tuple[int, int]
"""Something drawn downwards: from which lane to which."""


class GraphLanes(Generic[T]):
    """The lanes below the last commit, each with the commit it leads to."""

    def __init__(self) -> None:
        self._leads: list[T] = []

    def beside(self, commit: T, parents: Sequence[T], lines: Sequence[str]) -> Iterator[str]:
        """The next commit's lines of text, at least one, behind what is drawn there."""
        if commit not in self._leads:
            self._leads.append(commit)
        at = self._leads.index(commit)
        drawn = [_straight(len(self._leads), star=at), *self._on(at, parents)]
        below = _straight(len(self._leads))
        width = max(map(len, [*drawn, below]))
        for number in range(max(len(lines), len(drawn))):
            picture = drawn[number] if number < len(drawn) else below
            text = lines[number] if number < len(lines) else ""
            yield f"{picture:<{width}} {text}".rstrip()

    def _on(self, at: int, parents: Sequence[T]) -> Iterator[str]:
        """The rows from a commit to its parents: its lane divides or ends, then lanes that lead to
        the same commit become one."""
        lanes = list(enumerate(self._leads))
        more = len(parents) - 1
        if more > 0:
            aside = [(lane, lane + more * (lane > at)) for lane, _ in lanes]
            yield from _rows([*aside, *((at, at + extra) for extra in range(1, more + 1))])
        if parents:
            lanes = list(enumerate([*self._leads[:at], *parents, *self._leads[at + 1 :]]))
        else:
            del lanes[at]
        self._leads = list(dict.fromkeys(leads for _, leads in lanes))
        yield from _rows([(lane, self._leads.index(leads)) for lane, leads in lanes])


def _straight(lanes: int, star: int | None = None) -> str:
    return " ".join("*" if lane == star else "|" for lane in range(lanes))


def _rows(lines: Collection[Line]) -> Iterator[str]:
    """The rows it takes until every line is in its lane."""
    while any(at != to for at, to in lines):
        row = [" "] * (2 * max(max(line) for line in lines) + 1)
        for at, to in lines:
            if at == to:
                row[2 * at] = "|"
            else:
                row[min(2 * at, 2 * at + 2 * _step(at, to)) + 1] = "/" if to < at else "\\"
        yield "".join(row).rstrip()
        lines = [(at + _step(at, to), to) for at, to in lines]


def _step(at: int, to: int) -> int:
    return (to > at) - (to < at)
