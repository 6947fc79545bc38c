"""Changes without those of spelling: records that a branch has keep the spelling they have.

A plan works out what RRsets are to become; here it is compared with what they are, by the keys of
their records (``zone.canonical_rdata``). All pure.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.zone import canonical_rdata, spelling
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset

MAX_NAMED: Final = 10
"""Findings of one rule that name their RRset; beyond that they are counted."""


class RespelledChanges(NamedTuple):
    """The changes that are left, and the findings about them."""

    changes: Changes
    findings: tuple[Finding, ...]


def settle(
    changes: Changes, present: Mapping[RRsetKey, RRset], *, respell: bool = False
) -> RespelledChanges:
    """Take out of changes what is another spelling of the same records.

    Args:
        changes: what RRsets are to become.
        present: these RRsets as they are now; those that do not exist are left out, and so may be
            those of which :func:`is_needed` says so.
        respell: the spelling in ``changes`` is the one to store.

    Returns:
        The changes in which known records have the spelling they have in ``present``, without
        those RRsets that are the same then. The findings are a note for each RRset whose new
        spelling is not stored.
    """
    left: Changes = {}
    found: list[Finding] = []
    for key, value in changes.items():
        known = present.get(key)
        if value is None or known is None or respell:
            left[key] = value
        else:
            kept = spelling.keep(value, known)
            if kept is not known:
                left[key] = kept
            if kept != value and spelling.is_respelled(value, known):
                found.append(spelling.note_respelled(value))
    return RespelledChanges(left, limit(found))


def is_needed(rdtype: int) -> bool:
    """Return whether :func:`settle` needs what an RRset of that type is now."""
    return rdtype in canonical_rdata.FOLDED


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
