"""The heartbeats of the ref store whose log is followed, and of other ref stores on the bus."""

import time
from enum import Enum, auto

import msgspec
import structlog

from zonegit.store.installation import (
    PRESENT_AFTER_HEARTBEAT_S,
    FollowedEnd,
    accepts_installation,
)
from zonegit.wire.messages import Heartbeat

log = structlog.get_logger()


class HeartbeatSender(Enum):
    """The sender of a heartbeat."""

    FOLLOWED = auto()
    """The followed store."""
    RETURNED = auto()
    """The followed store, after a foreign one was alone on the bus."""
    REPLACED = auto()
    """The followed store, with another log than before."""
    FOREIGN = auto()
    """A store of another installation that is alone on the bus, for the first time."""
    OTHER = auto()
    """Any other store."""


class StoreHeartbeats:
    """The heartbeats that one follower of a log has received."""

    def __init__(self) -> None:
        self.refused_installation = ""
        """The installation of a ref store that is on the bus but not followed; empty if there is
        none."""
        self.is_recovering = False
        """True if zones await recovery, as of the last read of all refs."""
        self._last: Heartbeat | None = None
        self._last_at = float("-inf")
        self._sequence_then = 0
        self._additional = ""

    def take(self, heartbeat: Heartbeat, end: FollowedEnd, *, is_held: bool) -> HeartbeatSender:
        """Record a heartbeat, and return its sender.

        Args:
            heartbeat: the heartbeat.
            end: the last row that was applied.
            is_held: whether the ref store has lost rows that were applied.
        """
        if not accepts_installation(end.installation, heartbeat.installation, heartbeat.replaces):
            return self._take_other(heartbeat.installation, end)
        self._last_at = time.monotonic()
        before, self._last = self._last, heartbeat
        if self.refused_installation:
            log.info("refs.accepted", held=end.installation)
            self.refused_installation = ""
            return HeartbeatSender.RETURNED
        if self._is_log_replaced(before, heartbeat, end, is_held=is_held):
            return HeartbeatSender.REPLACED
        return HeartbeatSender.FOLLOWED

    def note_applied(self, sequence: int) -> None:
        """Record the last row that was applied when the last heartbeat arrived."""
        self._sequence_then = sequence

    def note_read(self) -> None:
        """Record that the followed ref store has answered."""
        self.refused_installation = ""
        self._last_at = time.monotonic()

    def is_alive(self) -> bool:
        """Return whether the followed ref store was heard a moment ago."""
        return time.monotonic() - self._last_at < PRESENT_AFTER_HEARTBEAT_S

    def refuse(self, installation: str, end: FollowedEnd) -> bool:
        """Record that the only ref store on the bus belongs to another installation, and return
        whether that is new."""
        if installation == self.refused_installation:
            return False
        self.refused_installation = installation
        log.error(
            "refs.refused",
            installation=installation,
            held=end.installation,
            hint="start refs with its own data folder; if this store replaces that one, run:"
            f" zonegit adopt-store {end.installation}",
        )
        return True

    def _take_other(self, installation: str, end: FollowedEnd) -> HeartbeatSender:
        if not self.is_alive():
            is_new = self.refuse(installation, end)
            return HeartbeatSender.FOREIGN if is_new else HeartbeatSender.OTHER
        if installation != self._additional:
            self._additional = installation
            log.error(
                "refs.second",
                installation=installation,
                held=end.installation,
                hint="two ref stores serve on one bus; stop the one of that installation",
            )
        return HeartbeatSender.OTHER

    def _is_log_replaced(
        self, before: Heartbeat | None, heartbeat: Heartbeat, end: FollowedEnd, *, is_held: bool
    ) -> bool:
        """Return whether the log is another one than before, so all refs must be read again."""
        is_repeated = _is_same(before, heartbeat)
        if is_held:
            return not is_repeated
        awaits_recovery = heartbeat.restored or heartbeat.awaiting > 0
        if self.is_recovering and not (awaits_recovery and is_repeated):
            return True
        # An event can arrive before an earlier heartbeat, but not before one that was sent a second
        # earlier.
        return heartbeat.epoch != end.epoch or heartbeat.sequence < self._sequence_then


def _is_same(before: Heartbeat | None, heartbeat: Heartbeat) -> bool:
    """Return whether two heartbeats differ in nothing but their time."""
    return before is not None and msgspec.structs.replace(before, time=heartbeat.time) == heartbeat
