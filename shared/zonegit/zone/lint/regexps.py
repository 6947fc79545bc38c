"""Check the substitution expression of NAPTR (RFC 3402 section 3.2).

It consists of a delimiter, an extended regular expression of POSIX, the delimiter, a replacement,
the delimiter, and flags. Only the form is checked; regcomp(3) or other name servers refuse every
expression that this module refuses.
"""

import re
from typing import Final

from zonegit.errors import Invalid

_NOT_DELIMITERS: Final = b"123456789i\\\0"
_PARTS: Final = 3
_REFERENCE: Final = re.compile(rb"\\(.)", re.DOTALL)
_TOKEN: Final = re.compile(
    rb"(?P<escaped>\\.)"
    rb"|(?P<bracket>\[\^?\]?(?:\[:[a-z]+:\]|\[\.[^\]]+\.\]|\[=[^\]]+=\]|[^\]])*\])"
    rb"|(?P<repeat>[*+?]|\{(?P<least>\d{1,3})(?:,(?P<most>\d{0,3}))?\})"
    rb"|(?P<open>\()|(?P<close>\))|(?P<or>\|)|(?P<anchor>[\^$])"
    rb"|(?P<other>[^\\\[])",
    re.DOTALL,
)


def check_substitution(text: bytes) -> None:
    """Check the regexp field of a NAPTR record; an empty field is valid.

    Raises:
        Invalid: the field is malformed; the message has the reason.
    """
    if not text:
        return
    delimiter = text[:1]
    if delimiter in _NOT_DELIMITERS:
        raise Invalid(f"its delimiter is {delimiter.decode('latin-1')!r}, which is not allowed")
    parts = _split(text[1:], delimiter)
    if len(parts) != _PARTS:
        raise Invalid(f"it has {len(parts)} delimiters instead of 3")
    expression, replacement, flags = parts
    if flags.strip(b"i"):
        raise Invalid(f"its flags are {_show(flags)}; only i is allowed")
    groups = _check_expression(expression)
    for found in _REFERENCE.findall(replacement):
        if found.isdigit() and not 1 <= int(found) <= groups:
            raise Invalid(f"its replacement refers to group {int(found)} of {groups}")


def _split(text: bytes, delimiter: bytes) -> list[bytes]:
    """Split at each delimiter that is not escaped."""
    parts = [bytearray()]
    at = 0
    while at < len(text):
        size = 2 if text[at : at + 1] == b"\\" else 1
        if text[at : at + size] == delimiter:
            parts.append(bytearray())
        else:
            parts[-1] += text[at : at + size]
        at += size
    return [bytes(part) for part in parts]


def _check_expression(text: bytes) -> int:
    """Check an extended regular expression, and return the number of its groups.

    Raises:
        Invalid: the expression is malformed.
    """
    groups = depth = at = 0
    is_branch_empty, can_repeat = True, False
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise Invalid(f"its regular expression is incomplete at {_show(text[at:])}")
        at = token.end()
        match token.lastgroup:
            case "repeat":
                if not can_repeat or not _is_range(token):
                    raise Invalid(f"its regular expression has a misplaced {_show(token[0])}")
                can_repeat = False
            case "open":
                groups, depth = groups + 1, depth + 1
                is_branch_empty, can_repeat = False, False
            case "close":
                depth -= 1
                can_repeat = True
            case "or":
                if is_branch_empty:
                    raise Invalid("its regular expression has an empty alternative")
                is_branch_empty, can_repeat = True, False
            case kind:
                is_branch_empty = False
                can_repeat = kind != "anchor"
        if depth < 0:
            break
    if depth:
        raise Invalid("its regular expression has parentheses that do not match")
    if is_branch_empty:
        raise Invalid("its regular expression is empty, or has an empty alternative")
    return groups


def _is_range(token: re.Match[bytes]) -> bool:
    least, most = token["least"], token["most"]
    return not (least and most) or int(least) <= int(most)


def _show(octets: bytes) -> str:
    return ascii(octets.decode("latin-1"))
