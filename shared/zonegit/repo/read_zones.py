"""Read the refs or all records of many zones, with few round trips and bounded memory."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Sequence,
)
from typing import Final, TypeVar

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId, ObjectId, short
from zonegit.objects.walk import gather
from zonegit.repo import read_zone
from zonegit.repo.repo import Repo
from zonegit.store.objects import ObjectStore
from zonegit.store.reader import Reader
from zonegit.store.refs import ZoneRefs
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

REQUEST_CONCURRENCY: Final = 16
"""Requests in progress at a time."""
MAX_SINGLE_LOOKUPS: Final = 64
"""Zones up to which each is looked up by its name. For more, all zones are listed."""
ZONE_BATCH: Final = 256
"""Zones whose trees are walked together."""
RRSET_BATCH: Final = 8_192
"""RRsets that are read together. Those of one zone always are."""

T = TypeVar("T")
Item = TypeVar("Item")


class WholeZoneAt(msgspec.Struct, frozen=True):
    """A zone at a commit, with its RRsets in no particular order."""

    zone: Name
    commit: CommitId
    tree: ObjectId
    rrsets: list[RRset]


async def iter_zones(repo: Repo) -> AsyncIterator[ZoneRefs]:
    """Yield every registered zone with its tips, in the order of the store."""
    after: Name | None = None
    while True:
        page = await repo.refs.snapshot(after)
        for refs in page.zones:
            yield refs
        after = page.after
        if after is None:
            return


async def read_refs(repo: Repo, zones: Collection[Name]) -> dict[Name, ZoneRefs]:
    """Return the refs of the zones that are registered. ``remembered`` is set only if there are
    few zones."""
    if len(zones) > MAX_SINGLE_LOOKUPS:
        wanted = set(zones)
        return {refs.zone: refs async for refs in iter_zones(repo) if refs.zone in wanted}

    async def read(zone: Name) -> ZoneRefs | None:
        try:
            return await repo.refs.zone(zone, repo.actor)
        except NotFound:
            return None

    return {found.zone: found for found in await run_concurrently(read, list(zones)) if found}


async def run_concurrently(work: Callable[[Item], Awaitable[T]], items: Sequence[Item]) -> list[T]:
    """Run a function for every item, a few at a time, and return the results in order.

    The first exception is raised, and the other calls are cancelled.
    """
    free = asyncio.Semaphore(REQUEST_CONCURRENCY)

    async def run(item: Item) -> T:
        async with free:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(item)) for item in items]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]


async def read_zones(
    objects: ObjectStore, wanted: Sequence[tuple[Name, CommitId]]
) -> AsyncGenerator[WholeZoneAt, None]:
    """Yield zones, each at a commit, in the given order.

    Raises:
        Invalid: a commit belongs to another zone.
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    for start in range(0, len(wanted), ZONE_BATCH):
        some = wanted[start : start + ZONE_BATCH]
        reader = Reader(objects)
        await reader.get({commit for _, commit in some})
        found = [await read_zone.read_tree(reader, commit) for _, commit in some]
        blobs = await reader.answer(gather([read_zone.list_blobs(tree) for tree in found]))
        for part in _group_by_size([len(each) for each in blobs]):
            reader = Reader(objects)
            await reader.get({blob for at in part for blob in blobs[at]})
            for at in part:
                zone, commit = some[at]
                values = list((await read_zone.read_rrsets(reader, blobs[at])).values())
                _check_zone(zone, commit, values)
                yield WholeZoneAt(zone, commit, found[at], values)


def _group_by_size(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Yield runs of indexes whose sizes add up to at most ``RRSET_BATCH``."""
    run: list[int] = []
    total = 0
    for at, size in enumerate(sizes):
        if run and total + size > RRSET_BATCH:
            yield run
            run, total = [], 0
        run.append(at)
        total += size
    if run:
        yield run


def _check_zone(zone: Name, commit: CommitId, rrsets: Collection[RRset]) -> None:
    if not any(each.rdtype == rrtypes.SOA and each.owner == zone for each in rrsets):
        raise Invalid(
            f"{short(commit)} is not a commit of {names.text(zone)}",
            hint="name a commit of this zone; zonegit log lists them",
        )
