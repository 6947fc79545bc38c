"""Collect the metrics of services without traffic."""

from pathlib import Path

from zonegit.bus.lanes import DEFAULT_DEPTHS, Lanes
from zonegit.bus.metrics import StoreCollector
from zonegit_resolver.dispatcher import LATENCY_BOUNDS_S
from zonegit_resolver.histogram import Histogram
from zonegit_resolver.listen.udp import DropCounters
from zonegit_resolver.report.metrics import MetricsCollector, Propagation
from zonegit_resolver.xfr.notify import Notifier
from zonegit_resolver.xfr.outgoing import Outgoing
from zonegit_resolver.zone_states import ZoneStates


def collect_metrics(tracks: ZoneStates) -> MetricsCollector:
    """Return the metrics for ``states``, with the bus up and a valid configuration."""
    return MetricsCollector(
        tracks,
        DropCounters(),
        Histogram(LATENCY_BOUNDS_S),
        Propagation(),
        find_bus=lambda: None,
        is_serving=lambda: True,
        config_is_good=lambda: True,
        outgoing=Outgoing(tracks.zones),
        notifier=Notifier(lambda zone: (), dict),
    )


def collect_store_metrics(folder: Path) -> StoreCollector:
    """Return the metrics of a store in ``folder`` whose bus was never opened."""
    return StoreCollector("refs", folder, None, Lanes(DEFAULT_DEPTHS, {}))
