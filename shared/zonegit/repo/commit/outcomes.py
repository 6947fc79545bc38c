"""The outcomes of a change to a branch."""

from collections.abc import Set as AbstractSet

import msgspec

from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.diff import TreePair
from zonegit.repo.commit.drafts import CommitBase, Draft
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.repo.heads import BranchPosition
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name


class Committed(msgspec.Struct, frozen=True):
    """An acknowledged move of a branch to a commit.

    Attributes:
        parent: the commit's first parent.
        before: the serial that it replaced; None for a first commit.
        changes: what it changed in the branch, without a change of the SOA's serial only.
        added: those of these RRsets that are new.
        trees: the trees of the branch before and after.
        replayed: the number of conflicts before it succeeded.
        is_new: False if the commit existed and the branch moved to it.
        findings: everything that the operator should know.
    """

    zone: Name
    branch: str
    commit: CommitId
    parent: CommitId | None
    serial: int
    before: int | None
    changes: Changes
    added: AbstractSet[RRsetKey]
    trees: TreePair
    moved: Moved
    replayed: int = 0
    is_new: bool = True
    findings: tuple[Finding, ...] = ()


class Preview(msgspec.Struct, frozen=True):
    """The result of a dry run.

    Attributes:
        old: the branch's tree now; None while it has none.
        new: the branch's tree after the change.
        objects: the new objects, which no store has.
        judgement: whether the ref store would accept the move.
        tip: the commit that the branch is at.
        is_new: False if the branch would move to an existing commit.
    """

    zone: Name
    branch: str
    old: ObjectId | None
    new: ObjectId
    serial: int
    before: int | None
    objects: list[RawObject]
    judgement: Judgement
    findings: tuple[Finding, ...] = ()
    tip: CommitId | None = None
    is_new: bool = True


class Unchanged(msgspec.Struct, frozen=True):
    """The branch has the wanted content already. ``commit`` and ``serial`` are its tip's; None
    for a branch without a commit."""

    zone: Name
    branch: str
    commit: CommitId | None
    serial: int | None
    findings: tuple[Finding, ...] = ()


Outcome = Committed | Preview | Conflicted | Unchanged
"""The result of a change."""


def make_committed(
    position: BranchPosition,
    tip: CommitBase,
    draft: Draft,
    reader: Reader,
    moved: Moved,
    replayed: int = 0,
) -> Committed:
    """Return the outcome for a draft that a branch was moved to.

    Args:
        position: the branch before the move.
        tip: the state before the move.
        draft: the commit.
        reader: the reader that the draft was made with.
        moved: the move.
        replayed: the number of conflicts before it.
    """
    return Committed(
        zone=position.zone,
        branch=position.branch,
        commit=draft.commit,
        parent=draft.parent,
        serial=draft.serial,
        before=tip.serial,
        changes=draft.visible_changes,
        added=draft.added,
        trees=TreePair(position.zone, tip.tree, draft.tree, reader, draft.objects),
        moved=moved,
        replayed=replayed,
        findings=draft.findings,
    )


def make_preview(
    position: BranchPosition, tip: CommitBase, draft: Draft, judgement: Judgement
) -> Preview:
    """Return the outcome of a dry run."""
    return Preview(
        position.zone, position.branch, tip.tree, draft.tree,
        draft.serial, tip.serial, draft.objects, judgement, draft.findings, tip.commit,
    )  # fmt: skip


def make_unchanged(position: BranchPosition, findings: tuple[Finding, ...] = ()) -> Unchanged:
    """Return the outcome of a change for which there was nothing to do."""
    tip = position.tip
    return Unchanged(
        position.zone,
        position.branch,
        CommitId(tip.target) if tip is not None else None,
        tip.serial if tip is not None else None,
        findings,
    )
