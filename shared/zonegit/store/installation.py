"""Decide whether a follower of a ref store may follow the log that it finds.

A ref store with an empty folder has no zones, and a second ref store has other zones. A follower
that accepted either would delete its data. So each installation has an id, which is in its file and
in all of its backups, and each epoch of the log names the epochs before it
(docs/adr/0045-installations.md).
"""

from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from zonegit.store.ref_log import PastEpoch
from zonegit.store.refs import RefsSnapshot

PRESENT_AFTER_HEARTBEAT_S: Final = 3.0
"""Time after the last heartbeat during which a ref store is considered running. Another one that
appears in this time is an additional one, not a replacement."""


class FollowedEnd(NamedTuple):
    """The end of the log that a follower has applied.

    Args:
        installation: the id of the installation; empty if unknown.
        epoch: the epoch; empty if no log was followed.
        sequence: the sequence of the last row.
        past: the epochs before this one, the latest first.
        operation: the operation of the last row; empty if unknown.
    """

    installation: str = ""
    epoch: str = ""
    sequence: int = 0
    past: tuple[str, ...] = ()
    operation: str = ""


class FollowVerdict(Enum):
    """The relation of a log to the one that was followed before.

    It is the same log or continues it; it replaces it; it lacks rows of it; or it belongs to a
    foreign installation.
    """

    CONTINUES = auto()
    REPLACES = auto()
    WENT_BACK = auto()
    FOREIGN = auto()


def accepts_installation(followed: str, found: str, replaces: Collection[str]) -> bool:
    """Return whether a ref store belongs to the followed installation, or replaces it.

    Args:
        followed: the followed installation; empty if there is none yet.
        found: the installation of the ref store; empty if it is of an earlier release.
        replaces: the installations that the ref store replaces.
    """
    return not followed or not found or followed == found or followed in replaces


def judge(followed: FollowedEnd, found: RefsSnapshot) -> FollowVerdict:
    """Decide whether a follower may follow the log of a ref store.

    A new epoch continues the followed epoch if it names that epoch and has all of its rows that the
    follower has applied, or if a recovery has begun since, because then the later rows are known to
    be lost. If the new epoch does not name the followed epoch, a recovery from an epoch before it
    has the same effect.
    """
    if followed.epoch and followed.epoch in found.replaces:
        return FollowVerdict.REPLACES
    if not accepts_installation(followed.installation, found.installation, found.replaces):
        return FollowVerdict.FOREIGN
    if followed.installation in found.replaces:
        return FollowVerdict.REPLACES
    if not followed.epoch or _continues(followed, found):
        return FollowVerdict.CONTINUES
    return FollowVerdict.WENT_BACK


def _continues(followed: FollowedEnd, found: RefsSnapshot) -> bool:
    if found.epoch == followed.epoch:
        return found.sequence >= followed.sequence
    if found.epoch in followed.past:
        return False
    since = _list_ended_since(followed, found.past)
    if not since:
        return False
    last = since[-1]
    has_all = last.epoch == followed.epoch and last.sequence >= followed.sequence
    return has_all or any(each.recovered for each in since)


def _list_ended_since(followed: FollowedEnd, past: Sequence[PastEpoch]) -> Sequence[PastEpoch]:
    """Return the epochs from the followed one on, the latest first.

    If the log does not name the followed epoch, the result begins with the latest epoch that both
    logs have. It is empty if they have no epoch in common.
    """
    for shared in (followed.epoch, *followed.past):
        for number, each in enumerate(past):
            if each.epoch == shared:
                return past[: number + 1]
    return ()
