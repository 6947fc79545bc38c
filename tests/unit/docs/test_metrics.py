"""Every metric of a resolver is explained in docs/operations.md, with its labels."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from tests.support.resolver_metrics import collect_metrics

from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit_resolver.config.serving import ServingPlan
from zonegit_resolver.zone_states import ZoneStates

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def test_every_metric_is_explained_and_every_explained_one_exists() -> None:
    registry = CollectorRegistry()
    registry.register(collect_metrics(ZoneStates(ZoneTable(), ServingPlan())))
    exposed = re.findall(r"^# TYPE (\w+) ", generate_latest(registry).decode(), re.MULTILINE)
    documented = re.findall(r"^\| `(zonegit_\w+)` \| [^|]*\| ", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(exposed)
