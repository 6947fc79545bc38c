"""Refuse replies to subjects outside of inboxes: counted, and logged at a bounded rate."""

import time
from collections.abc import Callable
from typing import Final

from zonegit.wire import subjects

LOG_INTERVAL_S: Final = 60.0
"""At most one line of log in so many seconds, whatever arrives."""
MAX_SHOWN: Final = 300
"""Characters of a subject in the log."""


class ReplyGuard:
    """Refuses replies outside of the requester's inbox. ``report`` writes a line of log."""

    def __init__(
        self, report: Callable[..., object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._report = report
        self._clock = clock
        self._silent_until = 0.0
        self.refused = 0
        """The number of requests refused since the connection was made."""

    def allows(self, subject: str, reply: str) -> bool:
        """Return whether a request may be answered; empty ``reply``: it wants no answer."""
        if not reply or subjects.may_answer(subject, reply):
            return True
        self.refused += 1
        now = self._clock()
        if now >= self._silent_until:
            self._silent_until = now + LOG_INTERVAL_S
            self._report(
                "bus.reply-refused",
                subject=subject[:MAX_SHOWN],
                reply=reply[:MAX_SHOWN],
                refused=str(self.refused),
            )
        return False
