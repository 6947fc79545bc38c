"""Every metric of the services is explained in docs/monitoring.md."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector
from tests.support.resolver_metrics import collect_metrics, collect_store_metrics

from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit_resolver.config.serving import ServingPlan
from zonegit_resolver.zone_states import ZoneStates

PAGE = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text()
OF_UP = {"zonegit_service_up"}
"""The metrics that ``zonegit up`` adds; tests/e2e/test_monitoring.py reads them."""


def list_names(collector: Collector) -> set[str]:
    registry = CollectorRegistry()
    registry.register(collector)
    text = generate_latest(registry).decode()
    return set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))


def test_every_metric_is_explained_and_every_explained_one_exists(tmp_path: Path) -> None:
    resolver = list_names(collect_metrics(ZoneStates(ZoneTable(), ServingPlan())))
    exposed = resolver | list_names(collect_store_metrics(tmp_path)) | OF_UP
    rows = re.findall(r"^\| (`(?:zonegit|process)_\w+`.*?) \| ", PAGE, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(documented) == sorted(exposed)
