"""Codecs of addresses: A6, APL, ATMA, NSAP, EUI, ILNP, WKS, and the gateways of IPSECKEY and
AMTRELAY."""

import re
from collections.abc import Callable
from typing import Final

import dns.ipv4
import dns.ipv6

from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets
from zonegit.zone.rdata.dnssec import OPTIONAL_KEY
from zonegit.zone.rdata.scalars import (
    IPV4,
    IPV6,
    NAME,
    U8,
    Codec,
    from_hex,
    parse_ipv4,
    parse_ipv6,
    parse_number,
)
from zonegit.zone.rdata.typelists import list_set_bits

MAX_PORT: Final = 65_535

_GROUPS: Final = re.compile(r"[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){3}", re.IGNORECASE)
_NO_GATEWAY, _IPV4, _IPV6, _NAME = range(4)
_GATEWAYS: Final = {_IPV4: IPV4, _IPV6: IPV6, _NAME: NAME}
_ITEM: Final = re.compile(r"(!?)(\d{1,5}):([^/]*)/(\d{1,3})", re.ASCII)
_FAMILY_OCTETS: Final = {1: 4, 2: 16}
"""Address families of an APL: IPv4 and IPv6."""
_PROTOCOLS: Final = {"tcp": 6, "udp": 17}
_SERVICES: Final = {
    "tcpmux": 1, "echo": 7, "discard": 9, "systat": 11, "daytime": 13, "netstat": 15, "qotd": 17,
    "chargen": 19, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37,
    "nameserver": 42, "nicname": 43, "whois": 43, "domain": 53, "bootps": 67, "bootpc": 68,
    "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "www": 80, "kerberos": 88, "hostname": 101,
    "hostnames": 101, "pop2": 109, "pop3": 110, "sunrpc": 111, "auth": 113, "nntp": 119, "ntp": 123,
    "imap": 143, "imap2": 143, "snmp": 161, "snmp-trap": 162, "irc": 194, "ldap": 389, "https": 443,
    "submission": 587, "imaps": 993, "pop3s": 995,
}  # fmt: skip
"""Services that a WKS may name; the list is fixed, so that a file has the same meaning on every
host."""


def _read_gateway(kind: int, fields: Fields) -> bytes:
    if kind == _NO_GATEWAY:
        if fields.take() != ".":
            raise MalformedRdata("a gateway of type 0 is written .")
        return b""
    if kind not in _GATEWAYS:
        raise MalformedRdata(f"gateway type {kind} is not 0, 1, 2 or 3")
    return _GATEWAYS[kind].read(fields)


def _write_gateway(kind: int, octets: Octets) -> str:
    if kind == _NO_GATEWAY:
        return "."
    if kind not in _GATEWAYS:
        raise MalformedRdata(f"gateway type {kind} is not 0, 1, 2 or 3")
    return _GATEWAYS[kind].write(octets)


def _read_ipseckey(fields: Fields) -> bytes:
    """Read IPSECKEY (RFC 4025 section 3.1); the key is optional."""
    head = U8.read(fields) + U8.read(fields) + U8.read(fields)
    return head + _read_gateway(head[1], fields) + OPTIONAL_KEY.read(fields)


def _write_ipseckey(octets: Octets) -> str:
    precedence, kind, algorithm = octets.take(3)
    gateway = _write_gateway(kind, octets)
    return f"{precedence} {kind} {algorithm} {gateway} {OPTIONAL_KEY.write(octets)}".rstrip()


def _read_amtrelay(fields: Fields) -> bytes:
    """Read AMTRELAY (RFC 8777 section 4.3)."""
    precedence = U8.read(fields)
    optional = parse_number(fields.take_text(), 1)
    kind = parse_number(fields.take_text(), 0x7F)
    return precedence + bytes((optional << 7 | kind,)) + _read_gateway(kind, fields)


def _write_amtrelay(octets: Octets) -> str:
    precedence, second = octets.take(2)
    kind = second & 0x7F
    return f"{precedence} {second >> 7} {kind} {_write_gateway(kind, octets)}"


