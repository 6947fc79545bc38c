"""Encode and decode commits and tags.

Their payload is UTF-8 text: headers in a fixed order, an empty line, and a message. Headers that
this release does not know keep their line number, so that an object that is decoded and encoded has
the same octets.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from zonegit.errors import Corrupt, Invalid
from zonegit.objects.ids import CommitId, from_hex
from zonegit.objects.model import Commit, Extra, Identity, Tag

Header = tuple[str, str]
T = TypeVar("T", Commit, Tag)

_IDENTITY: Final = re.compile(r"([^<>\n]*) <([^<>\n]*)> (\d{1,18}) ([+-]\d{4})", re.ASCII)
_SIGNATURE: Final = "ed25519:"
_COMMIT_KEYS: Final = ("version", "tree", "parent", "author", "committer", "selector", "signature")
_TAG_KEYS: Final = ("version", "object", "type", "tag", "tagger", "signature")
MAX_PARENTS: Final = 2


def encode_commit(commit: Commit) -> bytes:
    """Return the payload of a commit.

    Raises:
        Invalid: a value contains a line end, or there are more than two parents.
    """
    if len(commit.parents) > MAX_PARENTS:
        raise Invalid(f"a commit has at most {MAX_PARENTS} parents, not {len(commit.parents)}")
    headers = [
        ("version", "1"),
        ("tree", commit.tree.hex()),
        *(("parent", parent.hex()) for parent in commit.parents),
        ("author", _format_identity(commit.author)),
        ("committer", _format_identity(commit.committer)),
    ]
    if commit.selector is not None:
        headers.append(("selector", commit.selector))
    return _encode(headers, commit.signature, commit.extra, commit.message)


def encode_tag(tag: Tag) -> bytes:
    """Return the payload of a tag.

    Raises:
        Invalid: a value contains a line end.
    """
    headers = [
        ("version", "1"),
        ("object", tag.target.hex()),
        ("type", "commit"),
        ("tag", tag.name),
        ("tagger", _format_identity(tag.tagger)),
    ]
    return _encode(headers, tag.signature, tag.extra, tag.message)


def strip_signature(payload: bytes) -> bytes:
    """Return the signed octets: the payload of a commit or tag without its signature line."""
    head, separator, message = payload.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if not line.startswith(b"signature ")]
    return b"\n".join(lines) + separator + message


def decode_commit(payload: bytes) -> Commit:
    """Decode the payload of a commit.

    Raises:
        Corrupt: the payload is not a commit in canonical form.
    """
    known, extra, message = _decode(payload, _COMMIT_KEYS)
    commit = Commit(
        tree=from_hex(_require(known, "tree")),
        parents=tuple(CommitId(from_hex(value)) for key, value in known if key == "parent"),
        author=_parse_identity(_require(known, "author")),
        committer=_parse_identity(_require(known, "committer")),
        message=message,
        selector=_find(known, "selector"),
        signature=_parse_signature(known),
        extra=extra,
    )
    return _check_canonical(commit, encode_commit, payload)


def decode_tag(payload: bytes) -> Tag:
    """Decode the payload of a tag.

    Raises:
        Corrupt: the payload is not a tag of a commit in canonical form.
    """
    known, extra, message = _decode(payload, _TAG_KEYS)
    tag = Tag(
        target=CommitId(from_hex(_require(known, "object"))),
        name=_require(known, "tag"),
        tagger=_parse_identity(_require(known, "tagger")),
        message=message,
        signature=_parse_signature(known),
        extra=extra,
    )
    return _check_canonical(tag, encode_tag, payload)


def _encode(
    headers: list[Header], signature: str | None, extra: Sequence[Extra], message: str
) -> bytes:
    if signature is not None:
        headers.append(("signature", _SIGNATURE + signature))
    for line, key, value in extra:
        headers.insert(line, (key, value))
    for key, value in headers:
        if "\n" in value or not key or " " in key or "\n" in key:
            raise Invalid(f"the header {key!r} cannot hold {value!r}")
    lines = [f"{key} {value}\n" for key, value in headers]
    stripped = message.rstrip("\n")
    body = stripped + "\n" if stripped else ""
    try:
        return ("".join(lines) + "\n" + body).encode()
    except UnicodeEncodeError as error:
        raise Invalid("a name or message is not UTF-8", hint="set the terminal to UTF-8") from error


def _decode(payload: bytes, keys: Sequence[str]) -> tuple[list[Header], tuple[Extra, ...], str]:
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise Corrupt("it is not UTF-8") from error
    head, separator, message = text.partition("\n\n")
    if not separator:
        raise Corrupt("no empty line ends its headers")
    known: list[Header] = []
    extra: list[Extra] = []
    for number, line in enumerate(head.split("\n")):
        key, space, value = line.partition(" ")
        if not space:
            raise Corrupt(f"line {number + 1} is not a header")
        if key in keys:
            known.append((key, value))
        else:
            extra.append((number, key, value))
    if known[:1] != [("version", "1")]:
        raise Corrupt("unknown version")
    return known, tuple(extra), message.removesuffix("\n")


def _check_canonical(value: T, encode: Callable[[T], bytes], payload: bytes) -> T:
    if encode(value) != payload:
        raise Corrupt("it is not in canonical form")
    return value


def _find(headers: Sequence[Header], key: str) -> str | None:
    return next((value for name, value in headers if name == key), None)


def _require(headers: Sequence[Header], key: str) -> str:
    value = _find(headers, key)
    if value is None:
        raise Corrupt(f"the header {key!r} is missing")
    return value


def _parse_signature(headers: Sequence[Header]) -> str | None:
    value = _find(headers, "signature")
    if value is None:
        return None
    if not value.startswith(_SIGNATURE):
        raise Corrupt("its signature is of an unknown algorithm")
    return value.removeprefix(_SIGNATURE)


def _parse_identity(text: str) -> Identity:
    matched = _IDENTITY.fullmatch(text)
    if matched is None:
        raise Corrupt(f"{text[:80]!r} is not an identity with a time")
    return Identity(matched[1], matched[2], int(matched[3]), matched[4])


def _format_identity(who: Identity) -> str:
    text = f"{who.mailbox} {who.time} {who.zone}"
    if not _IDENTITY.fullmatch(text):
        raise Invalid(f"invalid identity {text!r}: names must not contain <, > or line ends")
    return text
