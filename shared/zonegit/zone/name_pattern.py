"""Patterns of owner names, such as ``dhcp-*``. Pure.

A ``*`` matches any number of octets within one label, none included, so a pattern matches only
names with as many labels as it has. A first label of exactly ``*`` is not a pattern, but the label
of a wildcard (RFC 4592 section 2.1.1); ``**`` matches any first label, that of a wildcard included.
A ``*`` that is escaped (``\\*``) matches only itself, and all other characters match only
themselves.
"""

import re
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name, Path

_WILDCARD: Final = (b"", b"")
"""A label of one asterisk that is not escaped."""
_TOKEN: Final = re.compile(r"\\(?:\d{3}|.)|.", re.ASCII | re.DOTALL)


class NamePattern(msgspec.Struct, frozen=True):
    """A pattern of the names of a zone.

    Args:
        text: the pattern as it was written, for messages.
        labels: for each label below the apex, from the apex down, the octets between the
            asterisks. A label without an asterisk has one part.
    """

    text: str
    labels: tuple[tuple[bytes, ...], ...]

    def matches(self, path: Path) -> bool:
        """Return whether the pattern matches the name with this path."""
        return len(path) == len(self.labels) and all(
            matches_label(parts, label) for parts, label in zip(self.labels, path, strict=True)
        )


def matches_label(parts: tuple[bytes, ...], label: bytes) -> bool:
    """Return whether a label consists of the parts in order, with any octets between them.

    The time is that of one search per part, each from the end of the one before.
    """
    if len(parts) == 1:
        return label == parts[0]
    first, *inner, last = parts
    end = len(label) - len(last)
    if end < len(first) or not label.startswith(first) or not label.endswith(last):
        return False
    at = len(first)
    for part in inner:
        at = label.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def parse(text: str, zone: Name) -> NamePattern | None:
    """Parse a pattern in presentation format.

    Args:
        text: the pattern; relative to the zone without a final dot.
        zone: the zone's name, in which an asterisk matches only itself.

    Returns:
        None if the text is a name without a pattern.

    Raises:
        Invalid: the text is not a domain name, or not within the zone.
    """
    # In the same name with another octet in place of each asterisk, the octets that differ are the
    # asterisks that are not escaped.
    pieces = _TOKEN.findall(text)
    if "*" not in pieces:
        return None
    labels_down = names.path(names.parse(text, zone), zone)
    other = names.parse("".join("x" if each == "*" else each for each in pieces), zone)
    if not names.is_within(other, zone):
        raise Invalid(
            f"{text!r} has an asterisk in the name of the zone",
            hint=r"write it as \*, or the name relative to the zone",
        )
    labels = list(map(_split_label, labels_down, names.path(other, zone)))
    if labels and labels[-1] == _WILDCARD:
        labels[-1] = (b"*",)
    if all(len(parts) == 1 for parts in labels):
        return None
    return NamePattern(text, tuple(labels))


def _split_label(label: bytes, other: bytes) -> tuple[bytes, ...]:
    """Split a label at the octets that differ from another label of the same length."""
    parts = [bytearray()]
    for octet, replaced in zip(label, other, strict=True):
        if octet == replaced:
            parts[-1].append(octet)
        else:
            parts.append(bytearray())
    return tuple(map(bytes, parts))
