"""Addresses, networks, and access lists of clients. Pure."""

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
    """An IP address as text, and a port; port 0 means any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Access:
    """An access list: hosts in these networks, and clients that sign with one of these keys (RFC
    8945)."""

    networks: tuple[Network, ...] = ()
    keys: frozenset[Name] = frozenset()

    def allows(self, peer: str, key: Name | None) -> bool:
        """Return whether a client may have access.

        Args:
            peer: its IP address.
            key: the key that signed the query; None for an unsigned one.
        """
        return key in self.keys or self._holds(peer)

    def _holds(self, peer: str) -> bool:
        address = unmap_ipv4(ipaddress.ip_address(peer))
        return any(address in network for network in self.networks)

    def __str__(self) -> str:
        keys = (f"key:{names.text(key)}" for key in sorted(self.keys))
        return " ".join((*map(str, self.networks), *keys)) or "no client"


LOOPBACK: Final = Access(
    (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")),
)


@dataclass(frozen=True, slots=True)
class Secondary:
    """A server that keeps a copy of a zone and gets a NOTIFY for changes, signed by ``key`` if
    that is not None."""

    address: Address
    key: Name | None = None

    def __str__(self) -> str:
        return f"{self.address} key:{names.text(self.key)}" if self.key else str(self.address)


def parse_address(text: str) -> Address:
    """Parse ``192.0.2.1:53`` or ``[2001:db8::1]:53``.

    Raises:
        Invalid: the text has another form.
    """
    host, colon, port = text.rpartition(":")
    try:
        if not colon or not port.isascii() or not 0 <= int(port) <= 65_535:
            raise ValueError("expected a port from 0 to 65535")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (":" in bare) != (bare != host):
            raise ValueError("expected brackets around an IPv6 address, and only there")
        return Address(str(ipaddress.ip_address(bare)), int(port))
    except ValueError as error:
        raise Invalid(
            f"invalid address {text!r}: {error}",
            hint="for example 127.0.0.1:5353 or [::1]:5353",
        ) from error


def parse_network(text: str) -> Network:
    """Parse ``192.0.2.0/24``; a bare address is a network with one address.

    Raises:
        Invalid: the text has another form, or is a network of IPv4-mapped addresses, which no peer
            has here.
    """
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise Invalid(
            f"invalid network {text!r}: {error}", hint="for example 192.0.2.0/24"
        ) from error
    if isinstance(found, ipaddress.IPv6Network) and found.subnet_of(_MAPPED):
        raise Invalid(
            f"invalid network {text!r}: an IPv4 network in IPv6 form",
            hint="write it as 192.0.2.0/24",
        )
    return found


def unmap_ipv4(address: IPAddress) -> IPAddress:
    """Return the address, or the IPv4 address that it maps."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
