"""Queue the checks of moves: the process has one event loop, and a check can use it for seconds in
total, in short slices.

Moves and dry runs are a class each with places of their own, so that neither waits for the places
of the other. Within a class each actor gets an equal part of the time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from zonegit.bus import interim
from zonegit.fairness.fair_queue import Share
from zonegit.fairness.gate import Gate, HeldTurn
from zonegit.safety.reader import OnPause

MOVES: Final = "moves"
QUESTIONS: Final = "questions"

MAX_MOVES: Final = 8
MAX_QUESTIONS: Final = 4
"""Checks of each class that run at a time."""
MAX_OF_ACTOR: Final = 4
MAX_QUESTIONS_OF_ACTOR: Final = 2
"""Checks of one actor that run at a time."""
MAX_WAITING_OF_ACTOR: Final = 64
"""More than the requests of an actor that the service runs at a time (:mod:`zonegit.bus.lanes`), so
every request that the service accepted is checked."""


MAX_YIELDED: Final = 16
"""Checks that have begun and let others go first. They keep what they have read, so there are few;
while there are so many, the running checks continue."""
TURN_S: Final = 1.0
"""Seconds after which a check lets those of other actors go first."""


class JudgementQueue:
    """The queue of the checks of one process."""

    def __init__(self) -> None:
        shares = {
            MOVES: Share(
                weight=2.0,
                max_running=MAX_MOVES,
                max_running_of_flow=MAX_OF_ACTOR,
                max_waiting_of_flow=MAX_WAITING_OF_ACTOR,
            ),
            QUESTIONS: Share(
                max_running=MAX_QUESTIONS,
                max_running_of_flow=MAX_QUESTIONS_OF_ACTOR,
                max_waiting_of_flow=MAX_WAITING_OF_ACTOR,
            ),
        }
        self._gate = Gate("checks of moves of {flow}", shares, MAX_MOVES + MAX_QUESTIONS)
        self.yielded = 0
        """Checks that have begun and let others go first at present."""

    @asynccontextmanager
    async def turn(self, share: str, actor: str) -> AsyncIterator[OnPause]:
        """Wait for the turn of a check, which lasts until the context is left.

        A long check extends the deadline of its request, and lets checks of other actors go first
        after each :data:`TURN_S`.

        Args:
            share: the class of the check.
            actor: who requested the move.

        Yields:
            The function to call at each pause of the check.

        Raises:
            Busy: too many checks of the actor, or in total, wait already.
        """
        async with self._gate.turn(share, actor) as held:
            yield _CheckPauses(held, self).pause


class _CheckPauses:
    """Uses the pauses of a check: reports that it advances, and lets others go first."""

    def __init__(self, held: HeldTurn, queue: JudgementQueue) -> None:
        self._held = held
        self._queue = queue
        self._clock = asyncio.get_running_loop().time
        self._next = self._clock() + TURN_S

    async def pause(self) -> None:
        """Report that the check advances; after ``TURN_S`` let others go first."""
        await interim.report()
        if self._clock() >= self._next and self._queue.yielded < MAX_YIELDED:
            self._queue.yielded += 1
            try:
                await self._held.yield_turn()
            finally:
                self._queue.yielded -= 1
            self._next = self._clock() + TURN_S
