"""Decides whether a ref store may be followed by one that followed a ref store before.

A ref store over an empty folder says that there are no zones, and a second one says something else.
Followers that believe either delete what they hold. So each installation has an id, which is in its
file and in all backups of it, and each epoch of its log names the epochs before it
(docs/adr/0045-installations.md).
"""

from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from zonegit.store.protocols import PastEpoch, RefsSnapshot

OURS_S: Final = 3.0
"""How long after its last heartbeat a ref store is believed to be there. While it is, another one
is a second one next to it, and not one in its place."""


class FollowedEnd(NamedTuple):
    """The end of the log that a follower has followed: installation (empty: unknown), epoch (empty:
    none was followed), sequence, and the epochs before, the latest first."""

    installation: str
    epoch: str
    sequence: int
    past: Sequence[str]


class FollowVerdict(Enum):
    """The decision about a log: it is the one that is held, or continues it; it is another one that
    replaces it; it went back; it is another installation's."""

    CONTINUES = auto()
    REPLACES = auto()
    WENT_BACK = auto()
    FOREIGN = auto()


def belongs(held: str, found: str, replaces: Collection[str]) -> bool:
    """Return whether a ref store is of the installation that is held, or replaces that.

    Args:
        held: the installation that is held; empty: none yet.
        found: the ref store's; empty: it is of an earlier release.
        replaces: the installations that it replaces.
    """
    return not held or not found or held == found or held in replaces


def judge(held: FollowedEnd, found: RefsSnapshot) -> FollowVerdict:
    """Decide whether the log of a ref store is followed.

    A new epoch is, if it names the epoch that is held as one before it, and has all of that epoch's
    rows that are held; or a recovery has begun since, which says that the later ones are lost.
    Where an epoch is not named, a recovery from one that the held epoch came after says the same.
    """
    if held.epoch and held.epoch in found.replaces:
        return FollowVerdict.REPLACES
    if not belongs(held.installation, found.installation, found.replaces):
        return FollowVerdict.FOREIGN
    if held.installation in found.replaces:
        return FollowVerdict.REPLACES
    if not held.epoch or _continues(held, found):
        return FollowVerdict.CONTINUES
    return FollowVerdict.WENT_BACK


def _continues(held: FollowedEnd, found: RefsSnapshot) -> bool:
    if found.epoch == held.epoch:
        return found.sequence >= held.sequence
    if found.epoch in held.past:
        return False
    since = _ended_since(held, found.past)
    if not since:
        return False
    last = since[-1]
    has_all = last.epoch == held.epoch and last.sequence >= held.sequence
    return has_all or any(each.recovered for each in since)


def _ended_since(held: FollowedEnd, past: Sequence[PastEpoch]) -> Sequence[PastEpoch]:
    """Return the epochs that ended after the one held, the latest first, that one among them; or
    after the latest one that both logs share. Empty: they share none."""
    for shared in (held.epoch, *held.past):
        for number, each in enumerate(past):
            if each.epoch == shared:
                return past[: number + 1]
    return ()
