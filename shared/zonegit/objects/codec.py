"""Encode and decode objects. A decoded object always encodes to the same octets.

Every decoder treats its input as untrusted: lengths are checked before use, and each failure raises
:class:`Corrupt` with the kind of the object and the reason.
"""

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, assert_never

import msgspec

from zonegit.errors import Corrupt, Invalid
from zonegit.objects import headers, tree_codec
from zonegit.objects.ids import ID_OCTETS, ObjectId, ObjectKind, RawObject, create_object
from zonegit.objects.model import Blob, Commit, Doc, Index, Object, Symref, Tag, Tree
from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_LABEL, MAX_OCTETS, Name
from zonegit.zone.rrset import RRset

BLOB_VERSION: Final = 1
MAX_DOC: Final = 64 * 1024
MAX_SYMREF: Final = 2_048

_BLOB_HEAD: Final = struct.Struct("!HHIH")
_LENGTH: Final = struct.Struct("!H")


def encode(value: Object) -> RawObject:
    """Encode a value as an object.

    Raises:
        Invalid: the value is too large, or a field cannot be represented.
    """
    match value:
        case Blob(rrset):
            return create_object("blob", encode_blob(rrset))
        case Tree(entries):
            return create_object("tree", tree_codec.encode_leaf(entries))
        case Index():
            return create_object("tree", tree_codec.encode_index(value))
        case Commit():
            return create_object("commit", headers.encode_commit(value))
        case Tag():
            return create_object("tag", headers.encode_tag(value))
        case Symref(target):
            return create_object("symref", _check_length(target.encode(), MAX_SYMREF, "symref"))
        case Doc(fields):
            payload = msgspec.msgpack.encode(fields, order="deterministic")
            return create_object("doc", _check_length(payload, MAX_DOC, "doc"))
        case _:
            assert_never(value)


def decode(raw: RawObject) -> Object:
    """Decode an object whose hash was verified.

    Raises:
        Corrupt: the payload is not a well-formed object of its kind; the message has the id.
    """
    decoder = _DECODERS.get(raw.kind)
    try:
        if decoder is None:
            raise Corrupt(f"unknown kind {raw.kind!r}")
        return decoder(raw.payload)
    except (Corrupt, Invalid) as error:
        raise Corrupt(
            f"{raw.kind} {raw.id.hex()} is malformed: {error.message}",
            hint=error.hint,
            object=raw.id.hex(),
        ) from error


def list_links(value: Object) -> Iterator[ObjectId]:
    """Yield the ids of the objects that an object refers to, which must be stored before it."""
    match value:
        case Tree(entries):
            yield from entries.values()
        case Index(_, rows):
            for row in rows:
                yield row.id
        case Commit():
            yield value.tree
            yield from value.parents
        case Tag():
            yield value.target
        case Doc(fields):
            parent = fields.get("parent")
            if isinstance(parent, bytes) and len(parent) == ID_OCTETS:
                yield ObjectId(parent)
        case Blob() | Symref():
            return
        case _:
            assert_never(value)


def encode_blob(value: RRset) -> bytes:
    """Return the payload of a blob."""
    parts = [
        bytes((BLOB_VERSION,)),
        value.owner,
        _BLOB_HEAD.pack(value.rdclass, value.rdtype, value.ttl, len(value.rdatas)),
    ]
    for rdata in value.rdatas:
        parts.append(_LENGTH.pack(len(rdata)))
        parts.append(rdata)
    return b"".join(parts)


def decode_blob(payload: bytes) -> RRset:
    """Decode the payload of a blob.

    Raises:
        Corrupt: the payload is malformed.
    """
    if payload[:1] != b"\1":
        raise Corrupt("unknown blob version")
    at = _find_owner_end(payload)
    owner = Name(payload[1:at])
    if owner != owner.lower():
        raise Corrupt("the owner is not in lower case")
    if len(payload) < at + _BLOB_HEAD.size:
        raise Corrupt("it ends inside its header")
    rdclass, rdtype, ttl, count = _BLOB_HEAD.unpack_from(payload, at)
    at += _BLOB_HEAD.size
    rdatas = []
    for _ in range(count):
        if at + 2 > len(payload):
            raise Corrupt("it ends before its last record")
        length = payload[at] << 8 | payload[at + 1]
        at += 2 + length
        rdatas.append(payload[at - length : at])
    if at != len(payload) or not rdatas:
        raise Corrupt("its record count does not fit its length")
    if count > 1 and any(rdatas[i] >= rdatas[i + 1] for i in range(count - 1)):
        raise Corrupt("its records are not sorted and distinct")
    if not rrtypes.can_be_stored(rdtype):
        raise Corrupt(f"type {rdtype} cannot be stored in a zone")
    return RRset(owner, rdtype, _intern(ttl), tuple(rdatas), rdclass)


def _find_owner_end(payload: bytes) -> int:
    at = 1
    while at <= MAX_OCTETS and at < len(payload):
        length = payload[at]
        if length > MAX_LABEL:
            raise Corrupt("its owner name is not a domain name")
        at += length + 1
        if length == 0:
            return at
    if at > MAX_OCTETS:
        raise Corrupt(f"its owner name is longer than {MAX_OCTETS} octets")
    raise Corrupt("it ends inside its owner name")


@lru_cache(1024)
def _intern(ttl: int) -> int:
    """Return the same object for equal numbers.

    A zone has up to a million RRsets, but usually only one or two different TTLs.
    """
    return ttl


def _decode_symref(payload: bytes) -> Symref:
    try:
        return Symref(_check_length(payload, MAX_SYMREF, "symref").decode())
    except UnicodeDecodeError as error:
        raise Corrupt("it is not UTF-8") from error


def _decode_doc(payload: bytes) -> Doc:
    _check_length(payload, MAX_DOC, "doc")
    try:
        fields = msgspec.msgpack.decode(payload, type=dict[str, object])
        again = msgspec.msgpack.encode(fields, order="deterministic")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
        # TypeError: an inner map has keys that are not text, which cannot be sorted.
        raise Corrupt(f"it is not a msgpack map: {error}") from error
    if again != payload:
        raise Corrupt("it is not canonical msgpack")
    return Doc(fields)


def _check_length(payload: bytes, limit: int, kind: str) -> bytes:
    if not 0 < len(payload) <= limit:
        raise Invalid(f"a {kind} has 1 to {limit} octets, not {len(payload)}")
    return payload


_DECODERS: Final[dict[ObjectKind, Callable[[bytes], Object]]] = {
    "blob": lambda payload: Blob(decode_blob(payload)),
    "tree": tree_codec.decode_node,
    "commit": headers.decode_commit,
    "tag": headers.decode_tag,
    "symref": _decode_symref,
    "doc": _decode_doc,
}
