"""Find the reverse zones of a network.

IPv4 zones end at octets and IPv6 zones at nibbles (RFC 1035 section 3.5, RFC 3596 section 2.5). An
IPv4 network with a prefix longer than 24 bits has one zone, named by RFC 2317.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

import msgspec

from zonegit.zone import names
from zonegit.zone.names import Name

IPV4_BITS: Final = 8
IPV6_BITS: Final = 4
"""Bits of an address per label."""
ADDRESS_PREFIXES: Final = {4: 24, 6: 64}
"""The prefix length of the network of a single address, by IP version."""

ReverseNetwork = IPv4Network | IPv6Network


class ReverseZones(msgspec.Struct, frozen=True):
    """The reverse zones of a network.

    Args:
        network: the network, for messages.
        first: the first zone.
        last: the last zone.
        count: the number of zones.
    """

    network: str
    first: Name
    last: Name
    count: int


def find_reverse_zones(text: str) -> ReverseZones | None:
    """Return the reverse zones of a network, or None if the text is not one.

    Args:
        text: a network such as ``192.0.2.0/24``, or an address, which denotes its network with
            the prefix length of ``ADDRESS_PREFIXES``.
    """
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if "/" not in text:
        network = network.supernet(new_prefix=ADDRESS_PREFIXES[network.version])
    bits = IPV4_BITS if network.version == 4 else IPV6_BITS
    prefix = network.prefixlen
    whole = -(-prefix // bits) * bits
    if network.version == 4 and prefix > 24:
        whole = prefix  # RFC 2317 section 4
    count = 1 << (whole - prefix)
    first = int(network.network_address)
    last = first + (count - 1 << network.max_prefixlen - whole)
    zones = [_zone_name(network, address, whole) for address in (first, last)]
    return ReverseZones(str(network), zones[0], zones[1], count)


def _zone_name(network: ReverseNetwork, address: int, prefix: int) -> Name:
    """Return the zone of the first ``prefix`` bits of an address."""
    if network.version == 4:
        octets = [str(octet) for octet in address.to_bytes(4)]
        labels = octets[: prefix // IPV4_BITS]
        if prefix % IPV4_BITS or prefix == network.max_prefixlen:
            labels = [*octets[:3], f"{octets[3]}/{prefix}"]
        suffix = "in-addr.arpa."
    else:
        labels = list(f"{address:032x}"[: prefix // IPV6_BITS])
        suffix = "ip6.arpa."
    return names.parse(".".join([*reversed(labels), suffix]))
