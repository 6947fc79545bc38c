"""RRsets that leave no room for EDNS and a signature in a DNS message of 65,535 octets.

A signed transfer of one breaks off, and a query over TCP with EDNS gets a truncated answer. So they
are refused where they are new; what is stored already may stay, and come back. All pure.
"""

from typing import Final

from zonegit.errors import Invalid
from zonegit.zone.findings import Finding, Severity
from zonegit.zone.rrset import MAX_MESSAGE, RRset, describe, message_size

TOO_LARGE: Final = "rrset-too-large"
"""The rule of findings."""
SOURCE: Final = "RFC 1035 section 4.2.2"
MAX_ANSWER: Final = MAX_MESSAGE - 1_024
"""Octets of the smallest message with an RRset that is new."""


def is_too_large(value: RRset) -> bool:
    """Return whether an RRset needs a message of more than ``MAX_ANSWER`` octets."""
    rdatas = value.rdatas
    if len(rdatas) == 1 and len(rdatas[0]) < MAX_ANSWER >> 1:  # nearly all
        return False
    return message_size(value) > MAX_ANSWER


def find_too_large(value: RRset, severity: Severity = "warning") -> list[Finding]:
    """Return a finding where an RRset is too large, with the figure."""
    if not is_too_large(value):
        return []
    return [Finding(TOO_LARGE, severity, _message(value), value.owner, value.rdtype, SOURCE)]


def refusal(value: RRset) -> Invalid:
    """Return the error of an RRset that is new and too large."""
    return Invalid(_message(value), hint="split it over several names, or remove records")


def _message(value: RRset) -> str:
    return (
        f"{describe(value)} needs a DNS message of {message_size(value):,} octets, more than"
        f" {MAX_ANSWER:,}: the rest of {MAX_MESSAGE:,} is for EDNS and a signature"
    )
