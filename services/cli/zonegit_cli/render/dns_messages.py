"""Format DNS messages as lines and as JSON."""

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

SECTIONS = ("answer", "authority", "additional")


def format_lines(message: dns.message.Message, transport: str) -> list[str]:
    """Return the sections of a message; ``transport`` is printed after its size."""
    flags = dns.flags.to_text(message.flags).lower()
    shown = [f";; {dns.rcode.to_text(message.rcode())}, id {message.id}, flags {flags}"]
    shown += [f";; {reason}" for reason in _list_errors(message)]
    for title, section in zip(SECTIONS, _list_sections(message), strict=True):
        if section:
            records = (line for rrset in section for line in _format_records(rrset))
            shown += [f";; {title.upper()}", *records]
    size = len(message.wire) if message.wire else 0
    return [*shown, f";; {size} octets {transport}"]


def format_rdatas(message: dns.message.Message) -> list[str]:
    """Return the RDATA of the answer section."""
    return [rdata.to_text() for rrset in message.answer for rdata in rrset]


def to_json(message: dns.message.Message) -> dict[str, Any]:
    """Return the sections of a message for ``--json``."""
    return {
        "rcode": dns.rcode.to_text(message.rcode()),
        "flags": dns.flags.to_text(message.flags).split(),
        "extended_errors": _list_errors(message),
        **{
            key: [line for rrset in section for line in _format_records(rrset)]
            for key, section in zip(SECTIONS, _list_sections(message), strict=True)
        },
    }


def _list_errors(message: dns.message.Message) -> list[str]:
    """Return the extended DNS errors (RFC 8914)."""
    return [error.to_text() for error in message.extended_errors()]


def _list_sections(message: dns.message.Message) -> list[list[dns.rrset.RRset]]:
    return [message.answer, message.authority, message.additional]


def _format_records(rrset: dns.rrset.RRset) -> list[str]:
    return rrset.to_text().splitlines()
