"""Parse and format ``HOST:PORT``; an IPv6 address is in brackets."""

import re
from typing import Final

from zonegit.errors import Invalid

DNS_PORT: Final = 53

_ADDRESS: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::(\d{1,5}))?", re.ASCII)


def parse_address(text: str) -> tuple[str, int]:
    """Parse ``127.0.0.1:5353``, ``[::1]:53``, or a host without a port, for port 53.

    Raises:
        Invalid: the address is malformed, or the port is not from 0 to 65535.
    """
    matched = _ADDRESS.fullmatch(text)
    port = int(matched[3]) if matched and matched[3] else DNS_PORT
    if matched is None or port > 65535:
        raise Invalid(f"invalid address {text!r}", hint="for example 127.0.0.1:5353 or [::1]:5353")
    return matched[1] or matched[2], port


def format_address(host: str, port: int) -> str:
    """Return the text of an address, the inverse of :func:`parse_address`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
