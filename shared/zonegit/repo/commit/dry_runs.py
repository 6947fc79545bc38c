"""Determine whether a move would be accepted, without making it. The ref store decides, or this
client if the move is too large for one message."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Literal

import msgspec

from zonegit.errors import Conflict, ZonegitError
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.repo.repo import Repo
from zonegit.safety import judgement
from zonegit.safety.moves import MoveRequest
from zonegit.safety.reader import MoveReader
from zonegit.store import ref_names
from zonegit.store.ref_log import Origin
from zonegit.store.ref_names import DEFAULT_BRANCH, RefName
from zonegit.store.refs import Expected
from zonegit.wire import messages
from zonegit.zone.names import Name


class Judgement(msgspec.Struct, frozen=True):
    """The answer about a move that was not made.

    Attributes:
        refusal: the error that the move would raise; None if it would be accepted.
        judged_by: the process that applied the rules.
    """

    refusal: ZonegitError | None
    judged_by: Literal["refs", "client"]

    def raise_lost_race(self) -> None:
        """Raise the Conflict that the move would raise if the branch has moved: the caller may
        retry."""
        if isinstance(self.refusal, Conflict):
            raise self.refusal


async def judge(
    repo: Repo,
    ref: RefName,
    expected: Expected,
    new: ObjectId | None,
    origin: Origin,
    objects: Sequence[RawObject] = (),
    seen: Sequence[RawObject] = (),
    *,
    registers: bool = False,
) -> Judgement:
    """Return whether a move would be accepted. Nothing is moved or stored.

    Args:
        repo: the stores.
        ref: the ref.
        expected: the state that it must be in.
        new: its new value; None to delete it.
        origin: the origin of the move.
        objects: the new objects that the move would store.
        seen: other objects that were read.
        registers: the same operation registers the zone first.
    """
    by_refs = messages.fits_message(objects)
    try:
        if by_refs:
            await repo.refs.judge(ref, expected, new, origin, objects, seen, registers=registers)
        else:
            request = MoveRequest(ref, expected, new, origin.force, origin.reason, registers)
            known = {raw.id: raw for raw in [*objects, *seen]}
            reader = MoveReader(repo.objects, known, is_stored=False)
            await judgement.judge(reader, request, partial(repo.refs.basis, ref))
    except ZonegitError as refusal:
        return Judgement(refusal, "refs" if by_refs else "client")
    return Judgement(None, "refs" if by_refs else "client")


async def judge_zone(repo: Repo, zone: Name) -> Judgement:
    """Return whether the ref store registers and removes zones at present. It does not while it
    waits for a recovery. The caller knows whether this zone exists and has branches."""
    try:
        await repo.refs.basis(ref_names.branch(zone, DEFAULT_BRANCH))
    except ZonegitError as refusal:
        return Judgement(refusal, "refs")
    return Judgement(None, "refs")


def find_refusal(judgements: Iterable[Judgement | None]) -> ZonegitError | None:
    """Return the first error among several judgements, None if all are accepted."""
    refusals = (each.refusal for each in judgements if each is not None)
    return next((each for each in refusals if each is not None), None)
