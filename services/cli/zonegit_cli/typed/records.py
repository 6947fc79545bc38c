"""Records as an operator types them: names, TTLs and RDATA as words of a shell."""

import os
from collections.abc import Sequence
from typing import Final

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset, ttl_from_text

CHARACTER_STRING: Final = 255
"""Octets in one string of a TXT record (RFC 1035 section 3.3)."""
TEXT_TYPES: Final = frozenset({"TXT", "SPF"})


def parse_rrset(zone: Name, name: str, rdtype: str, ttl: str, words: Sequence[str]) -> RRset:
    """One RRset from ``NAME TYPE TTL RDATA...``.

    Raises:
        Invalid: a part is malformed; says which.
    """
    number = rrtypes.from_text(rdtype)
    seconds = ttl_from_text(ttl)
    owner = names.parse(name, zone)
    return rrset(owner, number, seconds, parse_rdatas(zone, rdtype, words))


def parse_rdatas(zone: Name, rdtype: str, words: Sequence[str]) -> list[bytes]:
    """The records that ``RDATA...`` stands for.

    Each word is a record when every word is one by itself (two addresses; a quoted ``10 mail``);
    otherwise the words together are one record (``10 mail``). The text of a TXT record needs no
    quotes of its own.

    Raises:
        Invalid: they are no RDATA of that type.
    """
    number = rrtypes.from_text(rdtype)
    if rdtype.upper() in TEXT_TYPES and not any('"' in word or "\\#" in word for word in words):
        words = [_quoted(" ".join(words))]
    if len(words) > 1:
        try:
            return [rdata_from_text(number, word, zone) for word in words]
        except Invalid:
            return [rdata_from_text(number, " ".join(words), zone)]
    return [rdata_from_text(number, word, zone) for word in words]


def _quoted(text: str) -> str:
    """One TXT record that holds ``text``, in strings of at most 255 octets."""
    octets = os.fsencode(text)  # what is not UTF-8 stays the octets it was
    pieces = [
        octets[at : at + CHARACTER_STRING] for at in range(0, len(octets), CHARACTER_STRING)
    ] or [b""]
    escaped = ["".join(f"\\{octet:03}" for octet in piece) for piece in pieces]
    return " ".join(f'"{piece}"' for piece in escaped)
