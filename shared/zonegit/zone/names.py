"""Domain names as octets: uncompressed wire form, ASCII lower-case, absolute.

Octets compare, hash and slice faster than objects, and blobs, subjects and packets contain them.
dnspython parses and writes the presentation format.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NewType

import dns.exception
import dns.name

from zonegit.errors import Invalid
from zonegit.zone import idn

Name = NewType("Name", bytes)
"""A valid, lower-case, absolute name in wire form (RFC 1035 section 3.1), 1 to 255 octets."""

Path = tuple[bytes, ...]
"""The labels of an owner name below an apex, from the apex down; empty is the apex itself."""

ROOT = Name(b"\0")
MAX_OCTETS = 255
MAX_LABEL: Final = idn.MAX_LABEL
MAX_SHOWN = 80
"""Characters of an invalid name that an error shows."""
MAX_SHOWN_OCTETS: Final = 16
"""Octets of an invalid name that an error shows."""

_ESCAPE: Final = re.compile(r"\\(?:\d{3}|.)", re.ASCII | re.DOTALL)


def parse(text: str, origin: Name = ROOT) -> Name:
    """Parse a name in presentation format (RFC 1035 section 5.1).

    Labels that are not ASCII become A-labels.

    Args:
        text: the name.
        origin: the name that ``@`` denotes, and that completes relative names.

    Raises:
        Invalid: the text is empty, has an empty label, a label of more than 63 octets or one that
            IDNA 2008 does not allow, or the name has more than 255 octets.
    """
    octets = parse_dnspython(text, to_dnspython(origin)).to_wire()
    assert octets is not None  # to_wire returns None only when it writes to a file
    return Name(octets.lower())


def parse_dnspython(text: str, origin: dns.name.Name | None) -> dns.name.Name:
    """Parse a name into the form of dnspython, in its original case.

    Raises:
        Invalid: the text is not a domain name, as in :func:`parse`.
    """
    if not text:
        raise Invalid("'' is not a domain name: it is empty", hint='write the root zone as "."')
    try:
        if not text.isascii():
            text = idn.to_ascii(text, origin.labels[:-1] if origin is not None else ())
        return dns.name.from_text(text, origin)
    except Invalid as error:
        message = f"{_show(text)} is not a domain name: {error.message}"
        raise Invalid(message, hint=error.hint) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise Invalid(
            f"{_show(text)} is not a domain name: {_describe_error(text, error)}"
        ) from error


def _show(text: str) -> str:
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")


def _describe_error(text: str, error: Exception) -> str:
    """Return the reason why a text is not a domain name."""
    match error:
        case dns.name.LabelTooLong():
            longest = max(idn.split_labels(text), key=_count_octets)
            return f"the label {_show(longest)} has {_count_octets(longest)} octets, more than 63"
        case dns.name.NameTooLong():
            return f"it has more than {MAX_OCTETS} octets, including its origin"
        case dns.name.EmptyLabel():
            return "a label is empty"
        case dns.name.BadEscape():
            return "an escape is \\DDD, an octet of 0 to 255, or \\ and one character"
        case _:
            return str(error).rstrip(".").lower() or "malformed"


def _count_octets(label: str) -> int:
    """Return the number of octets of a label in presentation format."""
    ascii_ = label if label.isascii() else idn.to_ascii(label)
    return len(_ESCAPE.sub("x", ascii_))


@lru_cache(256)
def to_dnspython(name: Name) -> dns.name.Name:
    """Return a name in the form of dnspython; cached, because every record needs its origin."""
    return dns.name.from_wire(name, 0)[0]


def text(name: Name) -> str:
    """Return presentation format with the final dot and the escapes of RFC 4343.

    Error messages, logs and metrics call this function, so it never raises: octets that are not a
    name are shown as ``<300 octets: 3f61...>``.
    """
    try:
        found, used = dns.name.from_wire(name, 0)
    except (dns.exception.DNSException, ValueError, IndexError):
        return _show_octets(name)
    return found.to_text() if used == len(name) else _show_octets(name)


def _show_octets(octets: bytes) -> str:
    return f"<{len(octets)} octets: {octets[:MAX_SHOWN_OCTETS].hex()}...>"


def relative_text(name: Name, apex: Name) -> str:
    """Return a name relative to ``apex``, without the final dot; ``@`` is the apex."""
    if name == apex:
        return "@"
    if apex == ROOT:
        return text(name)[:-1]
    return text(Name(name[: len(name) - len(apex)] + ROOT))[:-1]


def from_wire(octets: bytes) -> Name:
    """Check octets from outside, and return the name in lower case.

    Raises:
        Invalid: the octets are not exactly one uncompressed name.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"a name of {len(octets)} octets is longer than {MAX_OCTETS}")
    at = 0
    while at < len(octets):
        length = octets[at]
        if length == 0:
            if at + 1 == len(octets):
                return Name(octets.lower())
            break
        if length > MAX_LABEL:
            break
        at += length + 1
    raise Invalid(f"octets {octets[:32].hex()} are not one uncompressed domain name")


