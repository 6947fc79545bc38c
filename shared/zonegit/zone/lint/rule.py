"""A rule: what it is called, how much it matters, and the function that finds its faults."""

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from zonegit.zone.findings import Finding, Severity
from zonegit.zone.lint.view import View
from zonegit.zone.rrset import RRset

Check = Callable[[View, RRset], Iterator[str]]
"""Finds what is wrong with an RRset of a zone: a message for each fault."""

Scope = Literal["content", "place"]


class Rule(msgspec.Struct, frozen=True):
    """One rule of ``lint``.

    Args:
        id: stable, in kebab case.
        severity: of its findings.
        check: finds its faults in one RRset; what else it needs it looks up in the zone.
        summary: what is wrong, in a phrase.
        remedy: what to do about it.
        source: the RFC section behind it, None without one.
        types: the types of the RRsets that it examines; None: all.
        scope: ``content`` where the fault is in the RRset's records, ``place`` where it is that an
            RRset is at this owner: then a change of its records is no new fault.
    """

    id: str
    severity: Severity
    check: Check
    summary: str
    remedy: str
    source: str | None = None
    types: frozenset[int] | None = None
    scope: Scope = "content"

    def examine(self, view: View, rrset: RRset) -> Iterator[Finding]:
        """Return the findings about one RRset of a type that the rule examines."""
        for message in self.check(view, rrset):
            yield Finding(self.id, self.severity, message, rrset.owner, rrset.rdtype, self.source)
