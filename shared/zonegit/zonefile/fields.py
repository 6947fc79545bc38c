"""Parse the fields of a record: owner, TTL, class, type and RDATA (RFC 1035 section 5.1).

``zone.fast_rdata`` parses the common forms. ``zone.rdata`` parses everything else.
"""

import re
from functools import lru_cache
from typing import Final

import dns.exception
import dns.ttl

from zonegit.errors import Invalid
from zonegit.zone import fast_rdata, lexer, names, rrset, rrtypes
from zonegit.zone.lexer import Quoted
from zonegit.zone.names import Name
from zonegit.zone.rrset import MAX_TTL

_TTL: Final = re.compile(r"\d{1,10}|(?:\d{1,10}[wdhms])+", re.ASCII | re.IGNORECASE)
_CLASS: Final = re.compile(r"IN|CH|HS|CS|ANY|NONE|CLASS\d{1,5}", re.ASCII | re.IGNORECASE)
_CLASS_IN: Final = re.compile(r"IN|CLASS0*1", re.IGNORECASE)


def is_ttl(text: str) -> bool:
    """Return whether text has the form of a TTL; its value may be out of range."""
    return _TTL.fullmatch(text) is not None


def is_class(text: str) -> bool:
    """Return whether text is the class IN, or its number as in ``CLASS1`` (RFC 3597 section 5).

    Raises:
        Invalid: it is another class.
    """
    is_in = _is_in(text)
    if is_in is False:
        raise Invalid(f"class {text} is not served, only IN")
    return is_in is True


@lru_cache(1024)
def parse_ttl(text: str) -> int:
    """Parse a TTL in seconds or in the units of BIND (``1h30m``).

    Raises:
        Invalid: the text is not a TTL, or is above 2^31-1 (RFC 2181 section 8).
    """
    if not _TTL.fullmatch(text):
        hint = "write seconds, or units such as 1h30m (w, d, h, m, s)"
        raise Invalid(f"{lexer.show_words([text])} is not a TTL", hint=hint)
    try:
        ttl = dns.ttl.from_text(text)
    except dns.exception.DNSException:
        ttl = MAX_TTL + 1
    if ttl > MAX_TTL:
        raise Invalid(f"the TTL {lexer.show_words([text])} is above {MAX_TTL} seconds")
    return ttl


def parse_head(words: list[str], at: int) -> tuple[int, int | None, int]:
    """Parse TTL, class and type, with TTL and class in either order.

    Args:
        words: the words of a record.
        at: the index of the first word after the owner.

    Returns:
        The type, the TTL or None if it is not stated, and the index of the first word of the RDATA.

    Raises:
        Invalid: there is no type, or the class is not IN.
    """
    ttl: int | None = None
    classed = False
    while at < len(words):
        word = require_unquoted(words[at])
        at += 1
        if ttl is None and "0" <= word[0] <= "9":
            ttl = parse_ttl(word)
        elif not classed and (is_ours := _is_in(word)) is not None:
            classed = True
            if not is_ours:
                raise Invalid(f"{lexer.show_words(words)}: class {word} is not served, only IN")
        else:
            return _rdtype(word), ttl, at
    raise Invalid(f"{lexer.show_words(words)!r} has no record type")


@lru_cache(1024)
def _is_in(word: str) -> bool | None:
    """Return whether a class is IN, or None if the word is not a class."""
    return _CLASS_IN.fullmatch(word) is not None if _CLASS.fullmatch(word) else None


def parse_name(text: str, origin: Name) -> Name:
    """Parse an owner or an origin; a relative name is completed with ``origin``.

    Raises:
        Invalid: the text is not a domain name.
    """
    octets = fast_rdata.parse_name(text, origin)
    return Name(octets.lower()) if octets is not None else names.parse(text, origin)


def parse_rdata(owner: Name, rdtype: int, words: list[str], origin: Name) -> bytes:
    """Parse RDATA into uncompressed wire form.

    Args:
        owner: the owner of the record, for the error.
        rdtype: the type of the record.
        words: the words of the RDATA.
        origin: completes relative names.

    Raises:
        Invalid: the words are not RDATA of that type.
    """
    octets = fast_rdata.parse_rdata(rdtype, words, origin)
    if octets is not None:
        return octets
    try:
        return rrset.rdata_from_tokens(rdtype, lexer.Words(words), origin)
    except ValueError as error:
        raise Invalid(
            f"{names.text(owner)} {rrtypes.to_text(rdtype)}: {lexer.show_words(words)!r} is not"
            f" RDATA of that type: {error}"
        ) from error


_rdtype = lru_cache(1024)(rrtypes.from_text)


def require_unquoted(word: str) -> str:
    """Return a word that must not be quoted.

    Raises:
        Invalid: the word is quoted.
    """
    if isinstance(word, Quoted):
        raise Invalid(
            f"{lexer.show_words([word])} is quoted, but only strings in RDATA may be quoted"
        )
    return word
