"""The decision about a branch after a restore of the ref store: facts in, a verdict out.

The store knows the tip of the backup. Resolvers know the highest serial that they ever answered,
and so what secondaries may hold. A branch has to go on at a serial that all of these follow
(RFC 1982), or to stay where it is certain that they hold just that (docs/adr/0030-recovery.md).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from zonegit.objects.ids import ObjectId
from zonegit.store.protocols import Witness
from zonegit.zone.serial import HALF, advance, following, later, latest, lead

DEFAULT_HEADROOM: Final = 1_000
"""Increase of a branch's serial if no resolver knows what was served last."""
MAX_HEADROOM: Final = HALF - 1
"""RFC 1982 section 3.1: more than this cannot be added to a serial."""
MAX_LEAD: Final = 1 << 30
"""How far ahead of a tip a resolver's serial is believed without a word of the operator: half of
what serials can tell apart, so that one faulty resolver cannot use it up."""


def describe_witness(witness: Witness, sequence: int) -> str:
    """Return in words what proves that a store which ends at ``sequence`` was restored."""
    if witness.sequence <= sequence:
        return f"{witness.resolver} has seen another row {witness.sequence} of its log than it has"
    return f"it ends at {sequence} of its log, and {witness.resolver} has seen {witness.sequence}"


class AnsweredSerial(msgspec.Struct, frozen=True):
    """The highest serial that a resolver ever answered for a branch, and the tree it stood for.
    ``is_complete`` False: perhaps the resolver has known the branch only since the restore, for its
    cache was lost, too."""

    resolver: str
    serial: int
    tree: ObjectId
    is_complete: bool = True


class RestoredBranch(msgspec.Struct, frozen=True):
    """A branch as the restored store has it: the tip's serial and tree, and the highest serial
    that the store knows of."""

    serial: int
    tree: ObjectId
    highest: int


class Leave(msgspec.Struct, frozen=True):
    """The branch stays: what is served last is what it holds."""


class Renew(msgspec.Struct, frozen=True):
    """The same records are committed at ``serial``. ``known`` is the highest serial that resolvers
    answered, or None if it is unknown or earlier than the tip's."""

    serial: int
    known: AnsweredSerial | None = None


class Doubt(msgspec.Struct, frozen=True):
    """No serial can be decided upon: ``answer`` is not believed, because of ``reason``."""

    answer: AnsweredSerial | None
    reason: str


RecoveryVerdict = Leave | Renew | Doubt


def decide(
    branch: RestoredBranch, answers: Iterable[AnsweredSerial], headroom: int
) -> RecoveryVerdict:
    """Decide at which serial a branch goes on.

    Args:
        branch: what the restored store holds.
        answers: what resolvers say of the branch; those to be ignored left out.
        headroom: what is added where nothing later is known, 1 to ``MAX_HEADROOM``.

    Returns:
        ``Leave`` if the highest serial answered is the tip's and stood for the tip's tree alone;
        ``Renew`` at the serial after it if it is the tip's with another tree, or is later;
        ``Renew`` at the tip's plus ``headroom`` if it is earlier, or not known: only resolvers
        whose answers are complete know it, and the serial is later than all answers in any case;
        ``Doubt`` if it is so far ahead that it is not believed, or no serial is later than both
        the tip's and the highest.
    """
    answers = list(answers)
    for each in answers:
        ahead = lead(each.serial, branch.serial)
        if ahead > MAX_LEAD or ahead == -HALF:
            return Doubt(each, f"serial {each.serial} is too far ahead of {branch.serial}")
    known = max(answers, key=lambda each: lead(each.serial, branch.serial), default=None)
    if known is None or later(branch.serial, known.serial):
        return _renew(branch, advance(latest(branch.serial, branch.highest), headroom), None)
    highest = [each for each in answers if each.serial == known.serial]
    if not any(each.is_complete for each in highest):
        reached = latest(latest(branch.serial, branch.highest), known.serial)
        return _renew(branch, advance(reached, headroom), None)
    trees = {each.tree for each in highest}
    if known.serial == branch.serial and trees == {branch.tree}:
        return Leave()
    return _renew(branch, following(latest(known.serial, branch.highest)), known)


def _renew(branch: RestoredBranch, serial: int, known: AnsweredSerial | None) -> RecoveryVerdict:
    if not (later(serial, branch.serial) and later(serial, branch.highest)):
        return Doubt(
            known,
            f"serial {serial} is not later than both {branch.serial} and {branch.highest},"
            " which the branch had before (RFC 1982); another --serial-headroom may be",
        )
    return Renew(serial, known)
