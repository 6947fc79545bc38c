"""Format findings: a line each on stderr."""

from collections.abc import Iterable
from typing import Final

from zonegit.zone.findings import Finding
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
