"""The laws of the fair queue, with a simulated worker whose only clock is its own work."""

from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.fairness import fair_queue
from zonegit.fairness.fair_queue import FairQueue, QueueEntry, Share

ALL = "all"
COSTS = st.floats(0.000_1, 0.1)
FLOWS = st.sampled_from("abcde")


def plain(depth: int = 1, **share: int) -> FairQueue[int]:
    return FairQueue({ALL: Share(max_waiting_of_flow=10_000, **share)}, depth, 100_000)


class Worker:
    """A worker of a queue; it finishes the oldest running item first."""

    def __init__(self, queue: FairQueue[int], cost: Callable[[QueueEntry[int]], float]) -> None:
        self.queue = queue
        self.cost = cost
        self.running: list[QueueEntry[int]] = []
        self.started: list[QueueEntry[int]] = []
        self.served: Counter[object] = Counter()

    def start(self) -> None:
        while (entry := self.queue.pop()) is not None:
            self.running.append(entry)
            self.started.append(entry)

    def finish(self) -> bool:
        if not self.running:
            return False
        entry = self.running.pop(0)
        self.queue.finish(entry, self.cost(entry))
        self.served[entry.flow] += self.cost(entry)
        return True

    def run(self, items: int) -> None:
        for _ in range(items):
            self.start()
            self.finish()


def test_items_of_one_flow_are_started_in_order() -> None:
    queue = plain()
    for number in range(5):
        queue.push(QueueEntry(ALL, "a", number))
    worker = Worker(queue, lambda entry: 1.0)
    worker.run(5)
    assert [entry.item for entry in worker.started] == list(range(5))


def test_one_request_passes_a_thousand_of_another_flow() -> None:
    queue = plain()
    for number in range(1_000):
        queue.push(QueueEntry(ALL, "greedy", number))
    worker = Worker(queue, lambda entry: 1.0)
    worker.run(10)
    queue.push(QueueEntry(ALL, "modest", 0))
    worker.run(2)
    assert "modest" in [entry.flow for entry in worker.started[-2:]]


@given(st.dictionaries(FLOWS, COSTS, min_size=2), st.integers(1, 4))
def test_flows_that_always_wait_get_equal_time(costs: dict[str, float], depth: int) -> None:
    """A flow lags behind another by at most the running items and one item of its own, whatever
    they cost."""
    queue = plain(depth)
    for flow in costs:
        for number in range(250):
            queue.push(QueueEntry(ALL, flow, number))
    worker = Worker(queue, lambda entry: costs[str(entry.flow)])
    worker.run(200)
    longest = max(costs.values())
    least, most = (pick(worker.served[flow] for flow in costs) for pick in (min, max))
    assert most - least <= (2 * depth + 2) * longest


@given(st.lists(st.tuples(FLOWS, COSTS), min_size=1, max_size=80), st.integers(1, 4))
def test_every_waiting_item_is_started_once(work: list[tuple[str, float]], depth: int) -> None:
    queue = plain(depth)
    for number, (flow, _) in enumerate(work):
        queue.push(QueueEntry(ALL, flow, number))
    worker = Worker(queue, lambda entry: work[entry.item][1])
    worker.run(len(work))
    assert sorted(entry.item for entry in worker.started) == list(range(len(work)))
    assert dict(queue.waiting()) == {ALL: 0}


@given(
    st.lists(st.one_of(FLOWS, st.none()), max_size=120), st.integers(1, 3), st.integers(1, 3), COSTS
)
def test_no_place_is_free_while_an_item_may_start(
    steps: list[str | None], depth: int, of_flow: int, cost: float
) -> None:
    queue = plain(depth, max_running_of_flow=of_flow)
    worker = Worker(queue, lambda entry: cost)
    pushed: Counter[object] = Counter()
    for step in steps:
        if step is None:
            worker.finish()
        else:
            queue.push(QueueEntry(ALL, step, 0))
            pushed[step] += 1
        worker.start()
        started = Counter(entry.flow for entry in worker.started)
        running = Counter(entry.flow for entry in worker.running)
        may_start = [f for f in pushed if pushed[f] > started[f] and running[f] < of_flow]
        assert len(worker.running) == depth or not may_start
        assert max(running.values(), default=0) <= of_flow


@given(st.lists(COSTS, min_size=1, max_size=50))
def test_a_new_flow_is_started_next(costs: list[float]) -> None:
    queue = plain()
    for number in range(len(costs) + 5):
        queue.push(QueueEntry(ALL, "old", number))
    worker = Worker(queue, lambda entry: costs[entry.item % len(costs)])
    worker.run(len(costs))
    queue.push(QueueEntry(ALL, "new", -1))
    worker.run(2)
    assert "new" in [entry.flow for entry in worker.started[-2:]]


def test_a_flow_that_was_idle_has_no_credit() -> None:
    """From now on it alternates with the other flow, without compensation for the past."""
    queue = plain()
    for number in range(300):
        queue.push(QueueEntry(ALL, "busy", number))
    queue.push(QueueEntry(ALL, "idle", 0))
    worker = Worker(queue, lambda entry: 1.0)
    worker.run(100)
    for number in range(100):
        queue.push(QueueEntry(ALL, "idle", number))
    worker.run(20)
    assert 9 <= sum(entry.flow == "idle" for entry in worker.started[-20:]) <= 11


