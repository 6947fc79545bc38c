"""What two commits made of one, put together: the changes, or the RRsets somebody has to decide."""

from collections.abc import Sequence
from typing import Final

import msgspec

from zonegit.merge import conflicts, zone_merge
from zonegit.merge.conflicts import Clash, Decision, Side
from zonegit.merge.zone_merge import MergeBase, Merged
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
"""How often a preference is asked for: one choice can bring up another at the same owner."""


class Choices(msgspec.Struct, frozen=True):
    """What somebody decided of clashes: of some RRsets, and (``preferred``, None: nothing) of all
    others; and whether records that both sides have are ``respell``ed as the other side has them.
    """

    decisions: Sequence[Decision] = ()
    preferred: Side | None = None
    respell: bool = False


NO_CHOICES: Final = Choices()


class Conflicted(msgspec.Struct, frozen=True):
    """Nothing moved: these RRsets have to be decided upon first. ``commit`` and ``serial`` are
    those that the branch is at, None where it has no commit or they do not matter."""

    zone: Name
    branch: str
    clashes: Sequence[Clash]
    commit: CommitId | None = None
    serial: int | None = None


class MergeConflicts(Exception):
    """A plan cannot go on; for whoever carries it out (``commits``), never for a user."""

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
    """What to change in tree ``ours`` so that it has what ``theirs`` changed since ``base``.

    Raises:
        Clashing: both changed the same records, and nobody has decided.
    """
    decisions = list(choices.decisions)
    for _ in range(MAX_ROUNDS):
        merging = zone_merge.merge(base, ours, theirs, apex, decisions, respell=choices.respell)
        found = await reader.answer(merging)
        if not found.clashes:
            return await _plan_changes(reader, found, apex)
        if choices.preferred is None:
            break
        decisions += [conflicts.decided(clash, choices.preferred) for clash in found.clashes]
    raise MergeConflicts(found.clashes)


async def _plan_changes(reader: Reader, found: Merged, apex: Name) -> PlannedChange:
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
