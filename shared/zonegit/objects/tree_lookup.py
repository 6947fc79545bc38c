"""Look up names of a zone, their ancestors and the names below them, without reading the zone."""

from collections.abc import Collection
from typing import Final

from zonegit.objects import tree_node
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import FIRST_RRSET, parse_rrset_key, subtree_key
from zonegit.objects.name_scope import WILDCARD
from zonegit.objects.walk import Walk, gather
from zonegit.objects.zone_tree import NODES_PER_STEP, SubtreeCheck, TreePart, expand
from zonegit.zone.name_pattern import NamePattern, matches_label
from zonegit.zone.names import Path

RRsetIds = dict[Path, dict[int, ObjectId]]
"""The blobs of names by type. A name that exists without RRsets has an empty dict; a name that does
not exist is missing."""


class _LabelTree(dict[bytes, "_LabelTree"]):
    """The labels to look up below a name."""


MAX_LISTED: Final = 1_000
"""RRsets in a list of those at and below a name; the list may have a few more."""


def look_up_names(root: ObjectId, paths: Collection[Path]) -> Walk[RRsetIds]:
    """Return the RRsets of names, of their ancestors, and of the wildcards of these.

    Args:
        root: the tree of the zone.
        paths: the paths of the names.
    """
    ways = _LabelTree()
    for path in paths:
        at = ways
        for label in path:
            at = at.setdefault(label, _LabelTree())
    found: RRsetIds = {}
    yield from _look_up(root, (), ways, found)
    return found


def _look_up(at: ObjectId, path: Path, ways: _LabelTree, found: RRsetIds) -> Walk[None]:
    entries = yield from tree_node.read(at, FIRST_RRSET)
    found[path] = {parse_rrset_key(key): blob for key, blob in entries.items()}
    if not ways:
        return
    keys = {subtree_key(label): label for label in (*ways, WILDCARD)}
    below = yield from tree_node.read_keys(at, keys)
    yield from gather(
        [
            _look_up(tree, (*path, keys[key]), ways.get(keys[key], _LabelTree()), found)
            for key, tree in below.items()
        ]
    )


def list_below(root: ObjectId, path: Path) -> Walk[list[tuple[Path, int]]]:
    """Return the paths and types of the RRsets at and below a name, about ``MAX_LISTED`` at most.

    Args:
        root: the tree of the name.
        path: the path of the name.

    Raises:
        Corrupt: a tree is deeper than a name can be, or is not a tree.
    """
    found: list[tuple[Path, int]] = []
    pending = [TreePart(path, root)]
    while pending and len(found) < MAX_LISTED:
        taken = pending[-NODES_PER_STEP:]
        del pending[-NODES_PER_STEP:]
        answers = yield [part.id for part in taken]
        for part in taken:
            here, below = expand(part, answers[part.id])
            found.extend((part.path, parse_rrset_key(key)) for key, _ in here)
            pending.extend(reversed(below))
    return found


def list_matching(root: ObjectId, pattern: NamePattern, rdtype: int | None) -> Walk[list[Path]]:
    """Return the paths of the names that match a pattern and have RRsets.

    Only the nodes of names that can match, and of their ancestors, are read.

    Args:
        root: the tree of the zone.
        pattern: the pattern.
        rdtype: the type of which a name has an RRset; None for any.

    Raises:
        Corrupt: a tree is not a tree, or is at two names.
    """
    found: dict[Path, None] = {}
    pending = [TreePart((), root)]
    once = SubtreeCheck()
    while pending:
        taken = pending[-NODES_PER_STEP:]
        del pending[-NODES_PER_STEP:]
        answers = yield [part.id for part in taken]
        for part in taken:
            here, below = expand(part, answers[part.id])
            if below and part.above is None:
                once.add(part.path, part.id)
            if len(part.path) == len(pattern.labels) and (
                any(rdtype in (None, parse_rrset_key(key)) for key, _ in here)
            ):
                found[part.path] = None
            pending += (each for each in reversed(below) if _can_match(each, part, pattern))
    return list(found)


def _can_match(part: TreePart, above: TreePart, pattern: NamePattern) -> bool:
    """Return whether the pattern can match the name of a part, or names below it."""
    if part.path == above.path:
        return True
    depth = len(part.path)
    return depth <= len(pattern.labels) and matches_label(pattern.labels[depth - 1], part.path[-1])