def require(octets: bytes) -> None:
    """Check that octets are one name in the form of :data:`Name`.

    Raises:
        Invalid: the octets are not one uncompressed name in lower case.
    """
    if from_wire(octets) != octets:
        raise Invalid(f"octets {octets[:32].hex()} are a name with capitals")


def labels(name: Name) -> tuple[bytes, ...]:
    """Return the labels as written, leftmost first, without the root label."""
    found = []
    at = 0
    while length := name[at]:
        found.append(name[at + 1 : at + 1 + length])
        at += length + 1
    return tuple(found)


def join(parts: Iterable[bytes]) -> Name:
    """Return the name with the given labels, the inverse of :func:`labels`.

    Raises:
        Invalid: a label is empty or has more than 63 octets, or the name has more than 255 octets.
    """
    octets = bytearray()
    for label in parts:
        if not 0 < len(label) <= MAX_LABEL:
            raise Invalid(f"a label has 1 to {MAX_LABEL} octets, not {len(label)}")
        octets.append(len(label))
        octets += label
    octets.append(0)
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"a name of {len(octets)} octets is longer than {MAX_OCTETS}")
    return Name(bytes(octets).lower())


def parent(name: Name) -> Name:
    """Return the name without its leftmost label. The root has none and must not be passed."""
    return Name(name[name[0] + 1 :])


def is_within(name: Name, apex: Name) -> bool:
    """Return whether ``name`` is ``apex`` or below it; ``xfoo.com.`` is not within ``foo.com.``."""
    if not name.endswith(apex):
        return False
    while len(name) > len(apex):
        name = parent(name)
    return name == apex


def path(name: Name, apex: Name) -> Path:
    """Return the labels of ``name`` below ``apex``, from the apex down.

    Raises:
        Invalid: ``name`` is not within ``apex``.
    """
    if not is_within(name, apex):
        raise Invalid(f"{text(name)} is not within {text(apex)}")
    return labels(Name(name[: len(name) - len(apex)] + ROOT))[::-1]


def below(apex: Name, labels_down: Path) -> Name:
    """Return the name with the given path, the inverse of :func:`path`.

    Args:
        apex: the name of the zone.
        labels_down: labels of 1 to 63 octets in lower case; every decoder guarantees this.

    Raises:
        Invalid: the name has more than 255 octets.
    """
    prefix = [b"%c%b" % (len(label), label) for label in reversed(labels_down)]
    found = b"".join(prefix) + apex
    if len(found) > MAX_OCTETS:
        raise Invalid(f"a name below {text(apex)} has {len(found)} octets, more than {MAX_OCTETS}")
    return Name(found)


def is_path(labels_down: Path) -> bool:
    """Return whether a name with these labels can fit into 255 octets, in any zone."""
    # Three labels of 63 octets always fit (RFC 1035 section 2.3.4).
    if len(labels_down) < 4:
        return True
    return sum(map(len, labels_down)) + len(labels_down) < MAX_OCTETS


def canonical_key(name: Name) -> tuple[bytes, ...]:
    """Return a sort key for the canonical order of names (RFC 4034 section 6.1)."""
    return labels(name)[::-1]
