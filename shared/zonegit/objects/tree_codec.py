"""Encode and decode tree nodes, and cut wide ones into runs (docs/object-model.md).

A node of more than 2,048 entries is stored as a search tree whose shape depends on its keys only,
not on the order of edits. A run of rows ends after a key whose hash has enough leading zeros, or
after 1,024 rows.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects.ids import ID_OCTETS, ObjectId
from zonegit.objects.model import RRSET, SUBTREE, EntryKey, Index, IndexRow, Tree
from zonegit.zone import rrtypes
from zonegit.zone.names import MAX_LABEL

LEAF_VERSION: Final = 1
INDEX_VERSION: Final = 2
MAX_NARROW: Final = 2_048
"""Entries of a node that is stored as one version 1 payload."""
MAX_RUN: Final = 1_024
MAX_HEIGHT: Final = 8
MAX_ENTRIES: Final = 1 << 32
_BITS_PER_LEVEL: Final = 6
_MNEMONIC: Final = re.compile(rb"[A-Z0-9-]{1,16}")
_FIRST_GENERIC: Final = b"\1TYPE"
"""``TYPEnnn`` is the only second spelling of a type. All keys of that form follow this one."""


def key_level(key: EntryKey) -> int:
    """Return the height below which runs are cut after ``key``; at 0, no run is."""
    digest = int.from_bytes(hashlib.sha256(key).digest()[:8], "big")
    return (64 - digest.bit_length()) // _BITS_PER_LEVEL


def ends_run(key: EntryKey, length: int, height: int) -> bool:
    """Return whether a run is cut after a key.

    Args:
        key: the last key of the run.
        length: the number of rows of the run.
        height: the height of the run; 0 for a run of entries.
    """
    return length >= MAX_RUN or key_level(key) > height


def cut_runs(keys: Iterable[EntryKey], height: int) -> list[list[EntryKey]]:
    """Cut sorted keys into runs; the last run need not end at a cut."""
    runs: list[list[EntryKey]] = []
    run: list[EntryKey] = []
    for key in keys:
        run.append(key)
        if ends_run(key, len(run), height):
            runs.append(run)
            run = []
    if run:
        runs.append(run)
    return runs


def encode_leaf(entries: Mapping[EntryKey, ObjectId]) -> bytes:
    """Encode entries, in any order, as a version 1 payload."""
    parts = [bytes((LEAF_VERSION,)), _encode_uvarint(len(entries))]
    for key in sorted(entries):
        parts.append(b"%c%c%b%b" % (key[0], len(key) - 1, key[1:], entries[key]))
    return b"".join(parts)


def encode_index(index: Index) -> bytes:
    """Encode a version 2 payload."""
    parts = [
        bytes((INDEX_VERSION,)),
        _encode_uvarint(index.height),
        _encode_uvarint(len(index.rows)),
    ]
    for key, below, object_id in index.rows:
        parts.append(
            b"%c%c%b%b%b" % (key[0], len(key) - 1, key[1:], _encode_uvarint(below), object_id)
        )
    return b"".join(parts)


def decode_node(payload: bytes) -> Tree | Index:
    """Decode the payload of a tree node.

    Raises:
        Corrupt: the payload is not a tree node in canonical form.
    """
    version = payload[0] if payload else 0
    if version == LEAF_VERSION:
        return _decode_leaf(payload)
    if version == INDEX_VERSION:
        return _decode_index(payload)
    raise Corrupt("unknown tree version")


def _decode_leaf(payload: bytes) -> Tree:
    count, at = _read_uvarint(payload, 1)
    entries: dict[EntryKey, ObjectId] = {}
    previous = b""
    for _ in range(min(count, len(payload))):
        key, at = _read_key(payload, at, previous)
        end = at + ID_OCTETS
        entries[key] = ObjectId(payload[at:end])
        at, previous = end, key
    if at != len(payload) or len(entries) != count or not count:
        raise Corrupt("its entry count does not fit its length")
    check_types_once(entries, previous)
    return Tree(entries)


def check_types_once(keys: Iterable[EntryKey], last: EntryKey) -> None:
    """Check that the keys of one node have each type once.

    Args:
        keys: the sorted keys.
        last: the last key.

    Raises:
        Corrupt: two keys have the same type.
    """
    if last < _FIRST_GENERIC:
        return
    seen: set[int] = set()
    for key in keys:
        rdtype = rrtypes.find_number(key[1:].decode()) if key[0] == RRSET else None
        if rdtype in seen:
            raise Corrupt(f"it has the type {rrtypes.to_text(rdtype)} twice")
        if rdtype is not None:
            seen.add(rdtype)


def _decode_index(payload: bytes) -> Index:
    height, at = _read_uvarint(payload, 1)
    count, at = _read_uvarint(payload, at)
    if not 1 <= height <= MAX_HEIGHT:
        raise Corrupt(f"height {height} is not within 1 to {MAX_HEIGHT}")
    rows: list[IndexRow] = []
    previous = b""
    for _ in range(min(count, len(payload))):
        key, at = _read_key(payload, at, previous)
        below, at = _read_uvarint(payload, at)
        end = at + ID_OCTETS
        rows.append(IndexRow(key, below, ObjectId(payload[at:end])))
        at, previous = end, key
    if at != len(payload) or len(rows) != count or not count:
        raise Corrupt("its row count does not fit its length")
    return Index(height, tuple(rows))


def _read_key(payload: bytes, at: int, previous: EntryKey) -> tuple[EntryKey, int]:
    end = at + 2 + (payload[at + 1] if at + 1 < len(payload) else MAX_ENTRIES)
    if end > len(payload):
        raise Corrupt("it ends inside an entry")
    name = payload[at + 2 : end]
    kind = payload[at]
    if kind == SUBTREE:
        if not 0 < len(name) <= MAX_LABEL or name != name.lower():
            raise Corrupt(f"{name[:64]!r} is not a label in lower case")
    elif kind != RRSET or not _MNEMONIC.fullmatch(name):
        raise Corrupt(f"{name[:64]!r} is not a type mnemonic")
    key = payload[at : at + 1] + name
    if key <= previous:
        raise Corrupt("its entries are not sorted and distinct")
    return key, end


def _encode_uvarint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _read_uvarint(payload: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(payload) and shift < 35:
        octet = payload[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            if octet == 0 and shift:
                raise Corrupt("a number is not in its shortest form")
            return value, at
        shift += 7
    raise Corrupt("a number is malformed")


def count_entries(rows: Sequence[IndexRow]) -> int:
    """Return the number of entries below the given rows."""
    return sum(row.below for row in rows)
