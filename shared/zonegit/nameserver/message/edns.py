"""Decode and encode EDNS options (RFC 6891 section 6.1.2)."""

import struct
from collections.abc import Iterator
from typing import Final

NSID: Final = 3
"""Name server identifier (RFC 5001)."""
ECS: Final = 8
"""Client subnet (RFC 7871)."""
EDE: Final = 15
"""Extended DNS error (RFC 8914)."""

STALE: Final = 3
NOT_READY: Final = 14
PROHIBITED: Final = 18
NOT_AUTHORITATIVE: Final = 20

_OPTION: Final = struct.Struct("!HH")


def list_option_codes(options: bytes) -> list[int] | None:
    """Return the code of each option; None if one of them exceeds its record."""
    found = []
    at = 0
    while at + _OPTION.size <= len(options):
        code, length = _OPTION.unpack_from(options, at)
        found.append(code)
        at += _OPTION.size + length
    return found if at == len(options) else None


def iter_option_contents(options: bytes, code: int) -> Iterator[bytes]:
    """Yield the content of each option with that code; all options are well-formed."""
    at = 0
    while at < len(options):
        found, length = _OPTION.unpack_from(options, at)
        at += _OPTION.size + length
        if found == code:
            yield options[at - length : at]


def encode_option(code: int, content: bytes) -> bytes:
    """Encode one option."""
    return _OPTION.pack(code, len(content)) + content


def encode_extended_error(error: int) -> bytes:
    """Encode the extended error option (RFC 8914 section 2), without text."""
    return encode_option(EDE, error.to_bytes(2, "big"))
