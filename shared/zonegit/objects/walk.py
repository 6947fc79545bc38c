"""Algorithms over stored objects that ask instead of fetching.

An algorithm is a generator: it yields the ids it needs and is sent the decoded objects, so it is
pure, testable with a dict, and costs one round trip a level however it is driven (ADR 0003).
"""

from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from typing import TypeVar

from zonegit.errors import NotFound
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Object

T = TypeVar("T")
Wanted = TypeVar("Wanted")
Sent = TypeVar("Sent")

Answers = Mapping[ObjectId, Object]
Walk = Generator[Collection[ObjectId], Answers, T]
"""Yields ids, is sent at least those objects, returns a T. Long work yields no ids now and then:
a pause, in which its driver may do something else."""


def gather(running: Sequence[Walk[T]]) -> Walk[list[T]]:
    """Runs algorithms side by side: what they ask in one step is one ask."""
    results: dict[int, T] = {}
    waiting: dict[int, Collection[ObjectId]] = {}
    for index, asks in enumerate(running):
        try:
            waiting[index] = next(asks)
        except StopIteration as done:
            results[index] = done.value
    while waiting:
        answers = yield frozenset().union(*waiting.values())
        for index in list(waiting):
            try:
                waiting[index] = running[index].send(answers)
            except StopIteration as done:
                results[index] = done.value
                del waiting[index]
    return [results[index] for index in range(len(running))]


async def drive(asks: Generator[Wanted, Sent, T], fetch: Callable[[Wanted], Awaitable[Sent]]) -> T:
    """Runs whatever asks and is sent, one ``fetch`` a step."""
    try:
        wanted = next(asks)
        while True:
            wanted = asks.send(await fetch(wanted))
    except StopIteration as done:
        value: T = done.value
        return value


def run(asks: Walk[T], objects: Answers) -> T:
    """Runs an algorithm over objects at hand.

    Raises:
        NotFound: it asked for one that is not there; names the id.
    """
    try:
        wanted = next(asks)
        while True:
            for object_id in wanted:
                if object_id not in objects:
                    raise NotFound(f"object {short(object_id)} is not there")
            wanted = asks.send(objects)
    except StopIteration as done:
        value: T = done.value
        return value
