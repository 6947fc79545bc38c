"""Find the name of the zone in a master file."""

from typing import Final

from zonegit.zone import lexer, names
from zonegit.zone.lexer import MasterFileEntry
from zonegit.zone.names import Name

MAX_ENTRIES: Final = 1_000
"""Entries that are searched for the SOA; most files begin with it."""

MAX_SOA_WORD: Final = 4
"""Words of a record that are searched for its type: owner, TTL, class, type."""


def find_apex(octets: bytes, source: str) -> Name | None:
    """Return the owner of the first SOA record.

    Args:
        octets: the content of the master file.
        source: the name of the file, for errors.

    Returns:
        The owner, or None if there is no SOA among the first ``MAX_ENTRIES`` entries, or its owner
        is relative and no absolute ``$ORIGIN`` precedes it.

    Raises:
        Invalid: the file is malformed before its SOA; the message names the file and the line.
    """
    origin: Name | None = None
    owner: Name | None = None
    for number, entry in enumerate(lexer.split_entries(octets, source)):
        words = entry.words
        if number >= MAX_ENTRIES:
            break
        if words[0].upper() == "$ORIGIN" and len(words) > 1:
            origin = _parse_absolute(words[1], origin)
        elif words[0][:1] != "$":
            owner = owner if entry.indented else _parse_absolute(words[0], origin)
            if _is_soa(entry):
                return owner
    return None


def _is_soa(entry: MasterFileEntry) -> bool:
    start = 0 if entry.indented else 1
    return "SOA" in (word.upper() for word in entry.words[start:MAX_SOA_WORD])


def _parse_absolute(text: str, origin: Name | None) -> Name | None:
    if text.endswith("."):
        return names.parse(text)
    if origin is None:
        return None
    return names.parse(text, origin)
