"""Merge two trees with a common base: the changes, or the RRsets that clash."""

from collections.abc import Sequence
from typing import Final

import msgspec

from zonegit.merge import conflicts, zone_merge
from zonegit.merge.conflicts import Clash, Decision, Side
from zonegit.merge.zone_merge import MergeBase, MergeResult
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.repo import read_zone
from zonegit.repo.commit import spelling_changes
from zonegit.repo.commit.drafts import PlannedChange
from zonegit.repo.commit.edits import Changes
from zonegit.store.reader import Reader
from zonegit.zone import names, spelling
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

MAX_ROUNDS: Final = 3
"""Times a preference is applied: one choice can cause another conflict at the same owner."""


class Choices(msgspec.Struct, frozen=True):
    """Decisions about clashes.

    Attributes:
        decisions: those about single RRsets.
        preferred: the side that wins all others; None if they stay undecided.
        respell: take the spelling of the other side for records that both sides have.
    """

    decisions: Sequence[Decision] = ()
    preferred: Side | None = None
    respell: bool = False


NO_CHOICES: Final = Choices()


class Conflicted(msgspec.Struct, frozen=True):
    """Nothing moved: these RRsets have to be decided first. ``commit`` and ``serial`` are those
    of the branch's tip; None if it has none or they do not matter."""

    zone: Name
    branch: str
    clashes: Sequence[Clash]
    commit: CommitId | None = None
    serial: int | None = None


class MergeConflicts(Exception):
    """A plan cannot continue because of clashes. Only for ``commit_loop``, never shown to a
    user."""

    def __init__(self, clashes: Sequence[Clash]) -> None:
        super().__init__()
        self.clashes = clashes


async def merge_trees(
    reader: Reader,
    base: MergeBase,
    ours: ObjectId,
    theirs: ObjectId,
    apex: Name,
    choices: Choices = NO_CHOICES,
) -> PlannedChange:
    """Merge tree ``theirs`` into ``ours``, and return the changes to ``ours``.

    Args:
        reader: reads the objects.
        base: the common base.
        ours: our tree.
        theirs: the tree whose changes are merged.
        apex: the zone's name.
        choices: decisions about clashes.

    Raises:
        MergeConflicts: both changed the same records, and there is no decision.
    """
    decisions = list(choices.decisions)
    for _ in range(MAX_ROUNDS):
        merging = zone_merge.merge_zones(
            base, ours, theirs, apex, decisions, respell=choices.respell
        )
        found = await reader.answer(merging)
        if not found.clashes:
            return await _plan_changes(reader, found, apex)
        if choices.preferred is None:
            break
        decisions += [conflicts.decide(clash, choices.preferred) for clash in found.clashes]
    raise MergeConflicts(found.clashes)


async def _plan_changes(reader: Reader, found: MergeResult, apex: Name) -> PlannedChange:
    blobs = {
        value
        for value in found.changes.values()
        if value is not None and not isinstance(value, RRset)
    }
    rrsets = await read_zone.read_stored_rrsets(reader, blobs)
    changes: Changes = {
        (names.below(apex, path), rdtype): (
            value if value is None or isinstance(value, RRset) else rrsets[value]
        )
        for (path, rdtype), value in found.changes.items()
    }
    added = {(names.below(apex, path), rdtype) for path, rdtype in found.added}
    notes = spelling_changes.limit(map(spelling.note_respelled, found.respelled))
    return PlannedChange(changes, added, findings=notes)
