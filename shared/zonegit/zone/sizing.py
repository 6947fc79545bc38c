"""Find RRsets that do not fit a DNS message of 65,535 octets with EDNS and a signature.

A signed transfer of such an RRset fails, and a query over TCP with EDNS gets a truncated answer. So
a change may not add one. A zone may keep those that are stored already, and revert to them.
"""

from typing import Final

from zonegit.errors import Invalid
from zonegit.zone.findings import Finding, Severity
from zonegit.zone.rrset import MAX_MESSAGE, RRset, describe, message_size

TOO_LARGE: Final = "rrset-too-large"
"""The rule of the findings."""
SOURCE: Final = "RFC 1035 section 4.2.2"
MAX_ANSWER: Final = MAX_MESSAGE - 1_024
"""Octets of the smallest answer with a new RRset."""


def is_too_large(value: RRset) -> bool:
    """Return whether an RRset needs a message of more than ``MAX_ANSWER`` octets."""
    rdatas = value.rdatas
    if len(rdatas) == 1 and len(rdatas[0]) < MAX_ANSWER >> 1:  # the common case
        return False
    return message_size(value) > MAX_ANSWER


def find_too_large(value: RRset, severity: Severity = "warning") -> list[Finding]:
    """Return a finding if an RRset is too large."""
    if not is_too_large(value):
        return []
    return [Finding(TOO_LARGE, severity, _message(value), value.owner, value.rdtype, SOURCE)]


def too_large_error(value: RRset) -> Invalid:
    """Return the error for a new RRset that is too large."""
    return Invalid(_message(value), hint="split it over several names, or remove records")


def _message(value: RRset) -> str:
    return (
        f"{describe(value)} needs a DNS message of {message_size(value):,} octets, more than"
        f" {MAX_ANSWER:,}: the rest of {MAX_MESSAGE:,} is for EDNS and a signature"
    )
