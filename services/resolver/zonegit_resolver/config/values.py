"""Settings of several words, read from the text that flags and file have. Pure."""

from collections.abc import Collection
from typing import Final

from zonegit.errors import Invalid
from zonegit.nameserver import acl
from zonegit.nameserver.acl import Access, Secondary
from zonegit.zone import names
from zonegit.zone.names import Name

KEY: Final = "key:"
MAX_NSID_OCTETS: Final = 128
"""Octets of a name server identifier."""
_HEX: Final = "0x"


def parse_access(text: str, keys: Collection[Name]) -> Access:
    """Reads ``192.0.2.0/24 2001:db8::/32 key:NAME``; empty: nobody. ``keys`` are those there are.

    Raises:
        Invalid: a word is neither a network nor one of the keys.
    """
    networks, named = [], []
    for word in text.split():
        if word.startswith(KEY):
            named.append(_parse_key(word, keys))
        else:
            networks.append(acl.parse_network(word))
    return Access(tuple(networks), frozenset(named))


def parse_secondaries(text: str, keys: Collection[Name]) -> tuple[Secondary, ...]:
    """Reads ``192.0.2.1:53 [2001:db8::1]:53 key:NAME``; a key belongs to the address before it.

    Raises:
        Invalid: a word is neither an address nor one of the keys, or a key follows no address.
    """
    found: list[Secondary] = []
    for word in text.split():
        if not word.startswith(KEY):
            found.append(Secondary(acl.parse_address(word)))
        elif found and found[-1].key is None:
            found[-1] = Secondary(found[-1].address, _parse_key(word, keys))
        else:
            raise Invalid(f"{word} follows no address", hint="192.0.2.1:53 key:NAME")
    return tuple(found)


def parse_octets(text: str) -> bytes:
    """Reads text, or octets as ``0x`` and hexadecimal digits.

    Raises:
        Invalid: it begins with ``0x`` and goes on otherwise, or is too long.
    """
    try:
        found = bytes.fromhex(text[len(_HEX) :]) if text.startswith(_HEX) else text.encode()
    except ValueError as error:
        raise Invalid(f"{text!r} is not hexadecimal", hint="0x6e7331 is, and says ns1") from error
    if len(found) > MAX_NSID_OCTETS:
        raise Invalid(f"{len(found)} octets are more than {MAX_NSID_OCTETS}")
    return found


def parse_number(text: str, least: int, most: int) -> int:
    """Raises:
    Invalid: not a number from ``least`` to ``most``.
    """
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Invalid(f"{text!r} is not a number from {least:,} to {most:,}")
    return int(text)


def parse_yes_no(text: str) -> bool:
    """Raises:
    Invalid: neither ``yes`` nor ``no``.
    """
    if text not in ("yes", "no"):
        raise Invalid(f"{text!r} is neither yes nor no")
    return text == "yes"


def check_txt_string(text: str) -> str:
    """What one string of a TXT record holds.

    Raises:
        Invalid: more than 255 octets.
    """
    if len(text.encode()) > 255:
        raise Invalid("more than 255 octets, which no string of a TXT record holds")
    return text


def _parse_key(word: str, keys: Collection[Name]) -> Name:
    name = names.parse(word[len(KEY) :])
    if name not in keys:
        raise Invalid(f"no key is called {names.text(name)}", hint='keys = "FILE" has them')
    return name
