"""Check a tip: resolvers can load it, and it is a valid zone. ``force`` does not override this.

What was accepted before stays accepted. RRsets of the present tip are not judged again. A commit
that the log has as a tip of the zone is accepted again, and so are its RRsets in a commit on top of
it. Undo, reset and merge therefore still work with commits that an earlier release accepted; the
flaws become warnings (docs/adr/0042-valid-tips.md).
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import msgspec

from zonegit.errors import Corrupt, Invalid, NotFound, Unavailable
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.safety.flaw_walk import Flaw, Flaws
from zonegit.safety.reader import MoveReader
from zonegit.safety.tree_flaws import MAX_FLAWS, find_flaws
from zonegit.store.basis import ServedTree
from zonegit.store.ref_names import RefName
from zonegit.zone.names import Name

MAX_SHOWN: Final = 3
"""Flaws that an error names; the rest is counted."""

ReadAccepted = Callable[[Collection[ObjectId]], Awaitable[Collection[ObjectId]]]
"""Returns the given commits that the log has as tips of the zone."""


class Candidate(msgspec.Struct, frozen=True):
    """A commit that a ref of ``zone`` is to be moved to.

    Attributes:
        served: its tree and the serial of its SOA.
    """

    zone: Name
    commit: CommitId
    served: ServedTree
    parents: tuple[CommitId, ...]

    @property
    def lineage(self) -> list[ObjectId]:
        """Return the commit and its parents."""
        return [self.commit, *self.parents]


async def check_tip(
    reader: MoveReader,
    ref: RefName,
    candidate: Candidate,
    tip: ObjectId | None,
    read_accepted: ReadAccepted,
    *,
    any_spelling: bool = False,
) -> list[Flaw]:
    """Check that a tip is a valid zone.

    Args:
        reader: reads the objects.
        ref: the ref to be moved.
        candidate: the new tip.
        tip: the present tip of a branch; None if there is none, and for tags.
        read_accepted: returns which commits were accepted before; called only if that matters.
        any_spelling: accept any name of a type, for example ``TYPE1`` for A.

    Returns:
        The flaws of the tip, all of which were accepted before.

    Raises:
        Invalid: it has other flaws.
        Unavailable: objects that the check needs are missing.
    """
    new = candidate.served.tree
    try:
        old = await _read_tree(reader, tip) if tip is not None else None
        if old == new:
            return []
        if old is None:
            accepted = await read_accepted(candidate.lineage)
            if candidate.commit in accepted:
                return []
            parents = (each for each in candidate.parents if each in accepted)
            parent = next(parents, None)
            old = await _read_tree(reader, parent) if parent is not None else None
        found = await _judge_tree(reader, candidate, old, (), any_spelling=any_spelling)
        if found.new:
            accepted = await read_accepted(candidate.lineage)
            found = await _judge_again(
                reader, candidate, old, found, accepted, any_spelling=any_spelling
            )
    except NotFound as error:
        raise Unavailable(
            f"cannot check the new tip of {ref.path()}: {error.message}",
            hint="zonegit fsck lists the missing objects",
        ) from error
    if found.new:
        raise _refusal_error(ref, found.new)
    return found.accepted


async def _judge_again(
    reader: MoveReader,
    candidate: Candidate,
    old: ObjectId | None,
    found: Flaws,
    accepted: Collection[ObjectId],
    *,
    any_spelling: bool,
) -> Flaws:
    """Return the flaws of a tip, and separately those that it shares with its accepted parents."""
    if candidate.commit in accepted:
        return Flaws(accepted=found.new)
    known = [each for each in candidate.parents if each in accepted]
    trees = [tree for each in known if (tree := await _read_tree(reader, each)) is not None]
    if not trees:
        return found
    return await _judge_tree(reader, candidate, old, trees, any_spelling=any_spelling)


async def _judge_tree(
    reader: MoveReader,
    candidate: Candidate,
    old: ObjectId | None,
    others: Sequence[ObjectId],
    *,
    any_spelling: bool,
) -> Flaws:
    """Return the flaws of a tip. If the tree before cannot be read, the whole tip is judged."""
    new = candidate.served.tree
    for before in (old, None) if old is not None else (None,):
        judging = find_flaws(
            candidate.zone, before, new, others, any_spelling=any_spelling, diffs=reader.diffs
        )
        try:
            return await reader.judge(judging)
        except NotFound:
            if before is None:
                raise
        except (Corrupt, Invalid) as error:
            flaw = Flaw(candidate.zone, None, error.message)
    return Flaws([flaw])


async def _read_tree(reader: MoveReader, commit: ObjectId) -> ObjectId | None:
    """Return the tree of a commit; None if the store has lost the commit."""
    try:
        return (await reader.read_commit(commit)).tree
    except (NotFound, Corrupt):
        return None


def _refusal_error(ref: RefName, flaws: Sequence[Flaw]) -> Invalid:
    shown = "; ".join(flaw.message for flaw in flaws[:MAX_SHOWN])
    more = len(flaws) - MAX_SHOWN
    rest = f"; and {more}{' or more' if len(flaws) >= MAX_FLAWS else ''} others" if more > 0 else ""
    return Invalid(
        f"{ref.path()} cannot be moved to this commit: {shown}{rest}",
        hint="correct the records; --force does not override this check",
    )
