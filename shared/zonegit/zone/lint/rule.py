"""A rule: what it is called, how much it matters, and the function that finds its faults."""

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from zonegit.zone.findings import Finding, Severity
from zonegit.zone.lint.view import ZoneView
from zonegit.zone.rrset import RRset

Check = Callable[[ZoneView, RRset], Iterator[str]]
"""Finds what is wrong with an RRset of a zone: a message for each fault."""

Scope = Literal["content", "place", "stored"]
"""What a fault is about: an RRset's records, that an RRset is at its owner, or records as they are
stored, which no change can bring."""


class Rule(msgspec.Struct, frozen=True):
    """One rule of ``lint``.

    Args:
        id: stable, in kebab case.
        severity: of its findings.
        check: finds its faults in one RRset; what else it needs it looks up in the zone.
        summary: what is wrong, in a phrase.
        remedy: what to do about it.
        source: the RFC section behind it, None without one.
        types: the types of the RRsets that it examines, or None for all.
        scope: what its faults are about; a change is examined for the content of the RRsets that
            it sets, and for the place of those that it adds.
        is_about_references: whether it finds faults only where RDATA holds a name within the zone.
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
        """Return the finding about an RRset that has a fault."""
        return Finding(self.id, self.severity, message, rrset.owner, rrset.rdtype, self.source)
