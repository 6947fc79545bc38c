"""The recovery after a restore of the ref store: its values, and the serials of branches.

The store has the tip of the backup. Resolvers know the highest serial that they answered, which
secondaries may have. The branch must continue at a serial that is later than all of these (RFC
1982), or stay unchanged if they have exactly its tip (docs/adr/0030-recovery.md).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from zonegit.objects.ids import ObjectId
from zonegit.store.ref_log import PastEpoch
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.serial import HALF, advance, increment, is_later, latest, lead

DEFAULT_HEADROOM: Final = 1_000
"""The increase of the serial of a branch if no resolver knows the serial that was served last."""
MAX_HEADROOM: Final = HALF - 1
"""The greatest number that may be added to a serial (RFC 1982 section 3.1)."""
MAX_LEAD: Final = 1 << 30
"""The greatest lead of a resolver's serial over a tip that is accepted without confirmation by the
operator: half of the range, so that one faulty resolver cannot use it up."""


class Witness(msgspec.Struct, frozen=True):
    """A resolver that applied a row of the log that the ref store does not have (any more).

    Args:
        resolver: the name of the resolver.
        epoch: the epoch of the last row that it applied.
        sequence: the sequence of that row.
        operation: the operation of that row; empty if unknown.
    """

    resolver: str
    epoch: str
    sequence: int
    operation: str = ""


class Owed(msgspec.Struct, frozen=True):
    """A branch that needs a tip with a serial later than ``serial``.

    Its SOA is signed, so the recovery could not commit to it.
    """

    zone: Name
    branch: str
    serial: int

    def __post_init__(self) -> None:
        names.require(self.zone)


class Recovery(msgspec.Struct, frozen=True):
    """The state of the recovery after a restore of the ref store from a backup.

    Args:
        epoch: the epoch of the log.
        sequence: the end of the log.
        past: the epochs before this one, the latest first.
        witness: a resolver that proves the restore; None if there is no proof since the latest
            recovery.
        awaiting: the number of zones that are not recovered yet.
        zones: the first 100 of them.
        owed: the first 100 branches that need a later serial.
        doubted: the ids of runs of the ref store before which it may have been restored without
            the knowledge of any resolver. A resolver whose cache began in such a run has no
            knowledge of the time before it.
        installation: the id of the installation, as in :class:`RefsSnapshot`.
        replaces: the ids of the installations that it replaces.
    """

    epoch: str
    sequence: int
    past: list[PastEpoch] = []
    witness: Witness | None = None
    awaiting: int = 0
    zones: list[Name] = []
    owed: list[Owed] = []
    doubted: list[str] = []
    installation: str = ""
    replaces: list[str] = []


class Renewal(msgspec.Struct, frozen=True):
    """The recovery of a branch.

    Args:
        branch: the name of the branch.
        expected: its tip.
        new: a commit on that tip with the same records and a later serial; None if the branch does
            not move.
    """

    branch: str
    expected: ObjectId
    new: ObjectId | None = None


class Guard(msgspec.Struct, frozen=True):
    """The highest serial of a branch, as determined by a recovery.

    Args:
        branch: the name of the branch.
        serial: the highest serial; it has no effect if the store has a later one.
        tree: the tree that was served with that serial.
        owed: whether the branch needs a tip with a later serial (:class:`Owed`).
    """

    branch: str
    serial: int
    tree: ObjectId
    owed: bool = False


def describe_witness(witness: Witness, sequence: int) -> str:
    """Return a message that explains how a witness proves that a store was restored.

    Args:
        witness: the witness.
        sequence: the end of the log of the store.
    """
    if witness.sequence <= sequence:
        return f"{witness.resolver} has applied another row {witness.sequence} than that of its log"
    return f"its log ends at {sequence}, but {witness.resolver} has applied {witness.sequence}"


class AnsweredSerial(msgspec.Struct, frozen=True):
    """The highest serial that a resolver answered for a branch.

    Args:
        resolver: the name of the resolver.
        serial: the serial.
        tree: the tree that was served with that serial.
        is_complete: whether the resolver has followed the branch since before the restore; False if
            this is uncertain because its cache was lost, too.
    """

    resolver: str
    serial: int
    tree: ObjectId
    is_complete: bool = True


class RestoredBranch(msgspec.Struct, frozen=True):
    """A branch in the restored store.

    Args:
        serial: the serial of its tip.
        tree: the tree of its tip.
        highest: the highest serial that the store knows.
    """

    serial: int
    tree: ObjectId
    highest: int


class Leave(msgspec.Struct, frozen=True):
    """The branch stays unchanged, because its tip is what was served last."""


class Renew(msgspec.Struct, frozen=True):
    """The same records are committed with a later serial.

    Args:
        serial: the new serial.
        known: the highest serial that resolvers answered, or None if it is unknown or earlier than
            the serial of the tip.
    """

    serial: int
    known: AnsweredSerial | None = None


class Doubt(msgspec.Struct, frozen=True):
    """No serial can be decided.

    Args:
        answer: the answer of a resolver that is doubtful, or None.
        reason: the reason, for messages.
    """

    answer: AnsweredSerial | None
    reason: str


RecoveryVerdict = Leave | Renew | Doubt


def decide(
    branch: RestoredBranch, answers: Iterable[AnsweredSerial], headroom: int
) -> RecoveryVerdict:
    """Decide the serial at which a branch continues.

    Args:
        branch: the branch in the restored store.
        answers: the answers of resolvers about the branch, without those to be ignored.
        headroom: the increase if no later serial is known, 1 to ``MAX_HEADROOM``.

    Returns:
        ``Leave`` if the highest serial that was answered is that of the tip, with only the tree of
        the tip. ``Renew`` with the serial after the highest one if that is later than the serial of
        the tip, or equal with another tree. ``Renew`` with an increase of ``headroom`` if the
        highest serial is earlier than that of the tip, or no complete answer has it. The new serial
        is later than each answer less than half of all serials behind it; for others there may be
        no such serial (RFC 1982 section 3.2). ``Doubt`` if an answer is too far ahead, or if no
        serial is later than both the serial of the tip and the highest serial of the branch.
    """
    answers = list(answers)
    for each in answers:
        ahead = lead(each.serial, branch.serial)
        if ahead > MAX_LEAD or ahead == -HALF:
            return Doubt(each, f"serial {each.serial} is too far ahead of {branch.serial}")
    known = max(answers, key=lambda each: lead(each.serial, branch.serial), default=None)
    if known is None or is_later(branch.serial, known.serial):
        return _renew(branch, advance(latest(branch.serial, branch.highest), headroom), None)
    highest = [each for each in answers if each.serial == known.serial]
    if not any(each.is_complete for each in highest):
        reached = latest(latest(branch.serial, branch.highest), known.serial)
        return _renew(branch, advance(reached, headroom), None)
    trees = {each.tree for each in highest}
    if known.serial == branch.serial and trees == {branch.tree}:
        return Leave()
    return _renew(branch, increment(latest(known.serial, branch.highest)), known)


def _renew(branch: RestoredBranch, serial: int, known: AnsweredSerial | None) -> RecoveryVerdict:
    if not (is_later(serial, branch.serial) and is_later(serial, branch.highest)):
        return Doubt(
            known,
            f"serial {serial} is not later than both {branch.serial} and {branch.highest},"
            " which the branch had before (RFC 1982); try another --serial-headroom",
        )
    return Renew(serial, known)
