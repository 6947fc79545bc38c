"""Build the queries of the measurements."""

import random
import struct
from collections.abc import Callable
from typing import Final

from benchmarks.zones import A, Names

MX: Final = 15
TXT: Final = 16

EDNS_FLAGS: Final = {"no EDNS": None, "EDNS": 0, "EDNS and DO": 0x8000}
"""Flags of the OPT record (RFC 6891 section 6.1.4) by kind of client; None for no OPT record."""

_PAYLOAD: Final = 1_232


def build_hits(names: Names, count: int = 32_768, *, flags: int | None) -> list[bytes]:
    """Return queries for addresses that exist."""
    return [
        _query_below(names, host, A, flags)
        for host in random.Random(1).choices(names.hosts, k=count)
    ]


def build_mix(names: Names, count: int = 32_768, *, flags: int | None) -> list[bytes]:
    """Return a mix of queries in a random order that is the same every time.

    Of ten queries, seven are for existing addresses, one has the answer NXDOMAIN, one NODATA, and
    one is for an alias, a delegated name or a mail domain.
    """
    generator = random.Random(1)
    return [_choose_query(names, generator, flags) for _ in range(count)]


def build_missing(names: Names, count: int = 65_536, *, flags: int | None) -> list[bytes]:
    """Return queries for different names that do not exist, as in a random-subdomain attack."""
    generator = random.Random(2)
    return [_query_below(names, generator.randbytes(12).hex(), A, flags) for _ in range(count)]


KINDS: Final[dict[str, Callable[..., list[bytes]]]] = {
    "hits": build_hits,
    "mix": build_mix,
    "missing": build_missing,
}


def build_query(name: str, rdtype: int, flags: int | None = 0x8000) -> bytes:
    """Return a query datagram with id 0 (RFC 1035 section 4.1).

    Args:
        name: the name, as text.
        rdtype: the record type.
        flags: the flags of an OPT record that offers 1,232 octets (RFC 6891 section 6.1.2); None
            for a query without OPT record.
    """
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label)
    question = labels + struct.pack("!BHH", 0, rdtype, 1)
    if flags is None:
        return struct.pack("!6H", 0, 0, 1, 0, 0, 0) + question
    option = struct.pack("!BHHIH", 0, 41, _PAYLOAD, flags, 0)
    return struct.pack("!6H", 0, 0, 1, 0, 0, 1) + question + option


def _choose_query(names: Names, generator: random.Random, flags: int | None) -> bytes:
    host = generator.choice(names.hosts)
    match generator.randrange(30):
        case 0:
            return _query_below(names, generator.choice(names.aliases), A, flags)
        case 1:
            return _query_below(names, generator.choice(names.delegated), A, flags)
        case 2:
            return _query_below(names, generator.choice(names.domains), MX, flags)
        case 3 | 4 | 5:
            digits = len(host) - 2
            return _query_below(names, f"no{generator.randrange(16**digits):0{digits}x}", A, flags)
        case 6 | 7 | 8:
            return _query_below(names, host, TXT, flags)
        case _:
            return _query_below(names, host, A, flags)


def _query_below(names: Names, label: str, rdtype: int, flags: int | None) -> bytes:
    return build_query(f"{label}.{names.zone}", rdtype, flags)
