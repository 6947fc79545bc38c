"""Format DNS messages as lines and as JSON."""

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import msgspec

SECTIONS = ("answer", "authority", "additional")

EXIT_NXDOMAIN = 3
"""The exit status for a name that does not exist, as for one that no stored zone has."""
EXIT_FAILURE = 6
"""The exit status for an error code, as for a server that does not answer."""
EXIT_NO_DATA = 11


class QueryFailure(msgspec.Struct, frozen=True):
    """Why a response has no records of the type that was asked for.

    Args:
        text: the reason, with the name and the type.
        status: the exit status of ``zonegit query --exit-code``.
    """

    text: str
    status: int


def is_not_found(message: dns.message.Message) -> bool:
    """Return whether no zone of the server has the name: NXDOMAIN, or REFUSED outside its zones."""
    return message.rcode() in (dns.rcode.NXDOMAIN, dns.rcode.REFUSED)


def is_name_found(message: dns.message.Message) -> bool:
    """Return whether the server has the name, with or without records of the type."""
    return message.rcode() == dns.rcode.NOERROR


def find_failure(message: dns.message.Message) -> QueryFailure | None:
    """Return why a response has no records of the type that was asked for; None if it has some.

    An alias whose target is not in a zone of the server counts as an answer.
    """
    question = message.question[0] if message.question else None
    rdtype = question.rdtype if question is not None else dns.rdatatype.NONE
    asked = (
        f"{question.name} {dns.rdatatype.to_text(rdtype)}"
        if question is not None
        else "no question"
    )
    rcode = message.rcode()
    if rcode == dns.rcode.NXDOMAIN:
        return QueryFailure(f"{asked}: NXDOMAIN, the name does not exist", EXIT_NXDOMAIN)
    if rcode != dns.rcode.NOERROR:
        reasons = "".join(f", {reason}" for reason in _list_errors(message))
        text = f"{asked}: the server answered {dns.rcode.to_text(rcode)}{reasons}"
        return QueryFailure(text, EXIT_FAILURE)
    if any(rdtype in (rrset.rdtype, dns.rdatatype.ANY) for rrset in message.answer):
        return None
    proofs = {rrset.rdtype: rrset for rrset in message.authority}
    if message.answer and dns.rdatatype.SOA not in proofs:
        return None
    delegation = proofs.get(dns.rdatatype.NS)
    if not message.flags & dns.flags.AA and delegation is not None:
        servers = ", ".join(record.to_text() for record in delegation)
        return QueryFailure(
            f"{asked}: no answer but a referral; {delegation.name} is delegated to {servers}",
            EXIT_NO_DATA,
        )
    return QueryFailure(f"{asked}: no data, the name has no records of this type", EXIT_NO_DATA)


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
