"""Decide the order in which waiting work is started, so that each party gets its share. Pure.

Theory of operation
-------------------
A worker has room for ``depth`` items at a time. Further work waits here, in a line for each *flow*
(an actor, or the network of a client). Flows are grouped in *classes* (services and operators,
incremental and whole transfers).

The order is that of start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) in the form for
workers with several items under way, SFQ(D) (Jin, Chase and Kaur, SIGMETRICS 2004). It is applied
twice: to choose a class, then a flow of that class. Each flow has a *tag*, the amount of service
that it has had, in seconds of the time of the worker. The next item is one of the flow with the
lowest tag. Classes have tags as well; the tag of a class grows in inverse proportion to its weight.

Virtual time is the tag of the item that was started last. A flow that starts to wait after it was
idle is advanced to that time: idle time is no credit. A flow that has had more than its share keeps
its tag until virtual time has reached it, also if it leaves in between. When the worker is idle,
all tags are forgotten.

The cost of an item is known only afterwards. Until then its flow is charged a moving average of its
recent costs, and the difference when the item is finished. So a flow of expensive items is not
started ``depth`` times before its first charge.

The tests check these consequences as laws:

- no starvation: of two waiting flows of a class, neither is ahead of the other by more time than
  its ``depth`` items under way and one item of the other take;
- shares converge: flows that always wait get equal time, classes get time by weight;
- work-conserving: while an item may be started, one is.

Lines are bounded, for each flow and in total. At the total bound the longest line is cut (longest
queue drop), so a flow with a short line is not refused because of a long one.
"""

from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

FIRST_EXPECTED_S: Final = 0.001
"""The assumed cost of an item before one was measured."""
SMOOTHING: Final = 0.25
"""The weight of the latest item in the moving average of costs."""
MAX_IDLE_FLOWS: Final = 1_024
"""Idle flows of a class that are remembered because they had more than their share. Those with the
least excess are forgotten first."""
UNLIMITED: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Share:
    """The share of the worker that a class gets.

    Args:
        weight: Its part of the time of the worker, relative to the other classes.
        max_running: Items of the class that run at a time.
        max_running_of_flow: Items of one flow that run at a time.
        max_waiting_of_flow: The maximum size of the line of a flow.
        is_protected: Whether waiting items are kept if the queue is full.
    """

    weight: float = 1.0
    max_running: int = UNLIMITED
    max_running_of_flow: int = UNLIMITED
    max_waiting_of_flow: int = 128
    is_protected: bool = False


@dataclass(slots=True, eq=False)
class QueueEntry(Generic[Item]):
    """An item, with its class and flow.

    Args:
        share: The name of its class.
        flow: The name of its flow, within the class.
        size: Its size in the line of the flow.
        is_urgent: Whether it precedes other items of the flow, and is not refused if the line of
            the flow is full.
    """

    share: str
    flow: Hashable
    item: Item
    size: int = 1
    is_urgent: bool = False
    expected_s: float = 0.0


@dataclass(slots=True, eq=False)
class _Flow(Generic[Item]):
    tag: float
    expected_s: float
    urgent: deque[QueueEntry[Item]] = field(default_factory=deque)
    ordinary: deque[QueueEntry[Item]] = field(default_factory=deque)
    size: int = 0
    running: int = 0

    def has_waiting(self) -> bool:
        return bool(self.urgent or self.ordinary)

    def is_idle(self) -> bool:
        return not (self.running or self.urgent or self.ordinary)

    def line_of(self, entry: QueueEntry[Item]) -> deque[QueueEntry[Item]]:
        return self.urgent if entry.is_urgent else self.ordinary


