"""What of a zone decides the answer about one name: for whoever asks about few names of a big one.

An answer depends on the names on the way down (a zone cut or a DNAME may lead elsewhere, the last
one that exists is the closest encloser), on the wildcard below each, and on which of these exist
without holding anything (RFC 1034 section 4.3.2, RFC 4592 section 2.2.2).
"""

from typing import Final

from zonegit.objects import tree_node
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import FIRST_RRSET, SUBTREE, key_rdtype, subtree_key
from zonegit.objects.walk import Walk
from zonegit.objects.zone_tree import child_path
from zonegit.zone.names import Path

WILDCARD: Final = b"*"

ScopedIds = dict[tuple[Path, int], ObjectId]
"""Blobs by owner path and type."""


def read_scope(root: ObjectId, path: Path) -> Walk[ScopedIds]:
    """The RRsets of the name at ``path``, of every name above it and of the wildcards beside
    those; of one of these that exists and holds none itself, an RRset somewhere below it.

    Raises:
        Corrupt: a tree is deeper than any name.
    """
    found: ScopedIds = {}
    at: ObjectId | None = root
    for depth in range(len(path) + 1):
        assert at is not None
        yield from _add_name(at, path[:depth], found)
        if depth == len(path):
            break
        labels = (WILDCARD, path[depth])
        below = yield from tree_node.pick(at, {subtree_key(label) for label in labels})
        if beside := below.get(subtree_key(WILDCARD)):
            yield from _add_name(beside, (*path[:depth], WILDCARD), found)
        at = below.get(subtree_key(labels[-1]))
        if at is None:
            break
    return found


def _add_name(at: ObjectId, path: Path, found: ScopedIds) -> Walk[None]:
    """Adds what stands at a name, or below it where nothing does: that it exists."""
    entries = yield from tree_node.read(at, FIRST_RRSET)
    found.update({(path, key_rdtype(key)): blob for key, blob in entries.items()})
    if entries:
        return
    while True:
        key, at = yield from tree_node.read_last(at)
        if key[0] != SUBTREE:
            found[path, key_rdtype(key)] = at
            return
        path = child_path(path, key[1:])
