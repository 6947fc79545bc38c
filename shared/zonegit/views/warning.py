"""Findings about an input or a change as JSON."""

from collections.abc import Iterable

from zonegit.views.document import Document
from zonegit.zone import names, rrtypes
from zonegit.zone.findings import Finding, Severity


class WarningDocument(Document, kw_only=True):
    """A finding about the input or the change. ``name`` and ``type`` are null if it concerns no
    single name or type, ``source`` if the rule is not from an RFC."""

    rule: str
    severity: Severity
    message: str
    name: str | None
    type: str | None
    source: str | None


def make_warnings(findings: Iterable[Finding]) -> list[WarningDocument]:
    """Return findings as documents."""
    return [
        WarningDocument(
            rule=each.rule,
            severity=each.severity,
            message=each.message,
            name=names.text(each.owner) if each.owner is not None else None,
            type=rrtypes.to_text(each.rdtype) if each.rdtype is not None else None,
            source=each.source,
        )
        for each in findings
    ]
