"""Collect metrics from plain integers on request, so that a query costs one addition to one of
them."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from zonegit import containment
from zonegit.zone import names, rrtypes
from zonegit_resolver.listen.udp import DropCounters
from zonegit_resolver.xfr.notify import Notifier
from zonegit_resolver.xfr.outgoing import Outgoing
from zonegit_resolver.zone_states import LogPosition, ZoneState, ZoneStates

BUCKETS_S: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
RCODES: Final = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    9: "NOTAUTH",
}
_BRANCH_LABELS: Final = ("zone", "branch")


class Propagation:
    """A histogram of the times from the log to being served."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def observe(self, state: ZoneState, position: LogPosition) -> None:
        """Record that a state has reached a position; nothing is recorded if the time of the move
        is unknown."""
        if position.time is not None:
            seconds = position.delay_ms() / 1000
            self.counts[bisect_left(BUCKETS_S, seconds)] += 1
            self.sum_s += seconds

    def make_metric(self) -> HistogramMetricFamily:
        """Return the histogram as a metric."""
        total = 0
        buckets = []
        bounds = [*(str(float(bound)) for bound in BUCKETS_S), "+Inf"]
        for bound, count in zip(bounds, self.counts, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(
            "zonegit_propagation_seconds",
            "Time from a move in the log until it is served.",
            buckets=buckets,
            sum_value=self.sum_s,
        )


class MetricsCollector(Collector):
    """Collects metrics from the parts of a resolver.

    Args:
        bus_is_up: Returns whether the bus is connected.
        replies_refused: Returns the number of requests with a reply subject outside of an inbox.
        config_is_good: Returns whether the configuration file was valid when last read.
    """

    def __init__(
        self,
        states: ZoneStates,
        drops: DropCounters,
        propagation: Propagation,
        bus_is_up: Callable[[], bool],
        replies_refused: Callable[[], int],
        config_is_good: Callable[[], bool],
        outgoing: Outgoing,
        notifier: Notifier,
    ) -> None:
        self._states = states
        self._drops = drops
        self._propagation = propagation
        self._bus_is_up = bus_is_up
        self._replies_refused = replies_refused
        self._config_is_good = config_is_good
        self._outgoing = outgoing
        self._notifier = notifier

    def collect(self) -> Iterator[Metric]:
        yield self._collect_queries()
        yield self._collect_unanswered()
        yield from self._collect_zones()
        yield self._propagation.make_metric()
        yield from self._collect_transfers()
        up = GaugeMetricFamily("zonegit_bus_up", "1 if the bus is connected.")
        up.add_metric([], float(self._bus_is_up()))
        yield up
        refused = CounterMetricFamily(
            "zonegit_bus_replies_refused",
            "Requests on the bus with a reply subject outside of an inbox.",
        )
        refused.add_metric([], self._replies_refused())
        yield refused
        good = GaugeMetricFamily(
            "zonegit_config_good", "1 if the configuration file was valid when last read."
        )
        good.add_metric([], float(self._config_is_good()))
        yield good
        bugs = CounterMetricFamily(
            "zonegit_unexpected_errors",
            "Unexpected exceptions, each logged, by the kind of work that raised them.",
            labels=("area",),
        )
        for area, number in list(containment.counts.items()):
            bugs.add_metric([area], number)
        yield bugs

    def _collect_queries(self) -> Metric:
        family = CounterMetricFamily(
            "zonegit_dns_queries",
            "Queries answered from a zone.",
            labels=(*_BRANCH_LABELS, "type", "rcode"),
        )
        for (zone, branch), queries in list(self._states.zones.queries.items()):
            for key, number in list(queries.items()):
                rcode = RCODES.get(key & 0xF, str(key & 0xF))
                family.add_metric([names.text(zone), branch, _format_type(key >> 4), rcode], number)
        return family

    def _collect_unanswered(self) -> Metric:
        family = CounterMetricFamily(
            "zonegit_dns_unanswered",
            "Queries not answered from a zone, by reason.",
            labels=("why",),
        )
        family.add_metric(["refused"], self._states.zones.refused)
        family.add_metric(["denied"], self._states.zones.denied)
        family.add_metric(["malformed"], self._states.zones.malformed)
        family.add_metric(["unsent"], self._drops.unsent)
        family.add_metric(["failed"], self._drops.failed)
        return family

    def _collect_transfers(self) -> Iterator[Metric]:
        transfers = CounterMetricFamily(
            "zonegit_transfers", "Transfers, by kind of reply.", labels=("kind",)
        )
        for kind, number in self._outgoing.counters.by_kind.items():
            transfers.add_metric([kind], number)
        transfers.add_metric(["ixfr-datagram"], self._states.zones.increments)
        yield from self._collect_queue()
        octets = CounterMetricFamily("zonegit_transfer_octets", "Octets of transfers on streams.")
        octets.add_metric([], self._outgoing.counters.octets)
        notified = CounterMetricFamily(
            "zonegit_notify",
            "NOTIFY messages sent, and notifications by outcome.",
            labels=("what",),
        )
        counters = self._notifier.counters
        for what in ("sent", "answered", "refused", "unanswered"):
            notified.add_metric([what], getattr(counters, what))
        silent = GaugeMetricFamily(
            "zonegit_notify_silent", "Notifications that were repeated and have no answer."
        )
        silent.add_metric([], self._notifier.silent)
        yield from (transfers, octets, notified, silent)

    def _collect_queue(self) -> Iterator[Metric]:
        queue = self._outgoing.queue
        running = GaugeMetricFamily("zonegit_transfers_running", "Transfers being sent.")
        running.add_metric([], queue.running)
        waiting = GaugeMetricFamily(
            "zonegit_transfers_waiting", "Transfers that wait in the queue.", labels=("kind",)
        )
        for kind, number in queue.waiting().items():
            waiting.add_metric([kind], number)
        busy = CounterMetricFamily(
            "zonegit_transfers_busy",
            "Transfers refused because too many of the same network waited.",
            labels=("kind",),
        )
        for kind, number in queue.refused().items():
            busy.add_metric([kind], number)
        yield from (running, waiting, busy)

    def _collect_zones(self) -> Iterator[Metric]:
        commit = InfoMetricFamily(
            "zonegit_zone_commit", "The commit served.", labels=_BRANCH_LABELS
        )
        serial = GaugeMetricFamily("zonegit_zone_serial", "Its SOA serial.", labels=_BRANCH_LABELS)
        age = GaugeMetricFamily(
            "zonegit_zone_age_seconds",
            "Time since the served state was last known to be current.",
            labels=_BRANCH_LABELS,
        )
        problem = GaugeMetricFamily(
            "zonegit_zone_problem", "1 if a newer commit cannot be loaded.", labels=_BRANCH_LABELS
        )
        back = CounterMetricFamily(
            "zonegit_zone_serial_went_back",
            "Swaps to a serial that secondaries take for an older one (RFC 1982).",
            labels=_BRANCH_LABELS,
        )
        now = time.time()
        for state in self._states:
            labels = [names.text(state.zone), state.branch]
            if state.current is not None:
                commit.add_metric(labels, {"commit": state.current.commit.hex()})
                serial.add_metric(labels, state.current.snapshot.serial or 0)
            if (seconds := self._states.age(state, now)) is not None:
                age.add_metric(labels, seconds)
            problem.add_metric(labels, float(state.problem is not None or state.is_held))
            back.add_metric(labels, state.serial_regressions)
        yield from (commit, serial, age, problem, back)


def _format_type(rdtype: int) -> str:
    for mnemonic, number in rrtypes.QUESTION_ONLY.items():
        if number == rdtype:
            return mnemonic
    return rrtypes.MNEMONICS.get(rdtype, "other")
