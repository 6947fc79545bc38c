"""Sorting in slices: a flat zone has 500,000 children, and nobody may wait for their order."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final, TypeVar

T = TypeVar("T")

RUN_LENGTH: Final = 512
"""How many are sorted at a time: some 50 microseconds."""


def sort_in_slices(items: Iterable[T], key: Any = None) -> Iterator[T | None]:
    """All items in order, by ``key`` as ``sorted`` has it; None now and then is a pause, in which
    the caller may do something else.

    Runs of items are sorted by themselves, then merged as they are taken, and let go one by one.
    """
    rest = iter(items)
    runs: list[Iterator[T]] = []
    while run := sorted(islice(rest, RUN_LENGTH), key=key, reverse=True):
        runs.append(_drain(run))
        yield None
    yield from merge(*runs, key=key)


def _drain(run: list[T]) -> Iterator[T]:
    while run:
        yield run.pop()
