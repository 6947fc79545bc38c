"""Format findings: a line each on stderr, or a list in JSON."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from zonegit.zone.findings import Finding
from zonegit_cli.render import documents
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


def to_json(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as the ``warnings`` of every command that commits."""
    plain: list[dict[str, Any]] = msgspec.to_builtins(documents.make_warnings(found))
    return plain
