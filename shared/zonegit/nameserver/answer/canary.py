"""Choose the clients that the canary branch answers: a stable share of all subnets. Pure."""

import ipaddress
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from zonegit.errors import Invalid
from zonegit.nameserver.acl import IPAddress, unmap_ipv4
from zonegit.nameserver.message.edns import ECS, encode_option, iter_option_contents
from zonegit.store import ref_names

DEFAULT_SALT: Final = "zonegit-default"
BUCKETS: Final = 100

_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_MASK: Final = (1 << 64) - 1

_ECS_HEAD: Final = struct.Struct("!HBB")
_NO_ADDRESS: Final = 0
"""The address family that ``dig +subnet=0`` sends: the client subnet is not disclosed."""
_IPV4: Final = 1
_IPV6: Final = 2


@dataclass(frozen=True, slots=True)
class Canary:
    """A branch that answers the clients in the buckets below ``percent`` (0 to 100)."""

    branch: str
    percent: int
    salt: str = DEFAULT_SALT

    def includes(self, subnet: bytes) -> bool:
        """Return whether clients of that subnet see the canary."""
        return bucket(subnet, self.salt) < self.percent


def parse_canary(text: str, salt: str = DEFAULT_SALT) -> Canary:
    """Parse ``<branch>:<percent>``; the percentage may end in ``%``.

    Raises:
        Invalid: the text has another form.
    """
    branch, colon, percent = text.rpartition(":")
    try:
        if not colon:
            raise Invalid("no percentage")
        share = parse_percent(percent)
    except Invalid as error:
        hint = f"for example next:10, for 10 % (0 to {BUCKETS}) of all client subnets"
        raise Invalid(f"{text!r} is not <branch>:<percent>", hint=hint) from error
    return Canary(ref_names.check_name(branch), share, salt)


def parse_percent(text: str) -> int:
    """Parse a percentage such as ``10``, ``10%`` or ``10 %``.

    Raises:
        Invalid: it is not a whole number from 0 to 100.
    """
    digits = text.removesuffix("%").rstrip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 3 or int(digits) > BUCKETS:
        raise Invalid(f"{text!r} is not a percentage from 0 to {BUCKETS}", hint="for example 10")
    return int(digits)


@lru_cache(maxsize=16_384)
def bucket(subnet: bytes, salt: str) -> int:
    """Return the bucket of a subnet, 0 to 99.

    It is FNV-1a 64 over the subnet's octets, a zero octet and the salt.
    """
    value = _FNV_OFFSET
    for octet in subnet + b"\0" + salt.encode():
        value = (value ^ octet) * _FNV_PRIME & _MASK
    return value % BUCKETS


@lru_cache(maxsize=16_384)
def peer_subnet(peer: str) -> bytes:
    """Return the /24 of an IPv4 peer or the /48 of an IPv6 peer, as 3 or 6 octets."""
    return subnet_of(ipaddress.ip_address(peer))


def subnet_of(address: IPAddress) -> bytes:
    """Return the /24 or /48 of an address; IPv4-mapped addresses count as IPv4."""
    address = unmap_ipv4(address)
    return address.packed[:3] if address.version == 4 else address.packed[:6]


@dataclass(frozen=True, slots=True)
class ClientSubnet:
    """The client subnet that a recursive resolver sends (RFC 7871).

    ``source`` is the prefix length of ``address`` in bits; 0 if the subnet is not disclosed.
    """

    family: int
    source: int
    address: bytes

    @property
    def subnet(self) -> bytes:
        """Return the subnet's octets for the bucket, with missing bits as zero."""
        if self.family == _IPV4:
            return self.address.ljust(4, b"\0")[:3]
        return subnet_of(ipaddress.IPv6Address(self.address.ljust(16, b"\0")))

    def encode_reply(self, *, is_used: bool) -> bytes:
        """Return the option of the reply.

        Its scope is the subnet that the answer holds for: all addresses, unless the client's own
        subnet was used (RFC 7871 section 7.2.1).
        """
        scope = 8 * (3 if self.family == _IPV4 else 6) if is_used and self.source else 0
        if self.family == _IPV6 and scope and len(self.subnet) == 3:
            scope = 96 + 24  # an IPv4-mapped address
        content = _ECS_HEAD.pack(self.family, self.source, scope) + self.address
        return encode_option(ECS, content)


def find_client_subnet(options: bytes) -> ClientSubnet | None:
    """Return the client subnet among the well-formed options of an OPT record; None if there is
    none.

    Raises:
        Invalid: it is malformed; the reply is FORMERR (RFC 7871 section 7.1.2).
    """
    found = next(iter_option_contents(options, ECS), None)
    return _parse_client_subnet(found) if found is not None else None


def _parse_client_subnet(content: bytes) -> ClientSubnet:
    if len(content) < _ECS_HEAD.size:
        raise Invalid("the client subnet is too short")
    family, source, scope = _ECS_HEAD.unpack_from(content)
    address = content[_ECS_HEAD.size :]
    bits = {_NO_ADDRESS: 0, _IPV4: 32, _IPV6: 128}.get(family, -1)
    is_whole = len(address) == (source + 7) // 8 and source <= bits
    unused = -source % 8
    if bits < 0 or scope or not is_whole or (address and address[-1] & ((1 << unused) - 1)):
        raise Invalid("the client subnet is malformed")
    return ClientSubnet(family, source, address)
