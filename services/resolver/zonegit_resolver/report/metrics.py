"""Collect metrics from plain integers on request, so that a query costs one addition to one of
them."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from zonegit.bus.connection import Bus
from zonegit.bus.metrics import collect_bus
from zonegit.process_metrics import collect_process
from zonegit.zone import names, rrtypes
from zonegit_resolver.histogram import Histogram
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


class Propagation(Histogram):
    """A histogram of the times from the log to being served."""

    def __init__(self) -> None:
        super().__init__(BUCKETS_S)

    def observe_state(self, state: ZoneState, position: LogPosition) -> None:
        """Record that a state has reached a position; nothing is recorded if the time of the move
        is unknown."""
        if position.time is not None:
            self.observe(position.delay_ms() / 1000)


class MetricsCollector(Collector):
    """Collects metrics from the parts of a resolver.

    Args:
        find_bus: Returns the connection to the bus; None before it was opened.
        is_serving: Returns whether the sockets are bound.
        config_is_good: Returns whether the configuration file was valid when last read.
    """

    def __init__(
        self,
        states: ZoneStates,
        drops: DropCounters,
        latency: Histogram,
        propagation: Propagation,
        find_bus: Callable[[], Bus | None],
        is_serving: Callable[[], bool],
        config_is_good: Callable[[], bool],
        outgoing: Outgoing,
        notifier: Notifier,
    ) -> None:
        self._states = states
        self._drops = drops
        self._latency = latency
        self._propagation = propagation
        self._find_bus = find_bus
        self._is_serving = is_serving
        self._config_is_good = config_is_good
        self._outgoing = outgoing
        self._notifier = notifier

    def collect(self) -> Iterator[Metric]:
        yield self._collect_queries()
        yield self._collect_unanswered()
        yield self._latency.make_metric(
            "zonegit_dns_query_seconds",
            "Time from reading queries until their replies are sent, without transfers.",
        )
        yield from self._collect_zones()
        yield self._propagation.make_metric(
            "zonegit_propagation_seconds", "Time from a move in the log until it is served."
        )
        yield from self._collect_transfers()
        yield self._collect_ready()
        yield from collect_bus(self._find_bus())
        good = GaugeMetricFamily(
            "zonegit_config_good", "1 if the configuration file was valid when last read."
        )
        good.add_metric([], float(self._config_is_good()))
        yield good
        yield from collect_process("resolver")

    def _collect_ready(self) -> Metric:
        zones = self._states.zones.by_apex.values()
        is_ready = self._is_serving() and not any(served.is_stale for served in zones)
        ready = GaugeMetricFamily(
            "zonegit_ready", "1 if zones are served, none older than the EXPIRE of its SOA."
        )
        ready.add_metric([], float(is_ready))
        return ready

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
        yield from (transfers, octets, notified, silent, self._collect_secondaries())

    def _collect_secondaries(self) -> Metric:
        family = GaugeMetricFamily(
            "zonegit_secondary_zones",
            "Zones of a secondary, by its progress towards the serial of the last NOTIFY.",
            labels=("secondary", "progress"),
        )
        for (secondary, progress), number in list(self._notifier.states.counts.items()):
            family.add_metric([str(secondary), progress.value.replace(" ", "-")], number)
        return family

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
            "zonegit_zone_problem",
            "1 if a newer commit or newer serving settings cannot be loaded.",
            labels=_BRANCH_LABELS,
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
            has_problem = self._states.find_problem(state) is not None or state.is_held
            problem.add_metric(labels, float(has_problem))
            back.add_metric(labels, state.serial_regressions)
        yield from (commit, serial, age, problem, back)


def _format_type(rdtype: int) -> str:
    for mnemonic, number in rrtypes.QUESTION_ONLY.items():
        if number == rdtype:
            return mnemonic
    return rrtypes.MNEMONICS.get(rdtype, "other")
