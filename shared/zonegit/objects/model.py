"""The values of stored objects: blob, tree, commit, tag, symref, doc."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from zonegit.errors import Invalid
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.zone import rrtypes
from zonegit.zone.rrset import RRset

EntryKey = bytes
"""An octet (``SUBTREE`` or ``RRSET``) followed by a label or a type mnemonic. Entries are sorted by
their keys."""

SUBTREE: Final = 0
RRSET: Final = 1
FIRST_RRSET: Final = b"\1"
"""A key after the keys of all subtrees and before the keys of all RRsets."""


class Blob(msgspec.Struct, frozen=True):
    """One RRset."""

    rrset: RRset


class Tree(msgspec.Struct, frozen=True):
    """The entries of one label of a zone, or of one run of a wide tree, sorted by key."""

    entries: Mapping[EntryKey, ObjectId]


class IndexRow(NamedTuple):
    """A row of an index.

    Args:
        key: the last key of the node below it.
        below: the number of entries of that node.
        id: the id of that node.
    """

    key: EntryKey
    below: int
    id: ObjectId


class Index(msgspec.Struct, frozen=True):
    """An inner node of a wide tree; at ``height`` 1 the nodes below it are runs of entries."""

    height: int
    rows: tuple[IndexRow, ...]


class Identity(msgspec.Struct, frozen=True):
    """A person and a time.

    Args:
        name: the name of the person.
        email: the address of the person.
        time: the time in seconds since 1970.
        zone: the offset of the time zone, ``+hhmm`` or ``-hhmm``.
    """

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
    """One state of a zone and its history.

    Args:
        tree: the id of the tree.
        parents: the ids of the parents, at most two.
        author: the author of the change.
        committer: the creator of the commit.
        message: the message without a final newline; the stored octets have exactly one.
        selector: the value of the header ``selector``, or None.
        signature: the signature in base64, or None.
        extra: the unknown headers.
    """

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
        """Return the first parent: of a merge, the commit that was merged into; None for an initial
        commit."""
        return self.parents[0] if self.parents else None


class Tag(msgspec.Struct, frozen=True):
    """A name for a commit, with a message."""

    target: CommitId
    name: str
    tagger: Identity
    message: str
    signature: str | None = None
    extra: tuple[Extra, ...] = ()


class Symref(msgspec.Struct, frozen=True):
    """The target of a HEAD: the path of a branch, such as ``refs/heads/foo.com./main``."""

    target: str


class Doc(msgspec.Struct, frozen=True):
    """A canonical msgpack map with ``type`` and ``parent``; the other fields depend on the type."""

    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)


Object = Blob | Tree | Index | Commit | Tag | Symref | Doc


def subject(value: Commit | Tag) -> str:
    """Return the first line of the message."""
    return value.message.partition("\n")[0]


def subtree_key(label: bytes) -> EntryKey:
    """Return the key of the subtree of a label, which is stored in ASCII lower-case."""
    return b"\0" + label.lower()


def rrset_key(rdtype: int) -> EntryKey:
    """Return the key of an RRset."""
    return b"\1" + rrtypes.to_text(rdtype).encode()


def parse_rrset_key(key: EntryKey) -> int:
    """Return the type in the key of an RRset.

    Raises:
        Invalid: the key is that of a subtree, or the mnemonic is unknown.
    """
    if key[0] != RRSET:
        raise Invalid(f"{key!r} is the key of a subtree")
    return rrtypes.from_text(key[1:].decode("ascii", "replace"))
