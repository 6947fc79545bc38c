"""Identity: an object is named by the SHA-256 of its kind and payload."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, NewType

from zonegit.errors import Corrupt, Invalid

ObjectId = NewType("ObjectId", bytes)
"""32 octets: SHA-256(kind SP decimal(len(payload)) NUL payload)."""

CommitId = NewType("CommitId", ObjectId)
"""The id of an object known to be a commit."""

ObjectKind = Literal["blob", "tree", "commit", "tag", "symref", "doc"]

ID_OCTETS: Final = 32
MAX_PAYLOAD: Final = 512 * 1024
"""No object is larger, in octets; so every object fits one bus message."""

HEX_ID: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class RawObject(NamedTuple):
    """An object as stored and sent. ``id`` is true only where :func:`seal` or :func:`verify`
    made it; what crosses a trust boundary is checked again by whoever receives it."""

    id: ObjectId
    kind: ObjectKind
    payload: bytes


def identify(kind: str, payload: bytes) -> ObjectId:
    """The id of a payload."""
    return ObjectId(hashlib.sha256(b"%b %d\0%b" % (kind.encode(), len(payload), payload)).digest())


def seal(kind: ObjectKind, payload: bytes) -> RawObject:
    """A new object.

    Raises:
        Invalid: the payload is larger than ``MAX_PAYLOAD``.
    """
    if len(payload) > MAX_PAYLOAD:
        raise Invalid(
            f"a {kind} of {len(payload)} octets is larger than {MAX_PAYLOAD}",
            hint="no object of zonegit's own making is; import the zone again to store it anew",
        )
    return RawObject(identify(kind, payload), kind, payload)


def verify(raw: RawObject) -> RawObject:
    """``raw``, once its octets are known to be what its id promises.

    Raises:
        Corrupt: they are not; names the id.
    """
    if len(raw.payload) > MAX_PAYLOAD:
        raise Corrupt(
            f"object {short(raw.id)} is larger than {MAX_PAYLOAD} octets", object=raw.id.hex()
        )
    if identify(raw.kind, raw.payload) != raw.id:
        raise Corrupt(
            f"object {raw.id.hex()} is corrupt: its octets do not hash to its id",
            hint="zonegit import --force FILE stores a zone anew; a backup of the store helps too",
            object=raw.id.hex(),
        )
    return raw


def verify_all(raws: Iterable[RawObject]) -> list[RawObject]:
    """Each of them :func:`verify`."""
    return [verify(raw) for raw in raws]


def from_hex(text: str) -> ObjectId:
    """Raises:
    Invalid: not 64 lower-case hex digits.
    """
    if not HEX_ID.fullmatch(text):
        raise Invalid(f"{text!r} is not an object id (64 hex digits)")
    return ObjectId(bytes.fromhex(text))


def short(object_id: bytes) -> str:
    """Twelve hex digits, for people."""
    return object_id.hex()[:12]
