"""Metrics: their text equals that of the library, and their figures match the events."""

from collections.abc import Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from tests.dns.local_server import LocalServer
from tests.support.resolver_metrics import collect_metrics

from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.zone.snapshot import empty_snapshot
from zonegit.zone import names
from zonegit_resolver.config.serving import ServingPlan
from zonegit_resolver.report import exposition
from zonegit_resolver.report.metrics import Propagation
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneStates

TEXTS = st.text(alphabet='ab"\\\n é', max_size=6)
VALUES = st.integers(0, 10**12) | st.floats(allow_nan=False)


class FixedCollector(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = list(families)

    def collect(self) -> Iterator[Metric]:
        return iter(self.families)


def by_library(families: Iterable[Metric]) -> str:
    registry = CollectorRegistry()
    registry.register(FixedCollector(families))
    return generate_latest(registry).decode()


@given(st.lists(st.tuples(TEXTS, TEXTS, VALUES), max_size=4), TEXTS)
async def test_the_text_is_what_the_library_writes(
    rows: list[tuple[str, str, float]], words: str
) -> None:
    labels = ("zone", "branch")
    families: list[Metric] = [
        CounterMetricFamily("c", words, labels=labels),
        GaugeMetricFamily("g", words, labels=labels),
        InfoMetricFamily("i", words, labels=labels),
    ]
    for zone, branch, value in rows:
        families[0].add_metric([zone, branch], value)
        families[1].add_metric([zone, branch], -value)
        families[2].add_metric([zone, branch], {"commit": "abc"})
    families.append(
        HistogramMetricFamily("h", words, buckets=[("0.5", 1), ("+Inf", 2)], sum_value=3.0)
    )
    assert await exposition.write_text(families, Scheduler()) == by_library(families)


async def test_queries_are_counted_by_zone_branch_type_and_rcode() -> None:
    server = LocalServer({"foo.com.": "www 300 A 192.0.2.1\nto 300 CNAME no"})
    for name, rdtype in (
        ("www.foo.com.", "A"),
        ("no.foo.com.", "AAAA"),
        ("to.foo.com.", "A"),
        ("foo.org.", "A"),
        ("www.foo.com.", "TYPE65400"),
    ):
        server.ask(name, rdtype)  # twice: once for each path
    server.exchange(bytes(12))
    found = collect_metrics(ZoneStates(server.zones, ServingPlan())).collect()
    text = await exposition.write_text(found, Scheduler())
    head = 'zonegit_dns_queries_total{branch="main",rcode='
    assert f'{head}"NOERROR",type="A",zone="foo.com."}} 2.0' in text
    assert f'{head}"NXDOMAIN",type="AAAA",zone="foo.com."}} 2.0' in text
    assert f'{head}"NXDOMAIN",type="A",zone="foo.com."}} 2.0' in text
    assert f'{head}"NOERROR",type="other",zone="foo.com."}} 2.0' in text
    assert 'zonegit_dns_unanswered_total{why="refused"} 2.0' in text
    assert 'zonegit_dns_unanswered_total{why="malformed"} 2.0' in text


async def test_the_counters_of_a_removed_zone_are_dropped() -> None:
    zones = ZoneTable()
    states = ZoneStates(zones, ServingPlan())
    zone = names.parse("foo.com.")
    state = states.set_target(zone, "main", LogPosition(b"c" * 32, "e", 1))
    states.apply(state, state.target, Compiled(b"c" * 32, b"t" * 32, empty_snapshot(zone)))
    assert list(zones.queries) == [(zone, "main")]
    states.set_target(zone, "main", LogPosition(None, "e", 2))
    states.apply(state, state.target, None)
    assert not zones.queries
    assert not zones.by_apex
    assert not list(states)


def test_the_histogram_counts_each_move_whose_time_is_known() -> None:
    propagation = Propagation()
    states = ZoneStates(ZoneTable(), ServingPlan())
    state = states.set_target(names.parse("foo.com."), "main", LogPosition(None, "e", 1))
    propagation.observe_state(state, LogPosition(None, "e", 1))
    propagation.observe_state(
        state, LogPosition(None, "e", 2, time=0.0)
    )  # more than ten seconds ago
    buckets = {
        s.labels["le"]: s.value
        for s in propagation.make_metric("zonegit_propagation_seconds", "").samples
        if "le" in s.labels
    }
    assert (buckets["10.0"], buckets["+Inf"]) == (0, 1)
