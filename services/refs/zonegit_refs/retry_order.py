"""Order retries fairly after a compare-and-swap conflict.

A client that lost a race reads the new tip and tries again; the winner is ahead of it, and would
win again. So a loser that announces a retry gets the next turn: other clients that move the same
ref wait for it briefly. Only fairness depends on this; the order is forgotten when the process ends
(docs/adr/0013-fair-retries.md).
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from zonegit.store.ref_names import RefName

TURN_S: Final = 0.25
"""Seconds for which a turn is reserved for a client that does not return."""

MAX_WAIT_S: Final = 1.0
"""The maximum time in seconds for which a client waits for the turns of others."""

MAX_WAITING: Final = 100
"""The maximum number of clients with a turn for one ref; others race without order."""


@dataclass(slots=True)
class _RetryQueue:
    """The clients that lost, by token. The first has the turn until ``ends``, in seconds of the
    clock of the loop. ``moved_up`` is set and replaced when a client leaves."""

    ends: float
    tokens: deque[str] = field(default_factory=deque)
    moved_up: asyncio.Event = field(default_factory=asyncio.Event)


class RetryQueues:
    """The queues of refs for which a race was lost."""

    def __init__(self, turn_s: float = TURN_S, max_wait_s: float = MAX_WAIT_S) -> None:
        self._turn_s = turn_s
        self._max_wait_s = max_wait_s
        self._lines: dict[RefName, _RetryQueue] = {}

    async def wait(self, ref: RefName, token: str | None) -> None:
        """Wait until no other client has the turn, but no longer than ``max_wait_s``."""
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
        """Record that a client lost a race. Without a token it does not announce a retry."""
        if token is None:
            return
        line = self._lines.setdefault(ref, _RetryQueue(self._end_of_turn()))
        if token in line.tokens:
            if line.tokens[0] == token:
                line.ends = self._end_of_turn()
        elif len(line.tokens) < MAX_WAITING:
            line.tokens.append(token)

    def leave(self, ref: RefName, token: str | None) -> None:
        """Record that a client has moved the ref or given up."""
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
