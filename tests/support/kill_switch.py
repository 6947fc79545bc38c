"""Simulate a process that is killed at one of its writes, with real stores that stop accepting
calls."""

from collections.abc import Callable
from typing import Any

WRITES = frozenset(
    {"register", "unregister", "move", "take_over", "point", "unpoint", "put", "drop", "recover"}
)


class ProcessKilled(Exception):
    """The process was killed."""


class KillSwitch:
    """Counts writes, and kills the process before or just after the write numbered ``last``.

    The process is never killed if ``last`` is None.
    """

    def __init__(self, last: int | None = None, *, after: bool = False) -> None:
        self._last = last
        self._after = after
        self._is_over = False
        self.writes = 0

    def wrap(self, store: Any) -> Any:
        """Return ``store`` with its writes counted."""
        return _Living(store, self)

    async def write(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self._end_if(self._is_over)
        self.writes += 1
        is_last = self.writes == self._last
        self._end_if(is_last and not self._after)
        result = await work(*arguments)
        self._end_if(is_last or self._is_over)
        return result

    def _end_if(self, is_over: bool) -> None:
        if is_over:
            self._is_over = True
            raise ProcessKilled


class _Living:
    def __init__(self, store: Any, life: KillSwitch) -> None:
        self._store = store
        self._life = life

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._store, name)
        if name not in WRITES:
            return work
        return lambda *arguments: self._life.write(work, *arguments)
