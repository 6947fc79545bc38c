"""EDNS options (RFC 6891 section 6.1.2): found in queries, made for replies."""

import struct
from collections.abc import Iterator
from typing import Final

_OPTION: Final = struct.Struct("!HH")


def is_well_formed(options: bytes) -> bool:
    """Whether each option ends where the next one begins, and the last where the record ends."""
    at = 0
    while at + _OPTION.size <= len(options):
        at += _OPTION.size + (options[at + 2] << 8 | options[at + 3])
    return at == len(options)


def split(options: bytes) -> Iterator[tuple[int, bytes]]:
    """Code and content of each option, where they are well-formed."""
    at = 0
    while at < len(options):
        code, length = _OPTION.unpack_from(options, at)
        at += _OPTION.size + length
        yield code, options[at - length : at]


def option(code: int, content: bytes) -> bytes:
    """One option."""
    return _OPTION.pack(code, len(content)) + content