class _Class(Generic[Item]):
    """The flows of one class. ``now`` is the virtual time between them."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self.tag = 0.0
        self.now = 0.0
        self.running = 0
        self.waiting = 0
        self.flows: dict[Hashable, _Flow[Item]] = {}
        self.lines: dict[Hashable, _Flow[Item]] = {}  # those of them that have something waiting

    def is_idle(self) -> bool:
        return not (self.running or self.waiting)

    def next_flow(self) -> _Flow[Item] | None:
        """Return the flow to start next; None if nothing of the class may be started."""
        if not self.waiting or self.running >= self.share.max_running:
            return None
        most = self.share.max_running_of_flow
        ready = (flow for flow in self.lines.values() if flow.running < most)
        return min(ready, key=_tag, default=None)

    def charge(self, flow: _Flow[Item], cost_s: float) -> None:
        flow.tag += cost_s
        self.tag += cost_s / self.share.weight

    def forget(self, name: Hashable) -> None:
        """Drop a flow that is idle and had no more than its share, and others if there are too
        many."""
        flow = self.flows[name]
        if self.is_idle():
            self.flows.clear()
        elif flow.is_idle() and flow.tag <= self.now:
            del self.flows[name]
        elif len(self.flows) > MAX_IDLE_FLOWS:
            idle = [key for key, each in self.flows.items() if each.is_idle()]
            idle.sort(key=lambda key: self.flows[key].tag)
            for key in idle[: len(idle) // 2]:
                del self.flows[key]


class FairQueue(Generic[Item]):
    """Entries that wait for a worker, by class and flow.

    Args:
        shares: the classes, by name.
        depth: items that run at a time.
        max_waiting: the size of all that may wait.
    """

    def __init__(self, shares: Mapping[str, Share], depth: int, max_waiting: int = 2_048) -> None:
        self._classes: dict[str, _Class[Item]] = {
            name: _Class(share) for name, share in shares.items()
        }
        self._depth = depth
        self._max_waiting = max_waiting
        self._size = 0
        self._now = 0.0
        self._mean_s = FIRST_EXPECTED_S
        self.running = 0

    def resize(self, shares: Mapping[str, Share], depth: int) -> None:
        """Set other limits for the same classes; what runs goes on."""
        for name, share in shares.items():
            self._classes[name].share = share
        self._depth = depth

    def push(self, entry: QueueEntry[Item]) -> QueueEntry[Item] | None:
        """Add an entry to its line.

        Returns:
            The entry to refuse, which is this one or a removed one; None if nothing is refused.
        """
        found = self._classes[entry.share]
        flow = found.flows.get(entry.flow)
        if flow is None:
            flow = found.flows[entry.flow] = _Flow(found.now, self._mean_s)
        is_full = flow.size + entry.size > found.share.max_waiting_of_flow
        if is_full and flow.size and not entry.is_urgent:
            return entry
        self._wake(found, flow)
        flow.line_of(entry).append(entry)
        self._count(found, flow, entry, 1)
        if self._size <= self._max_waiting:
            return None
        return self._cut_longest()

    def pop(self) -> QueueEntry[Item] | None:
        """Start the next entry, and return it; None if there is none or no room."""
        if not self._size or self.running >= self._depth:
            return None
        found, flow = self._next()
        if found is None or flow is None:
            return None
        entry = (flow.urgent or flow.ordinary).popleft()
        self._count(found, flow, entry, -1)
        self._begin(found, flow, entry)
        return entry

    def start(self, entry: QueueEntry[Item]) -> bool:
        """Start an entry if nothing waits and there is room, and return whether it was started."""
        found = self._classes[entry.share]
        share = found.share
        if self._size or self.running >= self._depth or found.running >= share.max_running:
            return False
        flow = found.flows.get(entry.flow)
        if flow is None:
            flow = found.flows[entry.flow] = _Flow(found.now, self._mean_s)
        elif flow.running >= share.max_running_of_flow:
            return False
        self._wake(found, flow)
        self._begin(found, flow, entry)
        return True

    def finish(self, entry: QueueEntry[Item], cost_s: float) -> None:
        """End an entry that was started and took ``cost_s`` seconds of the worker's time."""
        found = self._classes[entry.share]
        flow = found.flows[entry.flow]
        self._mean_s += (cost_s - self._mean_s) * SMOOTHING
        flow.expected_s += (cost_s - flow.expected_s) * SMOOTHING
        was_held_back = flow.running >= found.share.max_running_of_flow
        class_was_held_back = found.running >= found.share.max_running
        found.charge(flow, cost_s - entry.expected_s)
        self.running -= 1
        found.running -= 1
        flow.running -= 1
        # A flow or class that a limit held back gets no credit for that.
        if was_held_back:
            flow.tag = max(flow.tag, found.now)
        if class_was_held_back:
            found.tag = max(found.tag, self._now)
        self._settle(found, entry.flow)

    def charge(self, entry: QueueEntry[Item], cost_s: float) -> None:
        """Charge the flow of an entry that is finished for more time of the worker."""
        found = self._classes[entry.share]
        flow = found.flows.get(entry.flow)
        if flow is not None:
            found.charge(flow, cost_s)

    def remove(self, entry: QueueEntry[Item]) -> bool:
        """Take out an entry that is no longer wanted; return whether it was waiting."""
        found = self._classes[entry.share]
        flow = found.flows.get(entry.flow)
        if flow is None or entry not in flow.line_of(entry):
            return False
        flow.line_of(entry).remove(entry)
        self._count(found, flow, entry, -1)
        self._settle(found, entry.flow)
        return True

    def is_full(self, share: str, flow: Hashable) -> bool:
        """Return whether one more ordinary entry of that flow would be refused by its bound."""
        found = self._classes[share]
        known = found.flows.get(flow)
        return known is not None and known.size >= found.share.max_waiting_of_flow

    def blocks_others(self, share: str, flow: Hashable) -> bool:
        """Return whether an entry of another flow would start if one of this flow, which runs,
        ended."""
        has_room = self.running < self._depth
        for name, found in self._classes.items():
            is_at_limit = found.running >= found.share.max_running
            if is_at_limit and name != share:
                continue  # it waits for an entry of its own class to end
            if has_room and not is_at_limit:
                continue  # its flows wait for entries of their own
            most = found.share.max_running_of_flow
            if any(key != flow and line.running < most for key, line in found.lines.items()):
                return True
        return False

    def waiting(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each class and the number of its entries that wait."""
        for name, found in self._classes.items():
            yield name, found.waiting

    def flows(self, share: str) -> list[Hashable]:
        """Return the flows of a class that are remembered."""
        return list(self._classes[share].flows)

    def delay_s(self, share: str, flow: Hashable) -> float:
        """Estimate the seconds until the waiting work of a flow is done: its own work, times the
        number of flows that share the worker."""
        found = self._classes[share]
        known = found.flows.get(flow)
        if known is None:
            return 0.0
        sharing = sum(1 for each in found.flows.values() if not each.is_idle())
        line = len(known.urgent) + len(known.ordinary)
        return (line + known.running) * known.expected_s * max(1, sharing)

    def _begin(self, found: _Class[Item], flow: _Flow[Item], entry: QueueEntry[Item]) -> None:
        if found.tag > self._now:
            self._now = found.tag
        if flow.tag > found.now:
            found.now = flow.tag
        self.running += 1
        found.running += 1
        flow.running += 1
        entry.expected_s = flow.expected_s
        found.charge(flow, entry.expected_s)

    def _wake(self, found: _Class[Item], flow: _Flow[Item]) -> None:
        """Advance an idle flow and an idle class to the current virtual time."""
        if flow.tag < found.now and flow.is_idle():
            flow.tag = found.now
        if found.tag < self._now and found.is_idle():
            found.tag = self._now

    def _next(self) -> tuple[_Class[Item] | None, _Flow[Item] | None]:
        best: _Class[Item] | None = None
        of_best: _Flow[Item] | None = None
        for found in self._classes.values():
            if best is not None and best.tag <= found.tag:
                continue
            flow = found.next_flow()
            if flow is not None:
                best, of_best = found, flow
        return best, of_best

    def _cut_longest(self) -> QueueEntry[Item] | None:
        """Remove the last entry of the longest line, except for protected and urgent ones."""
        lines = [
            (flow.size, found, name)
            for found in self._classes.values()
            if not found.share.is_protected
            for name, flow in found.lines.items()
            if flow.ordinary
        ]
        if not lines:
            return None
        _, found, name = max(lines, key=lambda line: line[0])
        flow = found.flows[name]
        entry = flow.ordinary.pop()
        self._count(found, flow, entry, -1)
        self._settle(found, name)
        return entry

    def _count(
        self, found: _Class[Item], flow: _Flow[Item], entry: QueueEntry[Item], sign: int
    ) -> None:
        found.waiting += sign
        flow.size += sign * entry.size
        self._size += sign * entry.size
        if not flow.has_waiting():
            del found.lines[entry.flow]
        elif sign > 0:
            found.lines[entry.flow] = flow

    def _settle(self, found: _Class[Item], name: Hashable) -> None:
        """Forget flows and tags that are no longer needed."""
        found.forget(name)
        if found.is_idle():
            found.now = 0.0
            if not (self.running or self._size):
                self._now = 0.0
                for each in self._classes.values():
                    each.tag = 0.0


def _tag(flow: _Flow[Item]) -> float:
    return flow.tag
