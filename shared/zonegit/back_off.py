"""Exponential back-off: pauses between attempts, each twice as long as the one before. Pure."""


class BackOff:
    """The pause before the next attempt.

    Args:
        first_s: the pause after the first failure, in seconds.
        max_s: the longest pause.
    """

    __slots__ = ("_first_s", "_max_s", "pause_s")

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self.pause_s = first_s
        """Seconds until the next attempt."""

    def grow(self) -> None:
        """Double the pause, after another failure."""
        self.pause_s = min(2 * self.pause_s, self._max_s)

    def reset(self) -> None:
        """Start with the first pause again, after a success."""
        self.pause_s = self._first_s
