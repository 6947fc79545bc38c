"""Blame over a store: commits and what stood at a name in them, in batches that grow."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final

import msgspec

from zonegit.errors import NotFound
from zonegit.history import blame as pure
from zonegit.history import commit_graph
from zonegit.history.blame import Blamed, RecordsAt
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit
from zonegit.objects.walk import drive, gather
from zonegit.repo import read_zone
from zonegit.repo.heads import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.protocols import ObjectStore
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset

FIRST_BATCH: Final = 16
"""Commits looked at in the first round: many a record is young."""

MAX_BATCH: Final = 512


class Blame(msgspec.Struct, frozen=True):
    """The RRsets of a name, and every commit that one of them is put down to."""

    rrsets: list[Blamed]
    commits: dict[CommitId, Commit]


async def blame(
    repo: Repo, reader: Reader, start: CommitId, owner: Name, rdtype: int | None, apex: Name
) -> Blame:
    """Which commit gave each RRset of ``owner`` in ``start``, or the one of ``rdtype``, and each
    of its records, its value.

    Raises:
        NotFound: there is nothing at that name, or not of that type.
        Invalid: the name is outside the zone.
        Corrupt, Unavailable: as the store says.
    """
    past = CommitReader(repo.objects, reader)
    places = _Places(past, repo.objects, names.path(owner, apex), rdtype)
    found = await places.answer(pure.blame(start, rdtype))
    if not found:
        kind = f" {rrtypes.to_text(rdtype)}" if rdtype is not None else ""
        raise NotFound(
            f"there is no {names.text(owner)}{kind}",
            hint="zonegit log -- NAME tells which commits changed it; --at REFISH goes back to one",
        )
    ids = {each for one in found for each in (one.commit, *one.records)}
    return Blame(found, {each: places.commit(each) for each in ids})


class _Places:
    """The RRsets at one name in the commits read so far."""

    def __init__(
        self, past: CommitReader, store: ObjectStore, path: Path, rdtype: int | None
    ) -> None:
        self._past = past
        self._store = store
        self._path = path
        self._rdtype = rdtype
        self._places: dict[CommitId, RecordsAt] = {}
        self._batch = FIRST_BATCH

    def commit(self, commit_id: CommitId) -> Commit:
        """One of the commits seen."""
        return self._past.known[commit_id].commit

    async def answer(self, asks: pure.BlameWalk[list[Blamed]]) -> list[Blamed]:
        """Runs the algorithm."""
        return await drive(asks, self._at_least)

    async def _at_least(self, wanted: Collection[CommitId]) -> Mapping[CommitId, RecordsAt]:
        missing = [each for each in wanted if each not in self._places]
        if missing:
            await self._look(missing)
        return self._places

    async def _look(self, wanted: Collection[CommitId]) -> None:
        """Takes in these commits, and with them those that will probably be asked for next."""
        await self._past.answer(commit_graph.nodes(wanted))
        ahead = (each for each in self._past.known if each not in self._places)
        chosen = {*wanted, *islice(ahead, self._batch)}
        self._batch = min(2 * self._batch, MAX_BATCH)
        commits = {each: self.commit(each) for each in chosen}
        standing = await self._standing({commit.tree for commit in commits.values()})
        for each, commit in commits.items():
            self._places[each] = RecordsAt(standing[commit.tree], commit.parents)

    async def _standing(self, roots: Collection[ObjectId]) -> dict[ObjectId, Mapping[int, RRset]]:
        """Return the RRsets at the name in each tree."""
        # A reader of the batch's own: it keeps what it reads, and a history is long.
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
