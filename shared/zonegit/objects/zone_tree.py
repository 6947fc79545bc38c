"""Updates, looks up, lists and compares the trees of zones, with one round trip per level."""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from zonegit.errors import Corrupt
from zonegit.objects import node_diff, node_place, tree_codec, tree_node
from zonegit.objects.ids import ObjectId, RawObject, short
from zonegit.objects.model import (
    FIRST_RRSET,
    SUBTREE,
    EntryKey,
    Index,
    Object,
    parse_rrset_key,
    rrset_key,
    subtree_key,
)
from zonegit.objects.node_diff import NodeDiffs
from zonegit.objects.walk import Walk, gather
from zonegit.zone import names
from zonegit.zone.names import Name, Path

Edits = Mapping[tuple[Path, int], ObjectId | None]
"""The new RRset of each (owner path, type): a blob's id, or None to remove it."""

NO_BLOBS: Final[Mapping[ObjectId, RawObject]] = MappingProxyType({})

NODES_PER_STEP: Final = 256
"""Nodes that a diff expands in one step by default."""

MIN_COUNT_BATCH: Final = 8
"""The least number of nodes that counting expands in one step."""

CHANGES_PER_PAUSE: Final = 256
"""Differences of one node that are processed between two pauses."""


class TreeChange(msgspec.Struct, frozen=True):
    """An RRset that differs between two trees.

    Args:
        path: the path of its owner.
        rdtype: its type.
        old: the blob in the old tree, or None.
        new: the blob in the new tree, or None.
    """

    path: Path
    rdtype: int
    old: ObjectId | None
    new: ObjectId | None


class _EditTree(msgspec.Struct):
    """Edits arranged by label."""

    here: dict[EntryKey, ObjectId | None] = msgspec.field(default_factory=dict)
    below: dict[bytes, "_EditTree"] = msgspec.field(default_factory=dict)


def update(
    root: ObjectId | None,
    edits: Edits,
    out: list[RawObject],
    blobs: Mapping[ObjectId, RawObject] = NO_BLOBS,
) -> Walk[ObjectId | None]:
    """Apply edits to a tree. The order of the edits does not matter.

    Args:
        root: the tree, or None if there is none yet.
        edits: the new RRsets.
        out: the list to which new nodes are appended, children before parents.
        blobs: new blobs; those in ``edits`` are appended before the node that refers to them.

    Returns:
        The id of the new tree, or None if no RRset is left.
    """
    plan = _EditTree()
    for (path, rdtype), blob in edits.items():
        at = plan
        for label in path:
            at = at.below.setdefault(label, _EditTree())
        at.here[rrset_key(rdtype)] = blob
    return (yield from _update(root, plan, out, blobs))


def _update(
    root: ObjectId | None,
    plan: _EditTree,
    out: list[RawObject],
    blobs: Mapping[ObjectId, RawObject],
) -> Walk[ObjectId | None]:
    keys = [subtree_key(label) for label in plan.below]
    found = (yield from tree_node.read_keys(root, keys)) if root is not None and keys else {}
    below: dict[EntryKey, list[RawObject]] = {key: [] for key in keys}
    subtrees = yield from gather(
        [
            _update(found.get(key), subplan, below[key], blobs)
            for key, subplan in zip(keys, plan.below.values(), strict=True)
        ]
    )
    changes = plan.here | dict(zip(keys, subtrees, strict=True))
    out.extend(blobs[each] for each in plan.here.values() if each is not None and each in blobs)
    return (yield from tree_node.update(root, changes, out, below))


def find(root: ObjectId, paths: Collection[Path]) -> Walk[dict[Path, dict[int, ObjectId]]]:
    """Return the blobs at each owner path by type; an owner without RRsets has an empty dict."""
    ordered = list(paths)
    found = yield from gather([_find(root, path) for path in ordered])
    return dict(zip(ordered, found, strict=True))


def _find(root: ObjectId, path: Path) -> Walk[dict[int, ObjectId]]:
    at = yield from find_subtree(root, path)
    if at is None:
        return {}
    entries = yield from tree_node.read(at, FIRST_RRSET)
    return {parse_rrset_key(key): value for key, value in entries.items()}


def find_one(root: ObjectId, path: Path, rdtype: int) -> Walk[ObjectId | None]:
    """Return the blob of one RRset, or None; of a wide node, only one run is read."""
    at = yield from find_subtree(root, path)
    if at is None:
        return None
    key = rrset_key(rdtype)
    return (yield from tree_node.read_keys(at, [key])).get(key)


def find_subtree(root: ObjectId, path: Path) -> Walk[ObjectId | None]:
    """Return the tree of the name at ``path``, or None if the name does not exist."""
    at = root
    for label in path:
        key = subtree_key(label)
        found = yield from tree_node.read_keys(at, [key])
        if key not in found:
            return None
        at = found[key]
    return at


