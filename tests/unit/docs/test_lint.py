"""docs/lint.md lists every rule of the table, and every top-level domain."""

import re
from pathlib import Path

from zonegit.zone.lint import dots, table
from zonegit.zonefile.builder import NS_AND_DNAME
from zonegit.zonefile.reader import UNUSABLE

PAGE = (Path(__file__).parents[3] / "docs" / "lint.md").read_text()


def test_every_rule_is_listed_as_it_is() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (\w+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE
    )
    assert rows == [
        (rule.id, rule.severity, rule.source or "-", rule.summary, rule.remedy)
        for rule in table.RULES
    ]


def test_rules_about_files_are_explained() -> None:
    assert f"`{UNUSABLE}` (error)" in PAGE
    assert "`mixed-ttls` (warning" in PAGE
    assert NS_AND_DNAME in table.SOURCES


def test_every_top_level_domain_is_listed() -> None:
    (line,) = re.findall(r"^Top-level domains: (.*)\.$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", line) == sorted(each.decode() for each in dots.TOP_LEVEL)
