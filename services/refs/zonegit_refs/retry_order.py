"""Whose turn it is to move a ref, after a race was lost.

A client that lost reads the new tip and tries again; whoever won is ahead of it, and so would win
again and again. Hence a loser that says it will be back has the next turn: others who would move
that ref wait for it, briefly. Nothing depends on this but fairness; it is forgotten with the
process (docs/adr/0013-fair-retries.md).
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from zonegit.store.ref_names import RefName

TURN_S: Final = 0.25
"""How long a turn is kept for somebody who does not come."""

MAX_WAIT_S: Final = 1.0
"""How long anybody waits for the turns of others."""

MAX_WAITING: Final = 100
"""Losers with a turn to come, for each ref; more of them race as if there were no turns."""


@dataclass(slots=True)
class _RetryQueue:
    """Those who lost, the first of whom has the turn until ``ends``, in seconds of the loop's
    clock. ``moved_up`` is replaced each time somebody leaves."""

    ends: float
    tokens: deque[str] = field(default_factory=deque)
    moved_up: asyncio.Event = field(default_factory=asyncio.Event)


class RetryQueues:
    """The lines before refs that are raced for; a ref that nobody lost a race for has none."""

    def __init__(self, turn_s: float = TURN_S, max_wait_s: float = MAX_WAIT_S) -> None:
        self._turn_s = turn_s
        self._max_wait_s = max_wait_s
        self._lines: dict[RefName, _RetryQueue] = {}

    async def wait(self, ref: RefName, token: str | None) -> None:
        """Returns when nobody else has the turn, or patience is at its end."""
        clock = asyncio.get_running_loop().time
        give_up = clock() + self._max_wait_s
        while (line := self._lines.get(ref)) and line.tokens[0] != token and clock() < give_up:
            first = line.tokens[0]
            try:
                async with asyncio.timeout_at(min(line.ends, give_up)):
                    await line.moved_up.wait()
            except TimeoutError:
                if clock() >= line.ends and line.tokens and line.tokens[0] == first:
                    self.leave(ref, first)

    def record_loss(self, ref: RefName, token: str | None) -> None:
        """Somebody lost a race; ``token`` None: and will not be back."""
        if token is None:
            return
        line = self._lines.setdefault(ref, _RetryQueue(self._end_of_turn()))
        if token in line.tokens:
            if line.tokens[0] == token:
                line.ends = self._end_of_turn()
        elif len(line.tokens) < MAX_WAITING:
            line.tokens.append(token)

    def leave(self, ref: RefName, token: str | None) -> None:
        """Somebody has moved the ref, or given up."""
        line = self._lines.get(ref)
        if line is None or token is None or token not in line.tokens:
            return
        line.tokens.remove(token)
        line.ends = self._end_of_turn()
        line.moved_up.set()
        line.moved_up = asyncio.Event()
        if not line.tokens:
            del self._lines[ref]

    def _end_of_turn(self) -> float:
        return asyncio.get_running_loop().time() + self._turn_s
