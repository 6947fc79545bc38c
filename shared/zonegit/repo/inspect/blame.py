"""Read commits and the records of one name for blame, in batches of increasing size."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final, TypeVar

import msgspec

from zonegit.errors import NotFound
from zonegit.history import blame as pure
from zonegit.history import commit_graph, timeline
from zonegit.history.blame import BlamedRRset, RecordsAt
from zonegit.history.timeline import ValueChange
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit
from zonegit.objects.walk import drive, gather
from zonegit.repo import read_zone
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.objects import ObjectStore
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset, format_key

T = TypeVar("T")

FIRST_BATCH: Final = 16
"""Commits read in the first round. Many records are recent."""

MAX_BATCH: Final = 512


class Blame(msgspec.Struct, frozen=True):
    """The RRsets of a name, and the commits that introduced their records, by id."""

    rrsets: list[BlamedRRset]
    commits: dict[CommitId, Commit]


async def blame(
    repo: Repo, reader: Reader, start: CommitId, owner: Name, rdtype: int | None, apex: Name
) -> Blame:
    """Return the RRsets of a name, with the commits that introduced them and each of their records.

    Args:
        repo: the stores.
        reader: caches objects that the caller has read.
        start: the commit that has the RRsets.
        owner: the name.
        rdtype: only the RRset of this type; None for all.
        apex: the zone's name.

    Raises:
        NotFound: the name has no RRset, or none of that type.
        Invalid: the name is outside the zone.
        Corrupt, Unavailable: errors of the store.
    """
    past = CommitReader(repo.objects, reader)
    cache = _RecordCache(past, repo.objects, names.path(owner, apex), rdtype)
    found = await cache.answer(pure.blame(start, rdtype))
    if not found:
        kind = f" {rrtypes.to_text(rdtype)}" if rdtype is not None else ""
        raise NotFound(
            f"there is no {names.text(owner)}{kind}",
            hint="zonegit log -- NAME lists the commits that changed it; --at REFISH selects an"
            " earlier one",
        )
    ids = {each for one in found for each in (one.commit, *one.records)}
    return Blame(found, {each: cache.commit(each) for each in ids})


class Timeline(msgspec.Struct, frozen=True):
    """The values of an RRset, the latest first, and the commits that began them, by id."""

    values: list[ValueChange]
    commits: dict[CommitId, Commit]


async def read_timeline(
    repo: Repo,
    reader: Reader,
    start: CommitId,
    owner: Name,
    rdtype: int,
    apex: Name,
    limit: int,
    since: float | None = None,
) -> Timeline:
    """Return the values that an RRset had, the latest first, along the first parents.

    Args:
        repo: the stores.
        reader: caches objects that the caller has read.
        start: the commit to start from.
        owner: the name.
        rdtype: the type.
        apex: the zone's name.
        limit: the maximum number of values.
        since: omit values that ended before this time, in seconds since 1970; None for all.

    Raises:
        NotFound: the RRset never existed.
        Invalid: the name is outside the zone.
        Corrupt, Unavailable: errors of the store.
    """
    past = CommitReader(repo.objects, reader)
    cache = _RecordCache(past, repo.objects, names.path(owner, apex), rdtype)

    def is_last(commit: CommitId) -> bool:
        return since is not None and cache.commit(commit).committer.time < since

    found = await cache.answer(timeline.list_values(start, rdtype, is_last, limit))
    if not found:
        raise NotFound(
            f"no commit has {format_key(owner, rdtype)}",
            hint="zonegit log NAME lists the commits that changed a name",
        )
    return Timeline(found, {each.commit: cache.commit(each.commit) for each in found})


class _RecordCache:
    """The RRsets of one name in the commits that were read."""

    def __init__(
        self, past: CommitReader, store: ObjectStore, path: Path, rdtype: int | None
    ) -> None:
        self._past = past
        self._store = store
        self._path = path
        self._rdtype = rdtype
        self._known: dict[CommitId, RecordsAt] = {}
        self._batch = FIRST_BATCH

    def commit(self, commit_id: CommitId) -> Commit:
        """Return a commit that was read."""
        return self._past.known[commit_id].commit

    async def answer(self, walk: pure.BlameWalk[T]) -> T:
        """Run a walk."""
        return await drive(walk, self._provide)

    async def _provide(self, wanted: Collection[CommitId]) -> Mapping[CommitId, RecordsAt]:
        missing = [each for each in wanted if each not in self._known]
        if missing:
            await self._read_batch(missing)
        return self._known

    async def _read_batch(self, wanted: Collection[CommitId]) -> None:
        """Read the records of these commits, and of those that are probably needed next."""
        await self._past.answer(commit_graph.read_nodes(wanted))
        ahead = (each for each in self._past.known if each not in self._known)
        chosen = {*wanted, *islice(ahead, self._batch)}
        self._batch = min(2 * self._batch, MAX_BATCH)
        commits = {each: self.commit(each) for each in chosen}
        rrsets = await self._read_rrsets({commit.tree for commit in commits.values()})
        for each, commit in commits.items():
            self._known[each] = RecordsAt(rrsets[commit.tree], commit.parents)

    async def _read_rrsets(
        self, roots: Collection[ObjectId]
    ) -> dict[ObjectId, Mapping[int, RRset]]:
        """Return the RRsets of the name in each tree."""
        # A reader keeps all that it reads, and a history is long: each batch has its own.
        reader = Reader(self._store)
        ordered = list(roots)
        running = [zone_tree.find(root, [self._path]) for root in ordered]
        found = [
            {
                rdtype: blob
                for rdtype, blob in each[self._path].items()
                if self._rdtype in (None, rdtype)
            }
            for each in await reader.answer(gather(running))
        ]
        values = await read_zone.read_rrsets(reader, {blob for at in found for blob in at.values()})
        return {
            root: {rdtype: values[blob] for rdtype, blob in at.items()}
            for root, at in zip(ordered, found, strict=True)
        }
