"""Convert internationalised names (IDNA 2008, RFC 5891) to A-labels and back.

Each label is mapped by UTS 46 (non-transitional: ``ß`` stays ``ß``), then checked and encoded by
RFC 5891. Three things are not converted:

- a label in ASCII, ``xn--`` included;
- ``\\DDD`` and ``\\X``, which denote octets;
- the instance name of DNS-SD, the label before ``_service._tcp`` or ``_service._udp``, which is
  UTF-8 on the wire (RFC 6763 section 4.1.1).

A full stop of East Asian scripts separates labels, as in UTS 46, except in such an instance name.
A U-label is displayed only if IDNA 2008 allows it and it converts to the same A-label.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import idna

from zonegit.errors import Invalid
from zonegit.zone import confusables

MAX_LABEL: Final = 63
"""Octets of a label (RFC 1035 section 2.3.4)."""

_CACHED_LABELS: Final = 1 << 12
"""Labels whose conversion is cached."""

_STOP: Final = re.compile(r"\\.|(\.)", re.DOTALL)
_EAST_ASIAN_STOP: Final = re.compile("[\u3002\uff0e\uff61]")
_NOT_ASCII: Final = re.compile(r"(\\[\x00-\x7f])|\\?([^\x00-\x7f])", re.DOTALL)
_NOT_UTF_8: Final = re.compile("[\ud800-\udfff]")
_A_LABEL: Final = re.compile(r"xn--[a-z0-9-]+", re.IGNORECASE)
_TRANSPORTS: Final = frozenset({"_tcp", "_udp"})
_ADVICE: Final = "type its A-label (xn--...)"


def to_ascii(text: str, origin: Sequence[bytes] = ()) -> str:
    """Return a name in presentation format with A-labels for its labels outside ASCII.

    Args:
        text: the name; octets that are not UTF-8 are lone surrogates.
        origin: the labels that complete a relative name, for DNS-SD.

    Raises:
        Invalid: IDNA 2008 does not allow a label; the message has the label and the reason.
    """
    labels = split_labels(text)
    below = [] if labels[-1] == "" else [label.decode("latin-1") for label in origin]
    return ".".join(_convert(labels, below))


def split_labels(text: str) -> list[str]:
    """Split a name in presentation format into labels, with their escapes.

    The last label of an absolute name is empty.
    """
    labels = []
    start = 0
    for found in _STOP.finditer(text):
        if found[1]:
            labels.append(text[start : found.start()])
            start = found.end()
    return [*labels, text[start:]]


def escape(text: str) -> str:
    """Return presentation format in ASCII, with ``\\DDD`` for each octet of other characters."""
    return _NOT_ASCII.sub(
        lambda found: (
            found[1]
            or "".join(f"\\{octet:03}" for octet in found[2].encode("utf-8", "surrogateescape"))
        ),
        text,
    )


def to_unicode(text: str) -> str | None:
    """Return a name with U-labels in place of its A-labels, or None if it has no valid A-label.

    Args:
        text: a name in presentation format, in ASCII.
    """
    labels = [
        _decode_label(label) if _A_LABEL.fullmatch(label) else None for label in text.split(".")
    ]
    if not any(labels):
        return None
    both = zip(text.split("."), labels, strict=True)
    return ".".join(unicode or ascii_ for ascii_, unicode in both)


def _convert(labels: Sequence[str], origin: Sequence[str]) -> Iterator[str]:
    """Yield the labels in ASCII, without the labels of the origin."""
    every = [*labels, *origin]
    for place, label in enumerate(labels):
        if label.isascii():
            yield label
        elif _is_service(every[place + 1 : place + 3]):
            yield _escape_instance(label)
        else:
            yield from _convert_parts(label, every[place + 1 : place + 3])


def _convert_parts(label: str, following: Sequence[str]) -> Iterator[str]:
    """Split a label at East Asian full stops, and yield its parts in ASCII."""
    parts = _EAST_ASIAN_STOP.split(label)
    for place, part in enumerate(parts):
        if part.isascii():
            yield part
        elif _is_service([*parts[place + 1 :], *following][:2]):
            yield _escape_instance(part)
        else:
            yield _convert_label(part)


def _is_service(following: Sequence[str]) -> bool:
    """Return whether two labels are those of a service type (RFC 6763 section 4.1.2)."""
    return (
        len(following) == 2 and following[0].startswith("_") and following[1].lower() in _TRANSPORTS
    )


def _escape_instance(label: str) -> str:
    _check_utf_8(label)
    confusables.check_word(label)
    return escape(label)


def _convert_label(label: str) -> str:
    _check_utf_8(label)
    confusables.check_label(label)
    if "\\" in label:
        raise Invalid(f"{label!r} has an escape and letters outside ASCII: {_ADVICE}")
    return _encode_label(label)


def _check_utf_8(label: str) -> None:
    if _NOT_UTF_8.search(label):
        raise Invalid(f"a label has octets that are not UTF-8: {_ADVICE}, or write them as \\DDD")


@lru_cache(_CACHED_LABELS)
def _encode_label(label: str) -> str:
    """Return the A-label of a label that is not ASCII."""
    try:
        mapped = idna.uts46_remap(label, std3_rules=False)
        _check_length(label, mapped)
        return idna.alabel(mapped).decode()
    except idna.InvalidCodepoint as error:
        why = confusables.describe(chr(error.codepoint)) if error.codepoint else str(error)
    except (idna.IDNAError, UnicodeError) as error:
        why = str(error)
    raise Invalid(f"IDNA 2008 does not allow {label!r} ({why}): {_ADVICE}")


def _check_length(label: str, mapped: str) -> None:
    """Refuse a label whose A-label is too long for DNS."""
    octets = len(mapped) if mapped.isascii() else len("xn--") + len(mapped.encode("punycode"))
    if octets > MAX_LABEL:
        raise Invalid(
            f"the label {label!r} has {octets} octets as an A-label, more than {MAX_LABEL}"
        )


@lru_cache(_CACHED_LABELS)
def _decode_label(label: str) -> str | None:
    """Return the U-label of an A-label, or None if it is not valid in IDNA 2008 or converts to
    another A-label."""
    try:
        found = idna.ulabel(label)
        return found if idna.alabel(found) == label.lower().encode() else None
    except (idna.IDNAError, UnicodeError):
        return None
