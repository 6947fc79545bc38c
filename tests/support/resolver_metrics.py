"""Collect the metrics of a resolver without traffic."""

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
        Propagation(),
        bus_is_up=lambda: True,
        replies_refused=lambda: 0,
        config_is_good=lambda: True,
        outgoing=Outgoing(tracks.zones),
        notifier=Notifier(lambda zone: (), dict),
    )
