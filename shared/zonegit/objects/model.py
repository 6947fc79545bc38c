"""The values of stored objects: blob, tree, commit, tag, symref, doc."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from zonegit.errors import Invalid
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.zone import rrtypes
from zonegit.zone.rrset import RRset

EntryKey = bytes
"""One octet of kind (``SUBTREE`` or ``RRSET``), then a label or a type mnemonic. Sorts in the
order of entries."""

SUBTREE: Final = 0
RRSET: Final = 1
FIRST_RRSET: Final = b"\1"
"""A key between those of all subtrees and those of all RRsets."""


class Blob(msgspec.Struct, frozen=True):
    """One RRset."""

    rrset: RRset


class Tree(msgspec.Struct, frozen=True):
    """One label of a zone, or one run of a wide tree: entries in the order of their keys."""

    entries: Mapping[EntryKey, ObjectId]


class IndexRow(NamedTuple):
    """A row of an index: the last key of the node below it, the number of its entries, its id."""

    key: EntryKey
    below: int
    id: ObjectId


class Index(msgspec.Struct, frozen=True):
    """An inner node of a wide tree; one of ``height`` 1 is directly above runs of entries."""

    height: int
    rows: tuple[IndexRow, ...]


class Identity(msgspec.Struct, frozen=True):
    """A person and a time: ``time`` in seconds since 1970, ``zone`` as ``+hhmm`` or ``-hhmm``."""

    name: str
    email: str
    time: int
    zone: str = "+0000"

    @property
    def mailbox(self) -> str:
        """Return ``name <email>`` (RFC 5322 section 3.4)."""
        return f"{self.name} <{self.email}>"


Extra = tuple[int, str, str]
"""A header that this release does not know: its line number among the headers, its key, its
value."""


class Commit(msgspec.Struct, frozen=True):
    """One state of a zone and its history. ``message`` has no final newline; the stored octets
    have exactly one. ``signature`` is base64, None if unsigned."""

    tree: ObjectId
    parents: tuple[CommitId, ...]
    author: Identity
    committer: Identity
    message: str
    selector: str | None = None
    signature: str | None = None
    extra: tuple[Extra, ...] = ()

    @property
    def first_parent(self) -> CommitId | None:
        """Return the first parent: of a merge, the commit that was merged into. None for a first
        commit."""
        return self.parents[0] if self.parents else None


class Tag(msgspec.Struct, frozen=True):
    """A named commit with a message of its own."""

    target: CommitId
    name: str
    tagger: Identity
    message: str
    signature: str | None = None
    extra: tuple[Extra, ...] = ()


class Symref(msgspec.Struct, frozen=True):
    """The path of the ref that a HEAD refers to, such as ``refs/heads/foo.com./main``."""

    target: str


class Doc(msgspec.Struct, frozen=True):
    """A canonical msgpack map with ``type`` and ``parent``; the other fields depend on the type."""

    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)


Object = Blob | Tree | Index | Commit | Tag | Symref | Doc


def subject(value: Commit | Tag) -> str:
    """Return the first line of the message."""
    return value.message.partition("\n")[0]


def subtree_key(label: bytes) -> EntryKey:
    """Return the key of a child label's subtree; labels are stored in ASCII lower-case."""
    return b"\0" + label.lower()


def rrset_key(rdtype: int) -> EntryKey:
    """Return the key of an RRset of that type."""
    return b"\1" + rrtypes.to_text(rdtype).encode()


def key_rdtype(key: EntryKey) -> int:
    """Return the type of an RRset's key.

    Raises:
        Invalid: the mnemonic is unknown.
    """
    if key[0] != RRSET:
        raise Invalid(f"{key!r} is the key of a subtree")
    return rrtypes.from_text(key[1:].decode("ascii", "replace"))
