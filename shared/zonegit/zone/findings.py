"""Findings: what an operator should know about a zone or about an input that is accepted."""

from typing import Literal

import msgspec

from zonegit.zone.names import Name

Severity = Literal["error", "warning", "note"]


class Finding(msgspec.Struct, frozen=True):
    """One fact about a zone or an input, found by a rule.

    Args:
        rule: stable id of the rule, in kebab case; scripts and ``--json`` depend on it.
        severity: ``error`` where the zone is invalid, ``warning`` where a server or a resolver is
            likely to misbehave, ``note`` for information.
        message: one line for people: what is wrong, and where.
        owner: the owner name concerned; None for a finding about the whole zone or input.
        rdtype: the type concerned; None where all types or no type are concerned.
        source: the RFC section behind the rule, as ``RFC 6672 section 2.3``; None without one.
    """

    rule: str
    severity: Severity
    message: str
    owner: Name | None = None
    rdtype: int | None = None
    source: str | None = None
