"""Metrics that all services have, for the format of Prometheus: release, process, errors."""

import platform
from collections.abc import Iterator

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, InfoMetricFamily, Metric

from zonegit import containment, release


def collect_process(service: str) -> Iterator[Metric]:
    """Yield the release, the resources of the process (on Linux) and its unexpected errors.

    Args:
        service: The name of the service.
    """
    build = InfoMetricFamily("zonegit_build", "The release of the service, and its Python.")
    versions = {"version": release(), "python": platform.python_version()}
    build.add_metric([], {"service": service, **versions})
    yield build
    yield from ProcessCollector(registry=None).collect()
    errors = CounterMetricFamily(
        "zonegit_unexpected_errors",
        "Unexpected exceptions, each logged, by the kind of work that raised them.",
        labels=("area",),
    )
    for area, number in list(containment.counts.items()):
        errors.add_metric([area], number)
    yield errors
