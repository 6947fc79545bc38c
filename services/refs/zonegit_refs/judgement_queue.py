"""The queue of moves that are to be judged: this process has one event loop, and a judgement may
take it for seconds in all, if in short slices.

Moves that are made and moves that are only asked about are a class each, with places of their own,
so that neither waits for the other's. Within a class each actor has an equal part of the time.
"""

from typing import Final

from zonegit.fairness.fair_queue import Share
from zonegit.fairness.gate import Gate

MOVES: Final = "moves"
QUESTIONS: Final = "questions"

MAX_MOVES: Final = 8
MAX_QUESTIONS: Final = 4
"""Judgements of each class that run at a time."""
MAX_OF_ACTOR: Final = 4
MAX_QUESTIONS_OF_ACTOR: Final = 2
"""Those of one actor, which leave room for others'."""
MAX_WAITING_OF_ACTOR: Final = 64
"""More than the requests of an actor that the service runs at a time (:mod:`zonegit.bus.lanes`):
what was taken on is judged."""


def open_queue() -> Gate:
    """Return the queue, empty."""
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
    return Gate("moves of {flow}, which are to be judged,", shares, MAX_MOVES + MAX_QUESTIONS)
