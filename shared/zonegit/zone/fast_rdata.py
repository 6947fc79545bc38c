"""Fast parsers for names of ordinary letters and for the RDATA of the most common types.

Nearly every line of a large zone consists of these. Each function returns either exactly the result
of ``zone.rdata`` or None; on None, the caller uses ``zone.rdata``, which also makes the error.
Tests compare the two.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from zonegit.zone.names import MAX_OCTETS, ROOT, Name
from zonegit.zone.rrtypes import AAAA, CNAME, MX, NS, PTR, TXT, A

_CACHED_NAMES: Final = 1 << 14
"""Names in RDATA that are cached: the same name servers and mail exchangers occur many times."""

_NAME: Final = re.compile(
    r"(?:[a-z0-9_*/-]{1,63}\.)*[a-z0-9_*/-]{1,63}\.?", re.ASCII | re.IGNORECASE
)
_IPV4: Final = re.compile(r"(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})", re.ASCII)
_IPV6: Final = re.compile(
    r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
    r"|(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::"
    r"(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?",
    re.ASCII | re.IGNORECASE,
)
_PREFERENCE: Final = re.compile(r"\d{1,5}", re.ASCII)
_STRING: Final = re.compile(r"[ !#-\[\]-~]{0,255}")

_MAX_STRINGS: Final = 255
"""Character-strings; this many of any length fit into RDATA."""

WordList = Sequence[str]


def parse_name(text: str, origin: Name) -> bytes | None:
    """Return the wire form of a name, in its original case; ``origin`` completes a relative name.

    Returns:
        The octets, or None if the name needs the general parser.
    """
    if text == "@":
        return origin
    if _NAME.fullmatch(text) is None:
        return None
    labels = text.encode().split(b".")
    end = origin if labels[-1] else ROOT
    octets = b"".join([b"%c%b" % (len(label), label) for label in labels if label]) + end
    return octets if len(octets) <= MAX_OCTETS else None


def parse_rdata(rdtype: int, words: WordList, origin: Name) -> bytes | None:
    """Return the uncompressed wire form of RDATA.

    Args:
        rdtype: the type of the record.
        words: the words of the RDATA, as ``lexer`` returns them.
        origin: completes relative names.

    Returns:
        The octets, or None if the RDATA needs the general parser.
    """
    reader = _READERS.get(rdtype)
    return reader(words, origin) if reader is not None else None


def _parse_ipv4(words: WordList, origin: Name) -> bytes | None:
    if len(words) != 1 or type(words[0]) is not str or _IPV4.fullmatch(words[0]) is None:
        return None
    octets = [int(number) for number in words[0].split(".")]
    return bytes(octets) if max(octets) < 256 else None


def _parse_ipv6(words: WordList, origin: Name) -> bytes | None:
    """Parse the first two forms of RFC 4291 section 2.2."""
    if len(words) != 1 or type(words[0]) is not str or _IPV6.fullmatch(words[0]) is None:
        return None
    first, gap, last = words[0].partition("::")
    groups = first.split(":") if first else []
    if gap:
        end = last.split(":") if last else []
        missing = 8 - len(groups) - len(end)
        if missing < 1:
            return None
        groups += ["0"] * missing + end
    return bytes.fromhex("".join([group.zfill(4) for group in groups]))


def _parse_target(words: WordList, origin: Name) -> bytes | None:
    if len(words) != 1 or not _is_short(words[0]):
        return None
    return _parse_cached_name(words[0], origin)


def _parse_exchange(words: WordList, origin: Name) -> bytes | None:
    if len(words) != 2 or not all(map(_is_short, words)):
        return None
    target = _parse_cached_name(words[1], origin)
    if target is None or _PREFERENCE.fullmatch(words[0]) is None:
        return None
    preference = int(words[0])
    return preference.to_bytes(2, "big") + target if preference < 1 << 16 else None


def _parse_strings(words: WordList, origin: Name) -> bytes | None:
    if not 0 < len(words) <= _MAX_STRINGS or any(_STRING.fullmatch(word) is None for word in words):
        return None
    return b"".join([b"%c%b" % (len(word), word.encode()) for word in words])


def _is_short(word: str) -> bool:
    """Return whether a word is unquoted and short enough to be cached."""
    return type(word) is str and len(word) <= MAX_OCTETS


_parse_cached_name = lru_cache(_CACHED_NAMES)(parse_name)

_READERS: Final[dict[int, Callable[[WordList, Name], bytes | None]]] = {
    A: _parse_ipv4,
    AAAA: _parse_ipv6,
    NS: _parse_target,
    CNAME: _parse_target,
    PTR: _parse_target,
    MX: _parse_exchange,
    TXT: _parse_strings,
}
