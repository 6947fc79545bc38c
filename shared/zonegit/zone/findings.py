"""Findings: faults and notes about a zone or about an accepted input."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from zonegit.errors import Invalid
from zonegit.zone.names import Name

TTL_FROM_MINIMUM: Final = "ttl-from-soa-minimum"
"""The rule about records without a stated TTL."""

STRICT_NOTES: Final = frozenset({TTL_FROM_MINIMUM})
"""Rules whose notes are errors under ``--strict``."""

MAX_NAMED: Final = 20
"""Findings that an error shows; it has only the number of the others."""

Severity = Literal["error", "warning", "note"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one rule for a zone or an input.

    Args:
        rule: the stable id of the rule, in kebab case; scripts and ``--json`` depend on it.
        severity: ``error`` if the zone is invalid, ``warning`` if a server or a resolver is likely
            to misbehave, ``note`` for information.
        message: one line with the fault and its place.
        owner: the owner name, or None for a finding about the whole zone or input.
        rdtype: the type, or None for a finding about all types or no type.
        source: the RFC section of the rule, such as ``RFC 6672 section 2.3``, or None.
    """

    rule: str
    severity: Severity
    message: str
    owner: Name | None = None
    rdtype: int | None = None
    source: str | None = None


def is_strict(finding: Finding) -> bool:
    """Return whether a finding is an error under ``--strict``."""
    return finding.severity != "note" or finding.rule in STRICT_NOTES


def refuse(findings: Sequence[Finding]) -> None:
    """Refuse an input with findings that are errors under ``--strict``.

    Args:
        findings: all findings, notes included.

    Raises:
        Invalid: there is such a finding; the message shows the first ``MAX_NAMED``.
    """
    named = [f"{each.message} ({each.rule})" for each in findings if is_strict(each)]
    if not named:
        return
    more = f"; and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    raise Invalid(
        f"--strict refuses this: {'; '.join(named[:MAX_NAMED])}{more}",
        hint="without --strict these are warnings",
    )
