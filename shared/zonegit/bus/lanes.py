"""Assign requests to queues: a lane for each worker of the service, in it a fair queue of actors
(docs/adr/0040-fair-queueing.md).

Services and resolvers are a class of their own, so operators cannot displace them. A request that a
service sends to answer the request of an actor is charged to that actor, precedes other requests of
the actor, and is not refused.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from zonegit.bus import headers
from zonegit.fairness.fair_queue import Share
from zonegit.fairness.gate import Gate, Turn
from zonegit.wire.subjects import SERVICE_ACTORS

SERVICES: Final = "services"
OPERATORS: Final = "operators"

READ: Final = "read"
WRITE: Final = "write"
SLOW: Final = "slow"
"""The lanes of a service with a worker for reads and one for writes; reads that can take seconds
may have a third lane."""
OK: Final = "ok"
"""The outcome of a request without an error."""

DEFAULT_LANE: Final = "any"
DEFAULT_DEPTHS: Final = MappingProxyType({DEFAULT_LANE: 64})
"""Requests that run at a time in a service with one lane."""

SERVICES_WEIGHT: Final = 4.0
"""Services get four fifths of the time of a worker, if they need it and operators compete."""
MAX_RUNNING_OF_OPERATOR: Final = 16
"""Requests of one operator that run at a time in a lane, which has room for several operators."""
MAX_WAITING_OF_SERVICE: Final = 1_024
"""More than one service has under way for others."""
SIZE_OCTETS: Final = 64 << 10
"""The size of a message for the queue: one, and one more for each this number of octets."""


def make_shares(depth: int) -> dict[str, Share]:
    """Return the classes of a lane. One operator leaves at least a quarter of a lane to others; all
    operators together leave an eighth to services."""
    return {
        SERVICES: Share(
            weight=SERVICES_WEIGHT, max_waiting_of_flow=MAX_WAITING_OF_SERVICE, is_protected=True
        ),
        OPERATORS: Share(
            max_running=max(1, depth - depth // 8),
            max_running_of_flow=min(max(1, depth - depth // 4), MAX_RUNNING_OF_OPERATOR),
        ),
    }


@dataclass(slots=True)
class QueuePlace:
    """The queue of a request, and the class and actor that it counts for."""

    gate: Gate
    share: str
    actor: str
    size: int
    is_urgent: bool

    def is_full(self) -> bool:
        """Return whether the request would be refused at once."""
        return not self.is_urgent and self.gate.is_full(self.share, self.actor)

    def start(self) -> Turn | None:
        """Return the turn of the request if it need not wait; else None."""
        return self.gate.start(self.share, self.actor, self.size, is_urgent=self.is_urgent)

    async def enter(self) -> Turn:
        """Wait for the turn of the request.

        Raises:
            Busy: Too many requests of the actor wait already.
        """
        return await self.gate.enter(self.share, self.actor, self.size, is_urgent=self.is_urgent)


@dataclass(slots=True)
class RequestCounters:
    """Counters of the requests that a service answered.

    Attributes:
        answered: Their number, by verb and outcome: ``ok`` or the code of an error.
        took_s: The time taken to answer them, by verb.
    """

    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    took_s: dict[str, float] = field(default_factory=dict)

    def add(self, verb: str, outcome: str, took_s: float) -> None:
        """Count a request."""
        self.answered[verb, outcome] += 1
        self.took_s[verb] = self.took_s.get(verb, 0.0) + took_s

    def total(self) -> tuple[int, int, float]:
        """Return the number of requests, of those that failed, and the time taken."""
        failed = sum(count for (_, outcome), count in self.answered.items() if outcome != OK)
        return self.answered.total(), failed, sum(self.took_s.values())


class Lanes:
    """The lanes of one service.

    Args:
        depths: The number of requests that each lane runs at a time, by name. The first lane also
            takes requests whose verb is unknown or has no lane.
        lane_of_verb: The lane of each verb.
    """

    def __init__(self, depths: Mapping[str, int], lane_of_verb: Mapping[str, str]) -> None:
        self.gates = {
            name: Gate("requests of {flow}", make_shares(depth), depth)
            for name, depth in depths.items()
        }
        self.counters = RequestCounters()
        self._first = next(iter(self.gates.values()))
        self._of_verb = {
            verb: self.gates.get(lane, self._first) for verb, lane in lane_of_verb.items()
        }

    def figures(self) -> dict[str, dict[str, int]]:
        """Return the number of waiting and of refused requests for each lane and class."""
        waiting: dict[str, int] = {}
        refused: dict[str, int] = {}
        for name, gate in self.gates.items():
            waiting.update((f"{name}.{share}", count) for share, count in gate.waiting().items())
            refused.update((f"{name}.{share}", count) for share, count in gate.refused.items())
        return {"waiting": waiting, "busy": refused}

    def place(self, subject: str, found: headers.Headers, octets: int) -> QueuePlace:
        """Return the queue of a request; its subject may be malformed."""
        _, actor, _, verb, *_ = (*subject.split(".", 4), "", "", "", "")
        gate = self._of_verb.get(verb, self._first)
        size = 1 + octets // SIZE_OCTETS
        if actor not in SERVICE_ACTORS:
            return QueuePlace(
                gate, OPERATORS, actor[: headers.MAX_ACTOR_TOKEN], size, is_urgent=False
            )
        behalf = headers.read_behalf(found)
        if behalf and behalf not in SERVICE_ACTORS:
            return QueuePlace(gate, OPERATORS, behalf, size, is_urgent=True)
        return QueuePlace(gate, SERVICES, actor, size, is_urgent=bool(behalf))
