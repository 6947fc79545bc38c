"""Format findings, a line each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import click

from zonegit.zone.findings import Finding, Severity
from zonegit_cli.output import SEVERITY_COLOURS, format_count
from zonegit_cli.session import Session

MAX_SHOWN: Final = 100
"""Findings that are printed; the others are counted. ``--json`` has all."""


def print_findings(session: Session, found: Iterable[Finding]) -> None:
    """Print findings on stderr, each with its severity."""
    every = list(found)
    for each in every[:MAX_SHOWN]:
        session.output.print_remark(each.severity, each.message)
    if len(every) > MAX_SHOWN:
        session.output.print_note(f"and {len(every) - MAX_SHOWN} more; --json lists all")


def format_finding(finding: Finding) -> str:
    """Return the line of a finding in a result: severity, message, rule and the RFC behind it."""
    source = f", {finding.source}" if finding.source is not None else ""
    severity = click.style(f"{finding.severity}:", fg=SEVERITY_COLOURS[finding.severity])
    return f"{severity} {finding.message} ({finding.rule}{source})"


def count_by_severity(found: Iterable[Finding]) -> dict[Severity, int]:
    """Return the number of findings of each severity, the worst severity first."""
    counted = Counter[Severity](each.severity for each in found)
    return {severity: counted[severity] for severity in SEVERITY_COLOURS}


def format_counts(counts: Mapping[Severity, int]) -> str:
    """Return counts by severity as text, such as ``1 error, 2 warnings``; empty if all are 0."""
    return ", ".join(format_count(number, each) for each, number in counts.items() if number)
