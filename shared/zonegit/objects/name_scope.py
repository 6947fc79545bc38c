"""Read the part of a zone that determines the answer for one name.

The answer depends on the names from the apex down to the name, on the wildcards of these names, and
on which of all these names exist without RRsets (RFC 1034 section 4.3.2, RFC 4592 section 2.2.2).
The names above may have a zone cut or a DNAME, and the last one that exists is the closest
encloser.
"""

from typing import Final

from zonegit.objects import tree_node
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import FIRST_RRSET, SUBTREE, parse_rrset_key, subtree_key
from zonegit.objects.walk import Walk
from zonegit.objects.zone_tree import child_path
from zonegit.zone.names import Path

WILDCARD: Final = b"*"

ScopedIds = dict[tuple[Path, int], ObjectId]
"""Blobs by owner path and type."""


def read_scope(root: ObjectId, path: Path) -> Walk[ScopedIds]:
    """Return the RRsets of a name, of its ancestors and of their wildcards.

    For each of these names that exists without RRsets, one RRset below it is included.

    Args:
        root: the tree of the zone.
        path: the path of the name.

    Raises:
        Corrupt: a tree is deeper than a name can be.
    """
    found: ScopedIds = {}
    at: ObjectId | None = root
    for depth in range(len(path) + 1):
        assert at is not None
        yield from _add_name(at, path[:depth], found)
        if depth == len(path):
            break
        labels = (WILDCARD, path[depth])
        below = yield from tree_node.read_keys(at, {subtree_key(label) for label in labels})
        if wildcard := below.get(subtree_key(WILDCARD)):
            yield from _add_name(wildcard, (*path[:depth], WILDCARD), found)
        at = below.get(subtree_key(labels[-1]))
        if at is None:
            break
    return found


def _add_name(at: ObjectId, path: Path, found: ScopedIds) -> Walk[None]:
    """Add the RRsets of a name, or, if it has none, one RRset below it as proof that it exists."""
    entries = yield from tree_node.read(at, FIRST_RRSET)
    found.update({(path, parse_rrset_key(key)): blob for key, blob in entries.items()})
    if entries:
        return
    while True:
        key, at = yield from tree_node.read_last(at)
        if key[0] != SUBTREE:
            found[path, parse_rrset_key(key)] = at
            return
        path = child_path(path, key[1:])
