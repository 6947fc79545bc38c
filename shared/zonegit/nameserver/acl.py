"""Who talks with this server: addresses with ports, networks, and whom a list of them lets in.
Pure.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final, NamedTuple

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


class Address(NamedTuple):
    """An IP address, as text, and a port; 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may: hosts in these networks, and whoever signs with one of these keys (RFC 8945)."""

    networks: tuple[Network, ...] = ()
    keys: frozenset[Name] = frozenset()

    def allows(self, peer: str, key: Name | None) -> bool:
        """Whether the address ``peer`` may, having signed with ``key``, None: with none."""
        return key in self.keys or self._holds(peer)

    def _holds(self, peer: str) -> bool:
        address = unmap_ipv4(ipaddress.ip_address(peer))
        return any(address in network for network in self.networks)

    def __str__(self) -> str:
        keys = (f"key:{names.text(key)}" for key in sorted(self.keys))
        return " ".join((*map(str, self.networks), *keys)) or "nobody"


LOOPBACK: Final = Access(
    (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")),
)


@dataclass(frozen=True, slots=True)
class Secondary:
    """A server that keeps a copy of a zone and is told of its changes, signed by ``key``; None:
    not signed."""

    address: Address
    key: Name | None = None

    def __str__(self) -> str:
        return f"{self.address} key:{names.text(self.key)}" if self.key else str(self.address)


def parse_address(text: str) -> Address:
    """Reads ``192.0.2.1:53`` or ``[2001:db8::1]:53``.

    Raises:
        Invalid: it is neither.
    """
    host, colon, port = text.rpartition(":")
    try:
        if not colon or not port.isascii() or not 0 <= int(port) <= 65_535:
            raise ValueError("no port of 0 to 65535")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (":" in bare) != (bare != host):
            raise ValueError("an IPv6 address stands in brackets, and nothing else does")
        return Address(str(ipaddress.ip_address(bare)), int(port))
    except ValueError as error:
        raise Invalid(
            f"{text!r} is not an address: {error}", hint="127.0.0.1:5353 and [::1]:5353 are"
        ) from error


def parse_network(text: str) -> Network:
    """Reads ``192.0.2.0/24``; a bare address is a network of its own.

    Raises:
        Invalid: it is neither, or of IPv4-mapped addresses, as which no peer is known here.
    """
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a network: {error}", hint="192.0.2.0/24 is one") from error
    if isinstance(found, ipaddress.IPv6Network) and found.subnet_of(_MAPPED):
        raise Invalid(f"{text!r} is IPv4 in the form of IPv6", hint="write it as 192.0.2.0/24")
    return found


def unmap_ipv4(address: IPAddress) -> IPAddress:
    """The same host's address; an IPv4-mapped one is IPv4."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
