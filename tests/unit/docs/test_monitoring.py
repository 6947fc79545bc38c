"""The alert rules, the dashboard and docs/monitoring.md belong together."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.support.peers import find_program
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "packaging" / "prometheus"
RULES = (PROMETHEUS / "zonegit.rules.yml").read_text()
RULE_TESTS = (PROMETHEUS / "zonegit.test.yml").read_text()
DASHBOARD = json.loads((ROOT / "packaging" / "grafana" / "zonegit.json").read_text())
PAGE = (ROOT / "docs" / "monitoring.md").read_text()
ALERTS = re.findall(r"- alert: (\w+)", RULES)


@pytest.mark.parametrize(
    "words", [("check", "rules", "zonegit.rules.yml"), ("test", "rules", "zonegit.test.yml")]
)
def test_promtool_accepts_the_rules(words: tuple[str, ...]) -> None:
    path = find_program("promtool")
    if path is None:
        pytest.skip("promtool is not installed")
    command = [path, *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd=PROMETHEUS
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_of_the_page_has_a_rule_and_every_rule_is_explained() -> None:
    assert re.findall(r"^\| `(Zonegit\w+)` \|", PAGE, re.MULTILINE) == ALERTS


def test_every_rule_is_tested_to_fire_and_not_to_fire() -> None:
    cases = re.findall(r"- name: (\w+ (?:fires|does not fire))$", RULE_TESTS, re.MULTILINE)
    assert cases == [f"{name} {what}" for name in ALERTS for what in ("fires", "does not fire")]


def test_no_two_panels_of_the_dashboard_overlap() -> None:
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_picture_has_all_panels_of_the_dashboard() -> None:
    picture = (ROOT / "docs" / "monitoring.svg").read_text()
    drawn = re.findall(r'font-weight="bold">([^<]+)<', picture)
    assert drawn == [panel["title"] for panel in DASHBOARD["panels"]]
