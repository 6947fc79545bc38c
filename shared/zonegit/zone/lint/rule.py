"""A rule of ``lint``: its id, its severity, and the function that finds its faults."""

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from zonegit.zone.findings import Finding, Severity
from zonegit.zone.lint.view import ZoneView
from zonegit.zone.rrset import RRset

Check = Callable[[ZoneView, RRset], Iterator[str]]
"""Yield a message for each fault of an RRset in a zone."""

Scope = Literal["content", "place", "stored"]
"""The subject of a fault: the records of an RRset (``content``), the presence of an RRset at its
owner (``place``), or the stored form of records, which a change cannot add (``stored``)."""


class Rule(msgspec.Struct, frozen=True):
    """One rule of ``lint``.

    Args:
        id: the stable id, in kebab case.
        severity: the severity of its findings.
        check: finds the faults of one RRset, and may look up other RRsets of the zone.
        summary: the fault, as a phrase.
        remedy: the remedy, as a phrase.
        source: the RFC section of the rule, or None.
        types: the types of the RRsets that it examines, or None for all types.
        scope: the subject of its faults. A change is examined by ``content`` rules for the RRsets
            that it sets, and by ``place`` rules for the RRsets that it adds.
        is_about_references: whether its faults require a name within the zone in RDATA.
    """

    id: str
    severity: Severity
    check: Check
    summary: str
    remedy: str
    source: str | None = None
    types: frozenset[int] | None = None
    scope: Scope = "content"
    is_about_references: bool = False

    def finding(self, rrset: RRset, message: str) -> Finding:
        """Return the finding for a fault of an RRset."""
        return Finding(self.id, self.severity, message, rrset.owner, rrset.rdtype, self.source)
