"""The zones that are measured, and the questions they are asked."""

import ipaddress
import random
import struct
from collections.abc import Iterator
from typing import Final

MIXED_ZONE: Final = "mixed.test."
_HOSTS: Final = 800
_ALIASES: Final = 100
_CUTS: Final = 48
A: Final = 1
AAAA: Final = 28
TXT: Final = 16
_WORDS: Final = ("ns-", "www-", "mail-", "host-", "server-", "customer-", "static-ip-")
_SOA: Final = "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300"


def mixed_zone() -> str:
    """A master file of 1,000 RRsets: hosts, aliases of them, delegations with glue."""
    lines = [f"$ORIGIN {MIXED_ZONE}", _SOA, "@ 3600 IN NS ns1", "@ 3600 IN NS ns2"]
    lines += ["ns1 3600 IN A 192.0.2.1", "ns2 3600 IN A 192.0.2.2"]
    lines += [f"host{n:04} 300 IN A 10.0.{n >> 8}.{n & 255}" for n in range(_HOSTS)]
    lines += [f"alias{n:03} 300 IN CNAME host{n:04}" for n in range(_ALIASES)]
    for n in range(_CUTS):
        lines += [f"cut{n:03} 3600 IN NS ns.cut{n:03}", f"ns.cut{n:03} 3600 IN A 10.1.0.{n}"]
    return "\n".join(lines) + "\n"


def flat_zone(zone: str, names: int) -> str:
    """A master file of ``names`` hosts with one address each, all below the apex."""
    lines = [f"$ORIGIN {zone}", "$TTL 300", _SOA, "@ NS ns1", "ns1 A 192.0.2.1"]
    lines += [f"h{n} A 10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(names)]
    return "\n".join(lines) + "\n"


def dual_stack_zone(zone: str, names: int, seed: int = 3) -> Iterator[str]:
    """The lines of a master file of ``names`` hosts right below the apex, each with an A and an
    AAAA record; labels of 4 to 15 octets and addresses are random and the same every time."""
    chosen = random.Random(seed)
    yield f"$ORIGIN {zone}\n$TTL 300\n{_SOA}\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
    for number in range(names):
        label = f"{chosen.choice(_WORDS)}{number:x}"
        ipv4 = ipaddress.IPv4Address(chosen.getrandbits(32))
        ipv6 = ipaddress.IPv6Address(0x20010DB8 << 96 | chosen.getrandbits(96))
        yield f"{label} 300 IN A {ipv4}\n{label} 300 IN AAAA {ipv6}\n"


def dual_stack_labels(names: int, seed: int = 3) -> list[str]:
    """The labels of those hosts."""
    lines = (entry.split(" ", 1)[0] for entry in dual_stack_zone("test.", names, seed))
    next(lines)
    return list(lines)


def mixed_questions(count: int = 8_192, seed: int = 1) -> list[bytes]:
    """Of ten: six hits, one alias, one referral, one that does not exist, one without data; all
    with EDNS and DO, all of one length. The order is random and the same every time."""
    chosen = random.Random(seed)
    return [_mixed_question(chosen) for _ in range(count)]


def _mixed_question(chosen: random.Random) -> bytes:
    host = f"host{chosen.randrange(_HOSTS):04}"
    match chosen.randrange(10):
        case 0:
            return question(f"alias{chosen.randrange(_ALIASES):03}.{MIXED_ZONE}", A)
        case 1:
            return question(f"w.cut{chosen.randrange(_CUTS):03}.{MIXED_ZONE}", A)
        case 2:
            return question(f"no{chosen.randrange(1 << 24):06x}.{MIXED_ZONE}", A)
        case 3:
            return question(f"{host}.{MIXED_ZONE}", AAAA)
        case _:
            return question(f"{host}.{MIXED_ZONE}", A)


def random_subdomains(count: int = 65_536, seed: int = 2) -> list[bytes]:
    """Names that do not exist, no two alike: what a random-subdomain attack asks."""
    chosen = random.Random(seed)
    return [question(f"{chosen.randbytes(12).hex()}.{MIXED_ZONE}", A) for _ in range(count)]


def question(name: str, rdtype: int) -> bytes:
    """A query datagram with id 0 (RFC 1035 section 4.1) that offers 1,232 octets and DO
    (RFC 6891 section 6.1.2)."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label)
    option = struct.pack("!BHHIH", 0, 41, 1_232, 0x8000, 0)
    return (
        struct.pack("!6H", 0, 0, 1, 0, 0, 1) + labels + struct.pack("!BHH", 0, rdtype, 1) + option
    )
