"""What the stored octets mean: blob, tree, commit, tag, symref, doc."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from zonegit.errors import Invalid
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.zone import rrtypes
from zonegit.zone.rrset import RRset

EntryKey = bytes
"""One octet of kind (``SUBTREE`` or ``RRSET``), then a label or a type mnemonic. Sorts as entries
do."""

SUBTREE: Final = 0
RRSET: Final = 1
FIRST_RRSET: Final = b"\1"
"""Every subtree's key sorts before this, every RRset's after it."""


class Blob(msgspec.Struct, frozen=True):
    """One RRset."""

    rrset: RRset


class Tree(msgspec.Struct, frozen=True):
    """One label of a zone, or one run of a wide tree: entries in the order of their keys."""

    entries: Mapping[EntryKey, ObjectId]


class IndexRow(NamedTuple):
    """What an index says of a node below it: its last key, how many entries it holds, its id."""

    key: EntryKey
    below: int
    id: ObjectId


class Index(msgspec.Struct, frozen=True):
    """An inner node of a wide tree; ``height`` 1 stands over runs of entries."""

    height: int
    rows: tuple[IndexRow, ...]


class Identity(msgspec.Struct, frozen=True):
    """Who, and when: ``time`` in seconds since 1970, ``zone`` as ``+hhmm`` or ``-hhmm``."""

    name: str
    email: str
    time: int
    zone: str = "+0000"

    @property
    def mailbox(self) -> str:
        """``name <email>`` (RFC 5322 section 3.4)."""
        return f"{self.name} <{self.email}>"


Extra = tuple[int, str, str]
"""A header this release does not know: its line number among the headers, its key, its value."""


class Commit(msgspec.Struct, frozen=True):
    """One state of a zone and where it came from. ``message`` has no final newline; the stored
    octets have exactly one. ``signature`` is base64, None when unsigned."""

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
        """What it was made on, None for a first commit; of a merge, what was merged into."""
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
    """The path of the ref that a HEAD stands for, such as ``refs/heads/foo.com./main``."""

    target: str


class Doc(msgspec.Struct, frozen=True):
    """A canonical msgpack map with ``type`` and ``parent``; what else it holds is its type's."""

    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)


Object = Blob | Tree | Index | Commit | Tag | Symref | Doc


def subject(value: Commit | Tag) -> str:
    """The first line of its message."""
    return value.message.partition("\n")[0]


def subtree_key(label: bytes) -> EntryKey:
    """The key of a child label's subtree; labels are stored in ASCII lower-case."""
    return b"\0" + label.lower()


def rrset_key(rdtype: int) -> EntryKey:
    """The key of an RRset of that type."""
    return b"\1" + rrtypes.to_text(rdtype).encode()


def key_rdtype(key: EntryKey) -> int:
    """The type of an RRset's key.

    Raises:
        Invalid: the mnemonic is unknown.
    """
    if key[0] != RRSET:
        raise Invalid(f"{key!r} is the key of a subtree")
    return rrtypes.from_text(key[1:].decode("ascii", "replace"))
