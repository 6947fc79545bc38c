"""Find the flaws of tips, by the rules that the ref store applies to new tips. Tips that an earlier
release accepted may have some."""

from collections.abc import AsyncIterator

import msgspec

from zonegit.errors import Corrupt, Invalid, NotFound, ZonegitError
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit, Tag
from zonegit.repo import read_zones
from zonegit.repo.repo import Repo
from zonegit.safety import tree_flaws
from zonegit.safety.flaw_walk import Flaw
from zonegit.safety.reader import MoveReader
from zonegit.store.ref_names import RefName
from zonegit.store.refs import ZoneRefs

MAX_FLAWS = 100
"""Flaws of one tip that are returned."""


class TipFlaw(msgspec.Struct, frozen=True):
    """A flaw of the tip ``commit`` of ``ref``. ``object`` is the hex id of an object that readers
    refuse, empty if there is none."""

    ref: RefName
    commit: CommitId
    flaw: Flaw
    object: str = ""


async def find_tip_flaws(repo: Repo) -> AsyncIterator[TipFlaw]:
    """Yield the flaws of the tips of all branches and tags.

    Flaws that several tips of a zone have are reported for the first one only. Tips that cannot be
    read are left out.

    Raises:
        Unavailable: a store does not answer.
    """
    async for refs in read_zones.iter_zones(repo):
        base: ObjectId | None = None
        judged: set[ObjectId] = set()
        for ref, target in _list_refs(refs):
            reader = MoveReader(repo.objects, {})
            try:
                commit_id, commit = await _read_commit(reader, target)
            except (NotFound, Corrupt):
                continue
            if commit.tree in judged:
                continue
            judged.add(commit.tree)
            try:
                walk = tree_flaws.find_flaws(
                    refs.zone, base, commit.tree, any_spelling=True, max_flaws=MAX_FLAWS
                )
                found = await reader.judge(walk)
            except (NotFound, Corrupt, Invalid) as error:
                yield _make_flaw(ref, commit_id, error)
                continue
            base = base or commit.tree
            for flaw in found.new:
                yield TipFlaw(ref, commit_id, flaw)


def _list_refs(refs: ZoneRefs) -> list[tuple[RefName, ObjectId]]:
    heads = [(RefName("heads", refs.zone, name), tip.target) for name, tip in refs.heads.items()]
    tags = [(RefName("tags", refs.zone, name), tip.target) for name, tip in refs.tags.items()]
    return [*heads, *tags]


async def _read_commit(reader: MoveReader, target: ObjectId) -> tuple[CommitId, Commit]:
    """Return the commit that a branch or tag names."""
    value = (await reader.get([target]))[target]
    commit_id = value.target if isinstance(value, Tag) else CommitId(target)
    return commit_id, await reader.read_commit(commit_id)


def _make_flaw(ref: RefName, commit: CommitId, error: ZonegitError) -> TipFlaw:
    """Return the flaw of a tip that readers refuse."""
    assert ref.zone is not None
    return TipFlaw(
        ref, commit, Flaw(ref.zone, None, error.message), error.details.get("object", "")
    )
