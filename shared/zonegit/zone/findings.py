"""Findings: what an operator should know about a zone or about an input that is accepted."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from zonegit.errors import Invalid
from zonegit.zone.names import Name

TTL_FROM_MINIMUM: Final = "ttl-from-soa-minimum"
"""The rule about a TTL that is stated nowhere."""

STRICT_NOTES: Final = frozenset({TTL_FROM_MINIMUM})
"""Rules whose notes are errors, too, where findings are refused."""

MAX_NAMED: Final = 20
"""Findings that an error names before it only counts them."""

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


def is_strict(finding: Finding) -> bool:
    """Return whether ``--strict`` makes an error of a finding."""
    return finding.severity != "note" or finding.rule in STRICT_NOTES


def refuse(findings: Sequence[Finding]) -> None:
    """Refuse an input that has findings which ``--strict`` makes errors.

    Args:
        findings: all that was found; notes may be among them.

    Raises:
        Invalid: there is such a finding; names them, the first ``MAX_NAMED`` with their messages.
    """
    named = [f"{each.message} ({each.rule})" for each in findings if is_strict(each)]
    if not named:
        return
    more = f"; and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    raise Invalid(
        f"--strict refuses this: {'; '.join(named[:MAX_NAMED])}{more}",
        hint="without --strict these are warnings",
    )
