"""Sort in slices: a flat zone has 500,000 children, and queries must not wait for their order."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Any, Final, TypeVar

T = TypeVar("T")

RUN_LENGTH: Final = 512
"""Items that are sorted at a time: about 50 microseconds."""


def sort_in_slices(items: Iterable[T], key: Any = None) -> Iterator[T | None]:
    """Yield all items in order, with pauses.

    Runs of items are sorted, then merged as they are taken and released one by one.

    Args:
        key: as for ``sorted``.

    Yields:
        Items; None is a pause, in which the caller may do other work.
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
