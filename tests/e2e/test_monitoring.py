"""The metrics of a stack, as its alert rules and its dashboard use them."""

import json
import re
import urllib.request
from pathlib import Path

from tests.e2e.stack import Stack

PACKAGING = Path(__file__).parents[2] / "packaging"
SUFFIXES = re.compile(r"_(?:bucket|sum|count)$")


def list_used() -> set[str]:
    """Return the metrics that rules and panels use."""
    rules = re.findall(
        r"expr: >-\n\s+(.*)", (PACKAGING / "prometheus" / "zonegit.rules.yml").read_text()
    )
    dashboard = json.loads((PACKAGING / "grafana" / "zonegit.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    found = re.findall(r"\b(?:zonegit|process)_\w+", " ".join([*rules, *panels]))
    return {SUFFIXES.sub("", name) for name in found}


def read_page(url: str) -> str:
    with urllib.request.urlopen(url) as reply:
        return reply.read().decode()


def test_the_rules_and_the_dashboard_use_metrics_that_exist(own_stack: Stack) -> None:
    url = own_stack.up("--metrics", "127.0.0.1:0", "--resolvers", "2")["metrics"]
    own_stack.zone("foo.com")
    page = read_page(url)
    assert list_used() - set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE)) == set()
    for name in ("build_info", "bus_up", "service_up"):
        found = re.findall(rf'^zonegit_{name}{{.*?service="(\w+)"', page, re.MULTILINE)
        assert sorted(found) == ["objectstore", "refs", "resolver", "resolver"]
    assert re.search(
        r'^zonegit_requests_total{outcome="ok",service="refs",verb="move"} [1-9]',
        page,
        re.MULTILINE,
    )
    own_stack.answer("api.foo.com")
    counts = re.findall(r"^zonegit_dns_query_seconds_count{.*} (\d+)", read_page(url), re.MULTILINE)
    assert sum(map(int, counts)) >= 1
