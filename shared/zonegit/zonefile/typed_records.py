"""Parse RDATA from the arguments of a command or from the words of an edit script.

The rule is the same for every type and every command. ``docs/typed-records.md`` describes it with
examples, and uses the same letters.

(a) ``\\# LEN HEX`` is generic RDATA (RFC 3597 section 5) for any type.
(b) TXT and SPF: each argument is one record. Its octets are literal, cut into strings of 255,
    unless the whole argument is one or more quoted strings of a master file.
(c) One argument, other types: RDATA text as in a master file. Nothing in it may be skipped.
(d) More arguments, other types: first each one as exactly one field of one record. An argument in
    the place of a character-string is literal, unless the whole argument is one quoted string.
(e) Otherwise each argument is one record, read by (a) or (c).
(f) Otherwise the input is an error that names the argument.

The module does no I/O, so other services can apply the same rule.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.zone import confusables, lexer, rrset, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.lexer import Glued, Quoted, Words
from zonegit.zone.names import ROOT, Name
from zonegit.zonefile import fields

MAX_STRING: Final = 255
"""Octets of one character-string (RFC 1035 section 3.3)."""

_ANY_NUMBER: Final = 1 << 16
_ALL: Final = range(_ANY_NUMBER)

_TEXT_TYPES: Final = frozenset({rrtypes.TXT, rrtypes.NUMBERS["SPF"]})
_STRING_FIELDS: Final[dict[int, range]] = {
    rrtypes.NUMBERS[mnemonic]: places
    for mnemonic, places in {
        "HINFO": range(2),
        "X25": range(1),
        "ISDN": range(2),
        "GPOS": range(3),
        "NAPTR": range(2, 5),
        "URI": range(2, 3),
        "CAA": range(2, 3),
        "DOA": range(3, 4),
        "NINFO": _ALL,
        "AVC": _ALL,
        "RESINFO": _ALL,
        "WALLET": _ALL,
        "CLA": _ALL,
    }.items()
}
"""The fields of a type that are character-strings, count_taken from 0."""
_PARAMETER_FIELDS: Final[dict[int, range]] = {
    rrtypes.SVCB: range(2, _ANY_NUMBER),
    rrtypes.HTTPS: range(2, _ANY_NUMBER),
}
"""The fields of a type that are a SvcParam, ``key`` or ``key=value`` (RFC 9460 section 2.1)."""

_USAGE: Final = "write NAME TYPE [TTL] RDATA... or NAME [TTL] [IN] TYPE RDATA..."
_QUOTE_IT: Final = """to use this text, put quotes around it: '"..."'"""
_GENERIC: Final = r"\#"
_GENERIC_TEXT: Final = re.compile(r"[ \t]*\\#[ \t]+[0-9]+(?:[ \t].*)?", re.ASCII | re.DOTALL)
_FIELD: Final = re.compile(r'(?:[^ \t\r\n\x00;()"\\]|\\[^\r\n\x00])+')
_PARAMETER: Final = re.compile(r"([a-z0-9-]+=)(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_STRINGS: Final = re.compile(r'[ \t]*+(?:"(?:[^"\\]|\\.)*+"[ \t]*+)++', re.DOTALL)


def parse_rdatas(rdtype: int, arguments: Sequence[str], origin: Name) -> list[bytes]:
    """Return the RDATA of the records that the arguments describe, at least one.

    Args:
        rdtype: the type of all records.
        arguments: the arguments after type and TTL. Octets that are not UTF-8 are lone surrogates,
            as in ``sys.argv``.
        origin: completes relative names.

    Raises:
        Invalid: the arguments are not RDATA of that type by any part of the rule; the message names
            the argument.
    """
    if not arguments:
        raise Invalid(f"expected RDATA after the type {rrtypes.to_text(rdtype)}")
    if arguments[0] == _GENERIC and _is_number(arguments[1:2]):
        return [_read_generic(rdtype, arguments, origin)]
    if rdtype in _TEXT_TYPES:
        return [_read_text(rdtype, argument, origin) for argument in arguments]
    if len(arguments) == 1:
        return [read_rdata(rdtype, arguments[0], origin)]
    return _read_fields_or_records(rdtype, arguments, origin)


class TypedRRset(msgspec.Struct, frozen=True):
    """The words after the owner of a typed record, by field.

    Args:
        rdtype: the type.
        ttl: the TTL in seconds, or None if it is left out.
        arguments: the RDATA.
        arguments_with_ttl: the RDATA if the word after the type is not a TTL but the first word of
            the RDATA; empty if no TTL comes after the type.
    """

    rdtype: int
    ttl: int | None
    arguments: Sequence[str]
    arguments_with_ttl: Sequence[str] = ()


def split_words(words: Sequence[str]) -> TypedRRset:
    """Split ``TYPE [TTL] RDATA...`` or ``[TTL] [IN] TYPE RDATA...`` into fields.

    TTL and IN may come in either order before the type (RFC 1035 section 5.1). If neither does, the
    word after the type is the TTL if it has the form of one. If only IN does, such a word is the
    TTL or RDATA, whichever lets the rest be RDATA.

    Raises:
        Invalid: there is no type, the class is not IN, the TTL is out of range, or after IN a word
            can be the TTL as well as RDATA; the error shows both readings.
    """
    ttl: int | None = None
    has_class = False
    at = 0
    while at < len(words):
        if ttl is None and fields.is_ttl(words[at]):
            ttl = fields.parse_ttl(words[at])
        elif not has_class and fields.is_class(words[at]):
            has_class = True
        else:
            break
        at += 1
    if at == len(words):
        after = f"after {shlex.join(words)}" if words else "after the name"
        raise Invalid(f"expected a record type {after}", hint=_USAGE)
    rdtype, arguments = rrtypes.from_text(words[at]), words[at + 1 :]
    if ttl is not None or not arguments or not fields.is_ttl(arguments[0]):
        return TypedRRset(rdtype, ttl, arguments)
    if has_class and _is_rdata(rdtype, arguments, ROOT):
        if _is_rdata(rdtype, arguments[1:], ROOT):
            raise _two_readings_error(rdtype, arguments)
        return TypedRRset(rdtype, None, arguments)
    return TypedRRset(rdtype, fields.parse_ttl(arguments[0]), arguments[1:], arguments)


def _two_readings_error(rdtype: int, arguments: Sequence[str]) -> Invalid:
    first, kind = arguments[0], rrtypes.to_text(rdtype)
    return Invalid(
        f"{first} after IN {kind} can be the TTL or RDATA",
        hint=f"as the TTL: {first} IN {kind} {shlex.join(arguments[1:])};"
        f" as RDATA, with a TTL before it: TTL IN {kind} {shlex.join(arguments)}",
    )


def parse_typed(typed: TypedRRset, origin: Name) -> list[bytes]:
    """Return the RDATA of the records that the fields describe, by :func:`parse_rdatas`.

    Raises:
        Invalid: the arguments are not RDATA of that type. If they would be with the TTL as their
            first word, the error shows both readings.
    """
    try:
        return parse_rdatas(typed.rdtype, typed.arguments, origin)
    except Invalid as error:
        if not typed.arguments_with_ttl or not _is_rdata(
            typed.rdtype, typed.arguments_with_ttl, origin
        ):
            raise
        first, kind = typed.arguments_with_ttl[0], rrtypes.to_text(typed.rdtype)
        raise Invalid(
            f"read with {first} as the TTL: {error.message}",
            hint=f"to read {first} as RDATA, put a TTL before it:"
            f" {kind} TTL {shlex.join(typed.arguments_with_ttl)}",
        ) from None


def _is_rdata(rdtype: int, arguments: Sequence[str], origin: Name) -> bool:
    try:
        parse_rdatas(rdtype, arguments, origin)
    except Invalid:
        return False
    return True


def find_notes(rdtype: int, arguments: Sequence[str]) -> list[Finding]:
    """Return notes for the operator on how :func:`parse_rdatas` reads the arguments."""
    literal = [each for each in arguments if not (_is_generic(each) or _STRINGS.fullmatch(each))]
    is_generic = arguments[:1] == [_GENERIC] and _is_number(arguments[1:2])
    if rdtype not in _TEXT_TYPES or len(arguments) < 2 or not literal or is_generic:
        return []
    kind = rrtypes.to_text(rdtype)
    return [
        Finding(
            "txt-arguments-are-records",
            "note",
            f"{len(arguments)} arguments are {len(arguments)} {kind} records; to write text with"
            " blanks as one record, quote it for the shell",
            rdtype=rdtype,
        )
    ]


def read_rdata(rdtype: int, text: str, origin: Name) -> bytes:
    """Parse the RDATA of one record; comments and line ends are errors.

    Args:
        rdtype: the type of the record.
        text: RDATA in presentation format, or generic RDATA (RFC 3597 section 5).
        origin: completes relative names.

    Raises:
        Invalid: the text is not RDATA of that type, or has a comment or a line end outside quotes.
    """
    try:
        return rrset.rdata_from_tokens(rdtype, Words(lexer.split_rdata(text)), origin)
    except (Invalid, ValueError) as error:
        kind = rrtypes.to_text(rdtype)
        raise Invalid(
            f"{_show(text)} is not RDATA of type {kind}: {error}",
            hint=getattr(error, "hint", None),
        ) from None


def _read_generic(rdtype: int, fields: Sequence[str], origin: Name) -> bytes:
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise Invalid(
                f"{_show(field)} is not a field of generic RDATA",
                hint=r"\# LEN HEX... takes one argument each, or all of it as one argument",
            )
    return read_rdata(rdtype, " ".join(fields), origin)


def _read_text(rdtype: int, argument: str, origin: Name) -> bytes:
    """Return the RDATA of one TXT record: rule (b)."""
    if _is_generic(argument) or _STRINGS.fullmatch(argument):
        return read_rdata(rdtype, argument, origin)
    try:
        confusables.check_ends(argument)
    except Invalid as error:
        raise Invalid(f"{_show(argument)}: {error.message}", hint=_QUOTE_IT) from None
    octets = _octets(argument)
    pieces = [octets[at : at + MAX_STRING] for at in range(0, len(octets), MAX_STRING)] or [b""]
    rdata = b"".join(b"%c%b" % (len(piece), piece) for piece in pieces)
    if len(rdata) > rrset.MAX_RDATA:
        raise Invalid(f"{_show(argument)} makes RDATA of {len(rdata)} octets, more than 65535")
    return rdata


def _read_fields_or_records(rdtype: int, arguments: Sequence[str], origin: Name) -> list[bytes]:
    """Read all arguments as one record, otherwise each as a record: rules (d), (e) and (f)."""
    try:
        if any(map(_is_generic, arguments)):
            raise Invalid("generic RDATA (\\# LENGTH HEX) must be the whole record")
        return [_read_fields(rdtype, arguments, origin)]
    except Invalid as error:
        no_field = error
    found: list[bytes] = []
    for number, argument in enumerate(arguments, 1):
        try:
            found.append(read_rdata(rdtype, argument, origin))
        except Invalid as error:
            raise _reading_error(rdtype, arguments, number, no_field, error) from None
    return found


def _reading_error(
    rdtype: int, arguments: Sequence[str], number: int, no_field: Invalid, no_record: Invalid
) -> Invalid:
    """Return the error for arguments that are neither one record nor one record each.

    The message is about the reading that parsed more arguments, the hint about the other one.
    """
    kind = rrtypes.to_text(rdtype)
    as_fields = f"the {len(arguments)} arguments are not one {kind} record: {no_field.message}"
    as_records = f"argument {number} is not a record by itself: {no_record.message}"
    if number == 1:
        return Invalid(as_fields, hint=as_records)
    return Invalid(as_records, hint=as_fields)


def _read_fields(rdtype: int, arguments: Sequence[str], origin: Name) -> bytes:
    """Return the RDATA of one record whose fields are the arguments: rule (d).

    Raises:
        Invalid: an argument is not a field; the message names it.
    """
    words = list(_field_words(rdtype, arguments))
    taken = 0

    def count_taken() -> Iterator[str]:
        nonlocal taken
        for word in words:
            taken += not isinstance(word, Glued)
            yield word

    try:
        return rrset.rdata_from_tokens(rdtype, Words(count_taken()), origin)
    except (Invalid, ValueError) as error:
        why = str(error)
        place = _show(arguments[taken - 1]) if taken else ""
        is_named = why.startswith(place)
        raise Invalid(why if is_named else f"at {place}: {why}") from None


def _field_words(rdtype: int, arguments: Sequence[str]) -> Iterator[str]:
    """Yield the fields as the words of a master file."""
    strings = _STRING_FIELDS.get(rdtype, range(0))
    parameters = _PARAMETER_FIELDS.get(rdtype, range(0))
    for place, argument in enumerate(arguments):
        if place in strings:
            yield Quoted(_string(argument))
        elif place in parameters and (parameter := _PARAMETER.fullmatch(argument)):
            yield parameter[1]
            yield Glued(_string(parameter[2]))
        elif _FIELD.fullmatch(argument):
            confusables.check_word(argument)
            yield argument
        else:
            raise Invalid(f"{_show(argument)} is not one field")


def _string(argument: str) -> str:
    """Return an argument as the content of a quoted character-string."""
    if quoted := _STRING.fullmatch(argument):
        return quoted[1]
    confusables.check_ends(argument)
    if argument.startswith('"'):
        raise Invalid(f"{_show(argument)} begins with a quote, but is not one quoted string")
    return "".join(
        chr(octet) if 0x20 <= octet < 0x7F and octet not in b'"\\' else f"\\{octet:03}"
        for octet in _octets(argument)
    )


def _octets(argument: str) -> bytes:
    """Return the octets of an argument; text is UTF-8."""
    return argument.encode("utf-8", "surrogateescape")


def _is_generic(argument: str) -> bool:
    return _GENERIC_TEXT.fullmatch(argument) is not None


def _is_number(arguments: Sequence[str]) -> bool:
    return len(arguments) == 1 and arguments[0].isascii() and arguments[0].isdecimal()


def _show(argument: str) -> str:
    """Return an argument for an error, quoted and shortened."""
    return repr(argument if len(argument) <= 80 else f"{argument[:77]}...")