def test_a_flow_that_leaves_and_returns_keeps_its_tag() -> None:
    """One expensive request at a time gets no more than its share."""
    queue = plain()
    cost = {"dear": 10.0, "cheap": 1.0}
    for number in range(1_000):
        queue.push(QueueEntry(ALL, "cheap", number))
    worker = Worker(queue, lambda entry: cost[str(entry.flow)])
    queue.push(QueueEntry(ALL, "dear", 0))
    for _ in range(220):
        worker.start()
        was = worker.running[0]
        worker.finish()
        if was.flow == "dear":
            queue.push(QueueEntry(ALL, "dear", 0))
    assert worker.served["dear"] <= worker.served["cheap"] + 20


def test_classes_share_by_weight() -> None:
    shares = {
        "light": Share(max_waiting_of_flow=10_000),
        "heavy": Share(weight=4.0, max_waiting_of_flow=10_000),
    }
    queue: FairQueue[int] = FairQueue(shares, 1, 100_000)
    for number in range(1_000):
        for flow in "abc":
            queue.push(QueueEntry("light", flow, number))
        queue.push(QueueEntry("heavy", "only", number))
    worker = Worker(queue, lambda entry: 1.0)
    worker.run(500)
    assert abs(worker.served["only"] - 400) <= 4
    assert {worker.served[flow] for flow in "abc"} <= {33, 34}


def test_an_expensive_flow_is_charged_before_its_first_item_is_done() -> None:
    queue = plain(8)
    for number in range(50):
        for flow in ("a", "b"):
            queue.push(QueueEntry(ALL, flow, number))
    worker = Worker(queue, lambda entry: 1.0)
    worker.start()
    assert Counter(entry.flow for entry in worker.running) == {"a": 4, "b": 4}


def test_an_urgent_item_precedes_its_flow_and_is_never_refused() -> None:
    queue: FairQueue[str] = FairQueue({ALL: Share(max_waiting_of_flow=2)}, 1)
    for item in ("first", "second"):
        assert queue.push(QueueEntry(ALL, "a", item)) is None
    refused = QueueEntry(ALL, "a", "third")
    assert queue.push(refused) is refused
    assert queue.push(QueueEntry(ALL, "a", "urgent", is_urgent=True)) is None
    started = queue.pop()
    assert started is not None
    assert started.item == "urgent"


def test_a_full_queue_cuts_its_longest_line() -> None:
    queue: FairQueue[int] = FairQueue({ALL: Share()}, 1, max_waiting=10)
    long = [QueueEntry(ALL, "long", number) for number in range(10)]
    for entry in long:
        assert queue.push(entry) is None
    assert queue.push(QueueEntry(ALL, "short", 0)) is long[-1]
    assert dict(queue.waiting()) == {ALL: 10}


def test_a_protected_class_is_not_cut() -> None:
    shares = {"services": Share(is_protected=True), "operators": Share()}
    queue: FairQueue[int] = FairQueue(shares, 1, max_waiting=10)
    for number in range(10):
        queue.push(QueueEntry("services", "refs", number))
    newest = QueueEntry("operators", "ada", 0)
    assert queue.push(newest) is newest
    assert dict(queue.waiting()) == {"services": 10, "operators": 0}


def test_a_removed_item_is_not_started() -> None:
    queue = plain()
    entries = [QueueEntry(ALL, "a", number) for number in range(3)]
    for entry in entries:
        queue.push(entry)
    assert queue.remove(entries[1])
    assert not queue.remove(entries[1])
    worker = Worker(queue, lambda entry: 1.0)
    worker.run(3)
    assert [entry.item for entry in worker.started] == [0, 2]


def test_large_items_count_as_several() -> None:
    queue: FairQueue[int] = FairQueue({ALL: Share(max_waiting_of_flow=10)}, 1)
    assert queue.push(QueueEntry(ALL, "a", 0, size=9)) is None
    too_much = QueueEntry(ALL, "a", 1, size=9)
    assert queue.push(too_much) is too_much


@given(st.lists(FLOWS, min_size=1, max_size=60))
def test_an_idle_queue_has_no_state(flows: list[str]) -> None:
    queue = plain()
    worker = Worker(queue, lambda entry: 0.5)
    for flow in flows:
        queue.push(QueueEntry(ALL, flow, 0))
    worker.run(len(flows))
    assert not list(remembered(queue))


def test_flows_that_come_once_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "MAX_IDLE_FLOWS", 50)
    queue = plain()
    worker = Worker(queue, lambda entry: 1.0)
    for number in range(1_000):
        queue.push(QueueEntry(ALL, "steady", number))
    for number in range(200):
        queue.push(QueueEntry(ALL, f"once-{number}", 0))
    worker.run(500)
    assert len(list(remembered(queue))) <= 60


def remembered(queue: FairQueue[int]) -> Iterable[object]:
    return queue.flows(ALL)


def test_the_delay_grows_with_the_waiting_work() -> None:
    queue = plain()
    assert queue.delay_s(ALL, "a") == 0.0
    for number in range(10):
        queue.push(QueueEntry(ALL, "a", number))
    alone = queue.delay_s(ALL, "a")
    queue.push(QueueEntry(ALL, "b", 0))
    assert queue.delay_s(ALL, "a") == pytest.approx(2 * alone)
