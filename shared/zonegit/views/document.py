"""The base of all JSON documents, and their encoding."""

from typing import Final

import msgspec

SCHEMA: Final = 1
"""The version of the documents that have a field ``schema``."""


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """A JSON object with exactly these fields."""


def to_hex(octets: bytes | None) -> str | None:
    """Return an id as hexadecimal digits; None for None."""
    return octets.hex() if octets is not None else None
