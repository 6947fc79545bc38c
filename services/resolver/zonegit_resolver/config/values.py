"""Parse settings of several words, from options and configuration file. Pure."""

from collections.abc import Collection
from typing import Final

from zonegit.errors import Invalid
from zonegit.nameserver import acl
from zonegit.nameserver.acl import Access, Secondary
from zonegit.zone import names
from zonegit.zone.names import Name

KEY: Final = "key:"
MAX_NSID_OCTETS: Final = 128
"""The maximum length of a name server identifier, in octets."""
_HEX: Final = "0x"


def parse_access(text: str, keys: Collection[Name]) -> Access:
    """Parse an access list such as ``192.0.2.0/24 2001:db8::/32 key:NAME``; empty for no clients.

    Args:
        text: The words.
        keys: The names of the existing TSIG keys.

    Raises:
        Invalid: A word is neither a network nor one of the keys.
    """
    networks, named = [], []
    for word in text.split():
        if word.startswith(KEY):
            named.append(_parse_key(word, keys))
        else:
            networks.append(acl.parse_network(word))
    return Access(tuple(networks), frozenset(named))


def parse_secondaries(text: str, keys: Collection[Name]) -> tuple[Secondary, ...]:
    """Parse secondaries such as ``192.0.2.1:53 [2001:db8::1]:53 key:NAME``; a key belongs to the
    address before it.

    Raises:
        Invalid: A word is neither an address nor one of the keys, or a key is not after an address.
    """
    found: list[Secondary] = []
    for word in text.split():
        if not word.startswith(KEY):
            found.append(Secondary(acl.parse_address(word)))
        elif found and found[-1].key is None:
            found[-1] = Secondary(found[-1].address, _parse_key(word, keys))
        else:
            raise Invalid(
                f"{word} must come after an address", hint="for example 192.0.2.1:53 key:NAME"
            )
    return tuple(found)


def parse_octets(text: str) -> bytes:
    """Parse text, or octets as ``0x`` and hexadecimal digits.

    Raises:
        Invalid: The digits are malformed, or the value is too long.
    """
    try:
        found = bytes.fromhex(text[len(_HEX) :]) if text.startswith(_HEX) else text.encode()
    except ValueError as error:
        raise Invalid(
            f"{text!r} is not hexadecimal", hint="for example 0x6e7331 for ns1"
        ) from error
    if len(found) > MAX_NSID_OCTETS:
        raise Invalid(f"{len(found)} octets exceed the maximum of {MAX_NSID_OCTETS}")
    return found


def parse_number(text: str, minimum: int, maximum: int) -> int:
    """Parse a number.

    Raises:
        Invalid: It is not a number from ``minimum`` to ``maximum``.
    """
    if not text.isascii() or not text.isdigit() or not minimum <= int(text) <= maximum:
        raise Invalid(f"{text!r} is not a number from {minimum:,} to {maximum:,}")
    return int(text)


def parse_yes_no(text: str) -> bool:
    """Parse ``yes`` or ``no``.

    Raises:
        Invalid: It is neither.
    """
    if text not in ("yes", "no"):
        raise Invalid(f"{text!r} is neither yes nor no")
    return text == "yes"


def check_txt_string(text: str) -> str:
    """Check that a text fits one string of a TXT record, and return it.

    Raises:
        Invalid: It has more than 255 octets.
    """
    if len(text.encode()) > 255:
        raise Invalid("longer than 255 octets, the maximum of a string of a TXT record")
    return text


def _parse_key(word: str, keys: Collection[Name]) -> Name:
    name = names.parse(word[len(KEY) :])
    if name not in keys:
        raise Invalid(
            f"there is no key {names.text(name)}", hint='keys = "FILE" names the file of keys'
        )
    return name
