"""Flaws of the tips that refs hold: what makes one no valid zone, by the rules that the ref store
judges new tips by. A tip that an earlier release accepted may have some."""

from collections.abc import AsyncIterator

import msgspec

from zonegit.errors import Corrupt, Invalid, NotFound, ZonegitError
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit, Tag
from zonegit.repo import many_zones
from zonegit.repo.heads import Repo
from zonegit.safety import tree_flaws
from zonegit.safety.reader import MoveReader
from zonegit.safety.tree_flaws import Flaw
from zonegit.store.protocols import ZoneRefs
from zonegit.store.ref_names import RefName

MAX_FLAWS = 100
"""Flaws of one tip that are named."""


class TipFlaw(msgspec.Struct, frozen=True):
    """A flaw of the tip ``commit``, to which ``ref`` leads. ``object`` is the hex id of an object
    that readers refuse, or empty."""

    ref: RefName
    commit: CommitId
    flaw: Flaw
    object: str = ""


async def find_flawed(repo: Repo) -> AsyncIterator[TipFlaw]:
    """Yield the flaws of all tips of branches and tags; of several tips of a zone those that the
    first one has not. Tips that cannot be read are left out.

    Raises:
        Unavailable: a store does not answer.
    """
    async for refs in many_zones.iter_zones(repo):
        base: ObjectId | None = None
        judged: set[ObjectId] = set()
        for ref, target in _refs_of(refs):
            reading = MoveReader(repo.objects, {})
            try:
                commit_id, commit = await _read_commit(reading, target)
            except (NotFound, Corrupt):
                continue
            if commit.tree in judged:
                continue
            judged.add(commit.tree)
            try:
                walk = tree_flaws.find_flaws(
                    refs.zone, base, commit.tree, any_spelling=True, most=MAX_FLAWS
                )
                found = await reading.judge(walk)
            except (NotFound, Corrupt, Invalid) as error:
                yield _reader_flaw(ref, commit_id, error)
                continue
            base = base or commit.tree
            for flaw in found.new:
                yield TipFlaw(ref, commit_id, flaw)


def _refs_of(refs: ZoneRefs) -> list[tuple[RefName, ObjectId]]:
    heads = [(RefName("heads", refs.zone, name), tip.target) for name, tip in refs.heads.items()]
    tags = [(RefName("tags", refs.zone, name), tip.target) for name, tip in refs.tags.items()]
    return [*heads, *tags]


async def _read_commit(reading: MoveReader, target: ObjectId) -> tuple[CommitId, Commit]:
    """Return the commit that a branch or tag holds."""
    value = (await reading.get([target]))[target]
    commit_id = value.target if isinstance(value, Tag) else CommitId(target)
    return commit_id, await reading.read_commit(commit_id)


def _reader_flaw(ref: RefName, commit: CommitId, error: ZonegitError) -> TipFlaw:
    """Return what keeps readers from a tip."""
    assert ref.zone is not None
    return TipFlaw(
        ref, commit, Flaw(ref.zone, None, error.message), error.details.get("object", "")
    )