def _read_a6(fields: Fields) -> bytes:
    """Read A6 (RFC 2874 section 3.1).

    It has no suffix if the prefix has 128 bits, and no name if the prefix has 0 bits.
    """
    bits = parse_number(fields.take_text(), 128)
    suffix = b""
    if bits < 128:
        address = int.from_bytes(parse_ipv6(fields.take_text()), "big")
        if address >> 128 - bits:
            raise MalformedRdata(f"the suffix has bits within the prefix of {bits}")
        suffix = address.to_bytes(16, "big")[bits // 8 :]
    return bytes((bits,)) + suffix + (NAME.read(fields) if bits else b"")


def _write_a6(octets: Octets) -> str:
    bits = octets.take_number(1)
    if bits > 128:
        raise MalformedRdata(f"the prefix of an A6 has {bits} bits, more than 128")
    words = [str(bits)]
    if bits < 128:
        suffix = octets.take(16 - bits // 8)
        words.append(dns.ipv6.inet_ntoa(bytes(16 - len(suffix)) + suffix))
    return " ".join(words + ([NAME.write(octets)] if bits else []))


def _read_apl(fields: Fields) -> bytes:
    items = []
    while fields.has_more():
        items.append(_read_item(fields.take_text()))
    return b"".join(items)


def _read_item(text: str) -> bytes:
    """Read an item of APL (RFC 3123 sections 4 and 5), without trailing zeros of the address."""
    found = _ITEM.fullmatch(text)
    if found is None:
        raise MalformedRdata(f"{text[:60]!r} is not FAMILY:ADDRESS/PREFIX, such as 1:192.0.2.0/24")
    family = parse_number(found[2], 0xFFFF)
    if family in _FAMILY_OCTETS:
        to_octets: Callable[[str], bytes] = parse_ipv4 if family == 1 else parse_ipv6
    else:
        to_octets = from_hex
    prefix = parse_number(found[4], 8 * _FAMILY_OCTETS[family] if family in _FAMILY_OCTETS else 255)
    address = to_octets(found[3]).rstrip(b"\0")
    if len(address) > 0x7F:
        raise MalformedRdata(f"the address of {text[:60]!r} is longer than 127 octets")
    negated = 0x80 if found[1] else 0
    return family.to_bytes(2, "big") + bytes((prefix, negated | len(address))) + address


def _write_apl(octets: Octets) -> str:
    items = []
    while octets.has_more():
        family = octets.take_number(2)
        prefix, length = octets.take(2)
        address = octets.take(length & 0x7F)
        size = _FAMILY_OCTETS.get(family)
        if size is not None and (len(address) > size or prefix > 8 * size):
            raise MalformedRdata(f"an address of family {family} in an APL is too long")
        if address.endswith(b"\0"):
            raise MalformedRdata("an address in an APL ends in an octet of zeros")
        mark = "!" if length & 0x80 else ""
        items.append(f"{mark}{family}:{_write_apl_address(family, address)}/{prefix}")
    return " ".join(items)


def _write_apl_address(family: int, address: bytes) -> str:
    match family:
        case 1:
            return dns.ipv4.inet_ntoa(address.ljust(4, b"\0"))
        case 2:
            return dns.ipv6.inet_ntoa(address.ljust(16, b"\0"))
        case _:
            return address.hex()


def _read_atma(fields: Fields) -> bytes:
    """Read ATMA (ATM Forum af-dans-0152.000): hex for an AESA, ``+`` and digits for E.164."""
    text = fields.take_text()
    if text[:1] == "+":
        digits = text[1:].replace(".", "")
        if not (digits.isascii() and digits.isdecimal()):
            raise MalformedRdata(f"{text[:40]!r} is not + and digits")
        return b"\1" + digits.encode()
    return b"\0" + from_hex(_strip_dots(text))


def _write_atma(octets: Octets) -> str:
    kind = octets.take_number(1)
    address = octets.take_rest()
    if kind > 1 or (kind and address and not address.isdigit()):
        raise MalformedRdata("an ATMA is neither an AESA nor digits")
    return f"+{address.decode()}" if kind else address.hex()


def _read_nsap(fields: Fields) -> bytes:
    """Read NSAP (RFC 1706 section 7)."""
    text = fields.take_text()
    if text[:2] not in ("0x", "0X"):
        raise MalformedRdata(f"{text[:40]!r} does not begin with 0x")
    return from_hex(_strip_dots(text[2:]))


def _strip_dots(text: str) -> str:
    """Return digits without the dots that group them."""
    digits = text.replace(".", "")
    if not digits or text[0] == "." or text[-1] == "." or ".." in text:
        raise MalformedRdata(f"{text[:40]!r} is not an address in hexadecimal digits")
    return digits


def eui_codec(size: int) -> Codec:
    """Return the codec of an identifier of ``size`` octets (RFC 7043)."""

    def read(fields: Fields) -> bytes:
        pairs = fields.take_text().split("-")
        if len(pairs) != size or any(len(pair) != 2 for pair in pairs):
            raise MalformedRdata(
                f"an EUI-{8 * size} is {size} pairs of hex with hyphens between them"
            )
        return from_hex("".join(pairs))

    return Codec(read, lambda octets: octets.take(size).hex("-"))


def _read_groups(fields: Fields) -> bytes:
    """Read 64 bits in four groups (RFC 6742 section 2)."""
    text = fields.take_text()
    if _GROUPS.fullmatch(text) is None:
        raise MalformedRdata(f"{text[:40]!r} is not four groups of hex with colons between them")
    return bytes.fromhex("".join([group.zfill(4) for group in text.split(":")]))


def _read_wks(fields: Fields) -> bytes:
    """Read WKS (RFC 1035 section 3.4.2)."""
    address = IPV4.read(fields)
    text = fields.take_text().lower()
    protocol = _PROTOCOLS[text] if text in _PROTOCOLS else parse_number(text, 255)
    bitmap = bytearray()
    while fields.has_more():
        service = fields.take_text().lower()
        port = _SERVICES[service] if service in _SERVICES else parse_number(service, MAX_PORT)
        bitmap.extend(bytes(max(0, port // 8 + 1 - len(bitmap))))
        bitmap[port // 8] |= 0x80 >> port % 8
    return address + bytes((protocol,)) + bitmap


def _write_wks(octets: Octets) -> str:
    address = IPV4.write(octets)
    protocol = octets.take_number(1)
    bitmap = octets.take_rest()
    if len(bitmap) > (MAX_PORT + 1) // 8:
        raise MalformedRdata(f"the bitmap of a WKS has {len(bitmap)} octets, more than 8192")
    return " ".join([address, str(protocol), *map(str, list_set_bits(bitmap))])


IPSECKEY: Final = Codec(_read_ipseckey, _write_ipseckey)
AMTRELAY: Final = Codec(_read_amtrelay, _write_amtrelay)
A6: Final = Codec(_read_a6, _write_a6)
APL: Final = Codec(_read_apl, _write_apl)
ATMA: Final = Codec(_read_atma, _write_atma)
NSAP: Final = Codec(_read_nsap, lambda octets: f"0x{octets.take_rest().hex()}")
GROUPS: Final = Codec(_read_groups, lambda octets: octets.take(8).hex(":", 2))
WKS: Final = Codec(_read_wks, _write_wks)
