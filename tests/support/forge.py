"""Create objects by hand, with correct ids and any content."""

import struct
from collections.abc import Mapping, Sequence

from tests.support.commits import WHO

from zonegit.objects import tree_codec
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject, create_object
from zonegit.objects.model import Commit, EntryKey, Index, IndexRow
from zonegit.zone import names, rrset, rrtypes
from zonegit.zone.names import Name


def label(name: str) -> EntryKey:
    """Return the key of a subtree."""
    return b"\0" + name.encode()


def entry(mnemonic: str) -> EntryKey:
    """Return the key of an RRset, in any spelling."""
    return b"\1" + mnemonic.encode()


class Forge:
    """Creates objects and stores them, children first."""

    def __init__(self, zone: Name) -> None:
        self.zone = zone
        self.objects: list[RawObject] = []

    def raw(self, kind: ObjectKind, payload: bytes) -> ObjectId:
        """Store an object with any octets."""
        made = create_object(kind, payload)
        self.objects.append(made)
        return made.id

    def blob(
        self, owner: str, mnemonic: str, *rdatas: bytes, rdclass: int = 1, ttl: int = 300
    ) -> ObjectId:
        """Store an RRset with any RDATA; ``owner`` is relative to the zone."""
        rdtype = rrtypes.from_text(mnemonic)
        head = struct.pack("!HHIH", rdclass, rdtype, ttl, len(rdatas))
        records = b"".join(struct.pack("!H", len(each)) + each for each in sorted(rdatas))
        return self.raw("blob", b"\1" + names.parse(owner, self.zone) + head + records)

    def text(self, owner: str, mnemonic: str, *records: str) -> ObjectId:
        """Store an RRset of well-formed records."""
        rdtype = rrtypes.from_text(mnemonic)
        rdatas = [rrset.rdata_from_text(rdtype, each, self.zone) for each in records]
        return self.blob(owner, mnemonic, *rdatas)

    def soa(self, serial: int) -> ObjectId:
        """Store the SOA of the zone."""
        return self.text("@", "SOA", f"ns. host. {serial} 3600 600 86400 300")

    def tree(self, entries: Mapping[EntryKey, ObjectId]) -> ObjectId:
        """Store a tree with any entries."""
        return self.raw("tree", tree_codec.encode_leaf(entries))

    def index(self, height: int, *rows: tuple[EntryKey, int, ObjectId]) -> ObjectId:
        """Store an index node with any rows."""
        return self.raw(
            "tree", tree_codec.encode_index(Index(height, tuple(IndexRow(*row) for row in rows)))
        )

    def apex(self, serial: int, entries: Mapping[EntryKey, ObjectId]) -> ObjectId:
        """Store the tree of the apex, with the SOA and any entries."""
        return self.tree({entry("SOA"): self.soa(serial), **entries})

    def commit(self, tree: ObjectId, parents: Sequence[ObjectId] = ()) -> CommitId:
        """Store a commit with any tree."""
        ids = tuple(CommitId(parent) for parent in parents)
        made = encode(Commit(tree, ids, WHO, WHO, "forged"))
        self.objects.append(made)
        return CommitId(made.id)
