"""Queue the checks of moves: the process has one event loop, and a check can use it for seconds in
total, in short slices.

Moves and dry runs are a class each with places of their own, so that neither waits for the places
of the other. Within a class each actor gets an equal part of the time.
"""

from typing import Final

from zonegit.fairness.fair_queue import Share
from zonegit.fairness.gate import Gate

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


def open_queue() -> Gate:
    """Return an empty queue."""
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
    return Gate("checks of moves of {flow}", shares, MAX_MOVES + MAX_QUESTIONS)
