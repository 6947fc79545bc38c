"""Find the names in a reply's RDATA: targets of aliases, and hosts that may have addresses."""

from typing import Final

import dns.exception
import dns.message
import dns.name

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name

_FIELDS: Final = ("target", "exchange", "replacement")
"""Attributes of dnspython RDATA that name a host: of NS, CNAME, DNAME, SRV, SVCB and HTTPS; of
MX; of NAPTR."""


def find_names(reply: bytes) -> set[Name]:
    """Return the names in the RDATA of the answer and authority sections.

    Raises:
        Invalid: the octets are not a DNS message.
    """
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        raise Invalid(f"not a DNS message: {error}") from error
    rdatas = (rdata for rrset in (*message.answer, *message.authority) for rdata in rrset)
    found = (getattr(rdata, field, None) for rdata in rdatas for field in _FIELDS)
    return {_to_name(each) for each in found if isinstance(each, dns.name.Name)}


def _to_name(name: dns.name.Name) -> Name:
    octets = name.to_wire()
    assert octets is not None  # it is None only when written into a file
    return names.from_wire(octets)