def diff(
    old: ObjectId | None,
    new: ObjectId | None,
    emit: Callable[[TreeChange], None],
    step: int = NODES_PER_STEP,
    *,
    added: bool = True,
    diffs: NodeDiffs | None = None,
) -> Walk[None]:
    """Find the RRsets that differ between two trees, in any order.

    Subtrees with equal ids are not read. The walk is depth-first. An RRset contains its owner, so a
    valid zone has no subtree at two names. A tree that has one is refused, because a few objects
    could otherwise describe a very large zone.

    Args:
        old: the old tree; with None, all RRsets of the new tree are reported.
        new: the new tree.
        emit: called for each difference.
        step: the number of nodes that are expanded in one step. A smaller number means less work
            between two pauses, but more round trips.
        added: whether to read subtrees of names that are only in the new tree.
        diffs: compares nodes; it may be shared with other walks.

    Raises:
        Corrupt: a tree is deeper than a name can be, is not a tree, has a subtree at two names or a
            type twice at one.
    """
    pending: list[tuple[Path, ObjectId | None, ObjectId | None]] = [((), old, new)]
    once = SubtreeCheck()
    compare = node_diff.diff if diffs is None else diffs.diff
    while pending:
        taken = pending[-step:]
        del pending[-step:]
        found = yield from gather([compare(before, after) for _, before, after in taken])
        for (path, before, after), differences in zip(taken, found, strict=True):
            once.check(path, before, after, differences)
            differences.reverse()
            while differences:
                key, before, after = differences.pop()
                if len(differences) % CHANGES_PER_PAUSE == 0:
                    yield ()
                if key[0] == SUBTREE:
                    child = child_path(path, key[1:])
                    if added or before is not None:
                        pending.append((child, before, after))
                else:
                    emit(TreeChange(path, parse_rrset_key(key), before, after))


def child_path(path: Path, label: bytes) -> Path:
    """Return the path of a label below ``path``.

    Raises:
        Corrupt: the path is longer than a name can be (RFC 1035 section 2.3.4).
    """
    child = (*path, label)
    if not names.is_path(child):
        raise Corrupt(
            f"a tree is {len(child)} labels deep: names there are longer than a name can be"
        )
    return child


class SubtreeCheck:
    """Checks that each subtree occurs at one name only, on both sides of a diff.

    Only subtrees that have subtrees are recorded. The others are most of a zone, and cannot
    multiply the work.
    """

    def __init__(self) -> None:
        self._old: dict[ObjectId, Path | Name] = {}
        self._new: dict[ObjectId, Path | Name] = {}

    def check(
        self,
        place: Path | Name,
        old: ObjectId | None,
        new: ObjectId | None,
        found: Sequence[node_diff.NodeDifference],
    ) -> None:
        """Check and record a node of both sides.

        Args:
            place: the name or path of the node, for the error.
            old: its id on the old side, or None.
            new: its id on the new side, or None.
            found: its differences.

        Raises:
            Corrupt: the node occurs at another name, too, or has a type twice.
        """
        if not found:
            return
        if found[0][0][0] == SUBTREE:
            if old is not None:
                _add_subtree(place, old, self._old)
            if new is not None:
                self.add(place, new)
        last = found[-1][0]
        tree_codec.check_types_once((key for key, _, after in found if after is not None), last)

    def add(self, place: Path | Name, new: ObjectId) -> None:
        """Record a node of the new side that has subtrees.

        Raises:
            Corrupt: the node occurs at another name, too.
        """
        _add_subtree(place, new, self._new)


def _add_subtree(place: Path | Name, root: ObjectId, seen: dict[ObjectId, Path | Name]) -> None:
    if root in seen:
        raise Corrupt(
            f"tree {short(root)} occurs at two names of one zone:"
            f" {_format_place(seen[root])} and {_format_place(place)}",
            object=root.hex(),
        )
    seen[root] = place


def _format_place(place: Path | Name) -> str:
    """Return a name or path in presentation format."""
    if isinstance(place, tuple):
        return names.text(names.join(reversed(place))).removesuffix(".") or "@"
    return names.text(place)


def list_changes(old: ObjectId | None, new: ObjectId | None) -> Walk[list[TreeChange]]:
    """Return all differences that :func:`diff` finds."""
    found: list[TreeChange] = []
    yield from diff(old, new, found.append)
    return found


def count(root: ObjectId, limit: int, ignored: Container[int] = ()) -> Walk[int]:
    """Count the RRsets of a tree.

    Args:
        root: the tree.
        limit: the number at which counting stops; the cost depends on this number, not on the size
            of the tree.
        ignored: types that are not counted.

    Raises:
        Corrupt: a tree is deeper than a name can be, is not a tree, or has a subtree at two names.
    """
    found = 0
    pending = [TreePart((), root)]
    once = SubtreeCheck()
    while pending and found < limit:
        room = min(max(limit - found, MIN_COUNT_BATCH), NODES_PER_STEP)
        taken = pending[-room:]
        del pending[-room:]
        answers = yield [part.id for part in taken]
        for part in taken:
            here, below = expand(part, answers[part.id])
            if below and part.above is None:
                once.add(part.path, part.id)
            pending.extend(reversed(below))
            found += sum(parse_rrset_key(key) not in ignored for key, _ in here)
    return found


class TreePart(NamedTuple):
    """A node of a tree, or a part of a wide node, that a walk has to read.

    Args:
        path: the path of its label.
        id: its id.
        above: its place in the index above it, or None for a whole node.
    """

    path: Path
    id: ObjectId
    above: node_place.Above = None


def expand(part: TreePart, value: Object) -> tuple[list[tuple[EntryKey, ObjectId]], list[TreePart]]:
    """Return the RRsets of a part, and the parts below it, in order.

    Args:
        part: the part.
        value: its object.

    Raises:
        Corrupt: the object is not part of a tree, does not match the index above it, or has a path
            that is longer than a name can be.
    """
    found = node_place.check(value, part.id, part.above)
    if isinstance(found, Index):
        places = node_place.places_below(found, part.above)
        return [], [TreePart(part.path, place.row.id, place) for place in places]
    here, below = [], []
    for key, object_id in found.entries.items():
        if key[0] == SUBTREE:
            below.append(TreePart(child_path(part.path, key[1:]), object_id))
        else:
            here.append((key, object_id))
    return here, below
