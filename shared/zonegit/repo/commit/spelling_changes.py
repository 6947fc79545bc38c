"""Drop changes of spelling: existing records keep their spelling.

A planned change is compared with the present RRsets by the keys of their records
(``zone.canonical_rdata``). Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.zone import canonical_rdata, spelling
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset

MAX_NAMED: Final = 10
"""Findings of one rule that name their RRset; the rest is counted."""


class RespelledChanges(NamedTuple):
    """The remaining changes, and the findings about the others."""

    changes: Changes
    findings: tuple[Finding, ...]


def drop_respelled(
    changes: Changes, present: Mapping[RRsetKey, RRset], *, respell: bool = False
) -> RespelledChanges:
    """Drop the changes that only respell the same records.

    Args:
        changes: the planned RRsets.
        present: these RRsets as they are now. Those that do not exist are missing, and those for
            which :func:`is_needed` returns False may be.
        respell: store the spelling in ``changes``.

    Returns:
        The changes in which existing records have their spelling in ``present``, without RRsets
            that are then unchanged. The findings are a note for each RRset whose new spelling is
            not stored.
    """
    needed: Changes = {}
    found: list[Finding] = []
    for key, value in changes.items():
        known = present.get(key)
        if value is None or known is None or respell:
            needed[key] = value
        else:
            kept = spelling.keep_spelling(value, known)
            if kept is not known:
                needed[key] = kept
            if kept != value and spelling.is_respelled(value, known):
                found.append(spelling.note_respelled(value))
    return RespelledChanges(needed, limit(found))


def is_needed(rdtype: int) -> bool:
    """Return whether :func:`drop_respelled` needs the present RRset of that type."""
    return rdtype in canonical_rdata.CASE_INSENSITIVE_TYPES


def limit(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the first ``MAX_NAMED`` findings of each rule, and one that counts the others."""
    first: list[Finding] = []
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
        if counts[finding.rule] <= MAX_NAMED:
            first.append(finding)
    severities = {each.rule: each.severity for each in first}
    more = (
        Finding(rule, severities[rule], f"{number - MAX_NAMED} more findings of {rule}")
        for rule, number in counts.items()
        if number > MAX_NAMED
    )
    return (*first, *more)
