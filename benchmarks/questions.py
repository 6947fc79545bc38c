"""The questions that zones are asked."""

import random
import struct
from collections.abc import Callable
from typing import Final

from benchmarks.zones import A, Names

MX: Final = 15
TXT: Final = 16

EDNS: Final = {"no EDNS": None, "EDNS": 0, "EDNS and DO": 0x8000}
"""What clients say of themselves, and the flags of their OPT record (RFC 6891 section 6.1.4)."""

_PAYLOAD: Final = 1_232


def hits(names: Names, count: int = 32_768, *, flags: int | None) -> list[bytes]:
    """Addresses that are there."""
    return [
        _asked(names, host, A, flags) for host in random.Random(1).choices(names.hosts, k=count)
    ]


def mix(names: Names, count: int = 32_768, *, flags: int | None) -> list[bytes]:
    """Of ten: seven hits, one that does not exist, one without data, one alias, referral or mail
    domain. The order is random and the same every time."""
    chosen = random.Random(1)
    return [_one_of_the_mix(names, chosen, flags) for _ in range(count)]


def missing(names: Names, count: int = 65_536, *, flags: int | None) -> list[bytes]:
    """Names that do not exist, no two alike: what a random-subdomain attack asks."""
    chosen = random.Random(2)
    return [_asked(names, chosen.randbytes(12).hex(), A, flags) for _ in range(count)]


KINDS: Final[dict[str, Callable[..., list[bytes]]]] = {
    "hits": hits,
    "mix": mix,
    "missing": missing,
}


def question(name: str, rdtype: int, flags: int | None = 0x8000) -> bytes:
    """A query datagram with id 0 (RFC 1035 section 4.1). With ``flags`` it has an OPT record that
    offers 1,232 octets (RFC 6891 section 6.1.2); with None it has none."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label)
    asked = labels + struct.pack("!BHH", 0, rdtype, 1)
    if flags is None:
        return struct.pack("!6H", 0, 0, 1, 0, 0, 0) + asked
    option = struct.pack("!BHHIH", 0, 41, _PAYLOAD, flags, 0)
    return struct.pack("!6H", 0, 0, 1, 0, 0, 1) + asked + option


def _one_of_the_mix(names: Names, chosen: random.Random, flags: int | None) -> bytes:
    host = chosen.choice(names.hosts)
    match chosen.randrange(30):
        case 0:
            return _asked(names, chosen.choice(names.aliases), A, flags)
        case 1:
            return _asked(names, chosen.choice(names.below), A, flags)
        case 2:
            return _asked(names, chosen.choice(names.domains), MX, flags)
        case 3 | 4 | 5:
            digits = len(host) - 2
            return _asked(names, f"no{chosen.randrange(16**digits):0{digits}x}", A, flags)
        case 6 | 7 | 8:
            return _asked(names, host, TXT, flags)
        case _:
            return _asked(names, host, A, flags)


def _asked(names: Names, label: str, rdtype: int, flags: int | None) -> bytes:
    return question(f"{label}.{names.zone}", rdtype, flags)
