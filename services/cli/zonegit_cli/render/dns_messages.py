"""Format DNS messages as lines and as JSON."""

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

SECTIONS = ("answer", "authority", "additional")


def lines(message: dns.message.Message, transport: str) -> list[str]:
    """Return the sections of a message; ``transport`` is printed after its size."""
    flags = dns.flags.to_text(message.flags).lower()
    shown = [f";; {dns.rcode.to_text(message.rcode())}, id {message.id}, flags {flags}"]
    shown += [f";; {reason}" for reason in _reasons(message)]
    for title, section in zip(SECTIONS, _sections(message), strict=True):
        if section:
            records = (line for rrset in section for line in _records(rrset))
            shown += [f";; {title.upper()}", *records]
    size = len(message.wire) if message.wire else 0
    return [*shown, f";; {size} octets {transport}"]


def rdatas(message: dns.message.Message) -> list[str]:
    """Return the RDATA of the answer section."""
    return [rdata.to_text() for rrset in message.answer for rdata in rrset]


def as_json(message: dns.message.Message) -> dict[str, Any]:
    """Return the sections of a message for ``--json``."""
    return {
        "rcode": dns.rcode.to_text(message.rcode()),
        "flags": dns.flags.to_text(message.flags).split(),
        "extended_errors": _reasons(message),
        **{
            key: [line for rrset in section for line in _records(rrset)]
            for key, section in zip(SECTIONS, _sections(message), strict=True)
        },
    }


def _reasons(message: dns.message.Message) -> list[str]:
    """Return the extended DNS errors (RFC 8914)."""
    return [error.to_text() for error in message.extended_errors()]


def _sections(message: dns.message.Message) -> list[list[dns.rrset.RRset]]:
    return [message.answer, message.authority, message.additional]


def _records(rrset: dns.rrset.RRset) -> list[str]:
    return rrset.to_text().splitlines()
