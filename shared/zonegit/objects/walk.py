"""Sans-I/O object walks: generators that yield the ids they need."""

# Theory of operation
#
# An algorithm over stored objects (a diff, a merge, a commit graph) does not know what it needs
# until it has read something else. If it awaited each object, it would be tied to a store and to
# asyncio, and would take one round trip per object. Therefore an algorithm here is a generator, and
# something else, the driver, fetches the objects:
#
# - It yields a collection of ids and is sent a mapping that has at least these objects. The mapping
#   may have more, for example all that the driver has read so far.
# - It returns its result. A walk calls another one with "yield from" and gets that result.
# - If the store does not have an object, the driver raises NotFound, and the walk ends there. The
#   objects that a walk is sent are verified and decoded. Whether an object is of the kind that is
#   expected in its place is checked by the walk.
# - It may yield an empty collection. That is a pause: a driver that serves queries or requests uses
#   it to do other work. A walk that computes for long has to pause now and then.
# - It does no I/O and does not read a clock, so it can be tested with a dict of objects.
#
# A walk asks for everything that it can use at once. An update of a tree asks for all nodes that it
# needs of one level, so it takes as many round trips as the tree is deep. gather() runs several
# walks side by side: in each step it yields the union of what they ask for. Two walks of five steps
# still take five round trips.
#
# The same walk runs under several drivers (ADR 0003). run() takes objects from a mapping.
# Reader.answer() reads from a store and keeps what it read. The resolver has its own driver,
# which answers queries in the pauses.

from collections.abc import Awaitable, Callable, Collection, Generator, Mapping, Sequence
from typing import TypeVar

from zonegit.errors import NotFound
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Object

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")
Wanted = TypeVar("Wanted")
Sent = TypeVar("Sent")

KeyedWalk = Generator[Collection[K], Mapping[K, V], T]
"""A generator that yields keys, is sent at least their values, and returns a T. It yields no keys
as a pause."""
Answers = Mapping[ObjectId, Object]
Walk = KeyedWalk[ObjectId, Object, T]
"""A walk over objects."""


def gather(running: Sequence[Walk[T]]) -> Walk[list[T]]:
    """Run several walks in parallel; each step asks for the objects of all of them."""
    results: dict[int, T] = {}
    waiting: dict[int, Collection[ObjectId]] = {}
    for index, walk in enumerate(running):
        try:
            waiting[index] = next(walk)
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


async def drive(walk: Generator[Wanted, Sent, T], fetch: Callable[[Wanted], Awaitable[Sent]]) -> T:
    """Run a generator with one call of ``fetch`` per step, and return its result."""
    try:
        wanted = next(walk)
        while True:
            wanted = walk.send(await fetch(wanted))
    except StopIteration as done:
        value: T = done.value
        return value


def run(walk: Walk[T], objects: Answers) -> T:
    """Run a walk over objects in memory.

    Raises:
        NotFound: the walk asks for an object that is missing; the message has its id.
    """
    try:
        wanted = next(walk)
        while True:
            for object_id in wanted:
                if object_id not in objects:
                    raise NotFound(f"there is no object {short(object_id)}")
            wanted = walk.send(objects)
    except StopIteration as done:
        value: T = done.value
        return value
