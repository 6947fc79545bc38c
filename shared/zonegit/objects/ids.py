"""Object ids: the SHA-256 of an object's kind and payload."""

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
"""Maximum size of an object in octets. Every object fits one bus message."""

HEX_ID: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class RawObject(NamedTuple):
    """An object as stored and sent.

    The id is verified only if :func:`create_object` or :func:`verify` returned the value. The
    receiver verifies an object that crosses a trust boundary.
    """

    id: ObjectId
    kind: ObjectKind
    payload: bytes


def compute_id(kind: str, payload: bytes) -> ObjectId:
    """Return the id of a payload."""
    return ObjectId(hashlib.sha256(b"%b %d\0%b" % (kind.encode(), len(payload), payload)).digest())


def create_object(kind: ObjectKind, payload: bytes) -> RawObject:
    """Create an object.

    Raises:
        Invalid: the payload is larger than ``MAX_PAYLOAD``.
    """
    if len(payload) > MAX_PAYLOAD:
        raise Invalid(
            f"a {kind} of {len(payload)} octets is larger than {MAX_PAYLOAD}",
            hint="zonegit never creates one that large; import the zone again",
        )
    return RawObject(compute_id(kind, payload), kind, payload)


def verify(raw: RawObject) -> RawObject:
    """Return ``raw`` if its octets hash to its id.

    Raises:
        Corrupt: the octets do not hash to the id, or are too many; the message has the id.
    """
    if len(raw.payload) > MAX_PAYLOAD:
        raise Corrupt(
            f"object {short(raw.id)} is larger than {MAX_PAYLOAD} octets", object=raw.id.hex()
        )
    if compute_id(raw.kind, raw.payload) != raw.id:
        raise Corrupt(
            f"object {raw.id.hex()} is corrupt: its octets do not hash to its id",
            hint="store the zone again with zonegit import --force FILE, or restore a backup",
            object=raw.id.hex(),
        )
    return raw


def verify_all(raws: Iterable[RawObject]) -> list[RawObject]:
    """Verify each object."""
    return [verify(raw) for raw in raws]


def from_hex(text: str) -> ObjectId:
    """Parse an id.

    Raises:
        Invalid: the text is not 64 lower-case hex digits.
    """
    if not HEX_ID.fullmatch(text):
        raise Invalid(f"{text!r} is not an object id (64 hex digits)")
    return ObjectId(bytes.fromhex(text))


def short(object_id: bytes) -> str:
    """Return the first twelve hex digits of an id, for messages."""
    return object_id.hex()[:12]
