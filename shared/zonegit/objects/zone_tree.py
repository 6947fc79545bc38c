"""A whole zone as nested nodes: build, update, look up, list and diff, one round trip per level."""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from zonegit.errors import Corrupt
from zonegit.objects import tree_codec, tree_node
from zonegit.objects.ids import ObjectId, RawObject, short
from zonegit.objects.model import (
    FIRST_RRSET,
    SUBTREE,
    EntryKey,
    Index,
    Object,
    key_rdtype,
    rrset_key,
    subtree_key,
)
from zonegit.objects.walk import Walk, gather
from zonegit.zone import names
from zonegit.zone.names import Name, Path

Edits = Mapping[tuple[Path, int], ObjectId | None]
"""The new RRset of each (owner path, type): a blob's id, or None to remove it."""

NO_BLOBS: Final[Mapping[ObjectId, RawObject]] = MappingProxyType({})

NODES_PER_STEP: Final = 256
"""Nodes that a diff expands in one step by default."""

MIN_COUNT_BATCH: Final = 8
"""Nodes that counting expands in one step at least; otherwise as many as are still needed."""

CHANGES_PER_PAUSE: Final = 256
"""Differences of one node that are processed between two pauses."""


class TreeChange(msgspec.Struct, frozen=True):
    """One RRset that differs between two trees; None if it is absent."""

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
        root: the tree; None if there is none yet.
        edits: the new RRsets.
        out: gets the new nodes, children before parents.
        blobs: new blobs; those that ``edits`` name are put before the node they belong to.

    Returns:
        The id of the new tree; None if nothing is left.
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
    found = (yield from tree_node.pick(root, keys)) if root is not None and keys else {}
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
    return {key_rdtype(key): value for key, value in entries.items()}


def find_one(root: ObjectId, path: Path, rdtype: int) -> Walk[ObjectId | None]:
    """Return the blob of one RRset, None if there is none. Of a wide node one run is read."""
    at = yield from find_subtree(root, path)
    if at is None:
        return None
    key = rrset_key(rdtype)
    return (yield from tree_node.pick(at, [key])).get(key)


def find_subtree(root: ObjectId, path: Path) -> Walk[ObjectId | None]:
    """Return the tree of the name at ``path``, None if neither it nor a name below it exists."""
    at = root
    for label in path:
        key = subtree_key(label)
        found = yield from tree_node.pick(at, [key])
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
) -> Walk[None]:
    """Pass every RRset that differs to ``emit`` as it is found, in no particular order.

    Subtrees with equal ids are not read. The walk is depth-first. An RRset names its owner, so no
    subtree with RRsets occurs at two names: such a tree is refused, so that a tree of few objects
    cannot take long.

    Args:
        old: the old tree; None lists the whole new tree.
        new: the new tree.
        emit: called for each difference.
        step: nodes that are expanded at a time. Fewer mean less work between two steps, but more
            round trips.
        added: also read subtrees of names that did not exist before.

    Raises:
        Corrupt: a tree is deeper than a name can be, is not a tree, has a subtree at two names or a
            type twice at one.
    """
    pending: list[tuple[Path, ObjectId | None, ObjectId | None]] = [((), old, new)]
    once = SubtreesOnce()
    while pending:
        taken = pending[-step:]
        del pending[-step:]
        found = yield from gather([tree_node.diff(before, after) for _, before, after in taken])
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
                    emit(TreeChange(path, key_rdtype(key), before, after))


def child_path(path: Path, label: bytes) -> Path:
    """Return the path of a label below ``path``.

    Raises:
        Corrupt: no name has these labels: their number or length exceeds RFC 1035 section 2.3.4.
    """
    child = (*path, label)
    if not names.is_path(child):
        raise Corrupt(f"a tree is {len(child)} labels deep, which is longer than a name can be")
    return child


class SubtreesOnce:
    """Check that each subtree occurs at one name only, on both sides of a diff.

    Only subtrees that have subtrees themselves are recorded. Others cannot multiply the work, and
    they are nearly all of a zone.
    """

    def __init__(self) -> None:
        self._old: dict[ObjectId, Path | Name] = {}
        self._new: dict[ObjectId, Path | Name] = {}

    def check(
        self,
        place: Path | Name,
        old: ObjectId | None,
        new: ObjectId | None,
        found: Sequence[tree_node.NodeDifference],
    ) -> None:
        """Check and record a node on both sides, and its differences.

        Args:
            place: its name or path, for the error.
            old: its id on the old side; None if it is not there.
            new: its id on the new side; None if it is not there.
            found: its differences.

        Raises:
            Corrupt: it was met before, or has a type twice.
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
            Corrupt: it was met before.
        """
        _add_subtree(place, new, self._new)


def _add_subtree(place: Path | Name, root: ObjectId, seen: dict[ObjectId, Path | Name]) -> None:
    if root in seen:
        raise Corrupt(
            f"tree {short(root)} occurs at two names of one zone:"
            f" {_place_text(seen[root])} and {_place_text(place)}",
            object=root.hex(),
        )
    seen[root] = place


def _place_text(place: Path | Name) -> str:
    """Return a name or path in presentation format."""
    if isinstance(place, tuple):
        return names.text(names.join(reversed(place))).removesuffix(".") or "@"
    return names.text(place)


def list_changes(old: ObjectId | None, new: ObjectId | None) -> Walk[list[TreeChange]]:
    """Return all differences that :func:`diff` finds."""
    found: list[TreeChange] = []
    yield from diff(old, new, found.append)
    return found


def count(root: ObjectId, enough: int, but: Container[int] = ()) -> Walk[int]:
    """Return how many RRsets a tree has.

    Args:
        root: the tree.
        enough: the number at which counting stops. It costs about as much, whatever the size of the
            tree.
        but: types that are not counted.

    Raises:
        Corrupt: a tree is deeper than a name can be, is not a tree, or has a subtree at two names.
    """
    found = 0
    pending = [TreePart((), root)]
    once = SubtreesOnce()
    while pending and found < enough:
        room = min(max(enough - found, MIN_COUNT_BATCH), NODES_PER_STEP)
        taken = pending[-room:]
        del pending[-room:]
        answers = yield [part.id for part in taken]
        for part in taken:
            here, below = expand(part, answers[part.id])
            if below and part.above is None:
                once.add(part.path, part.id)
            pending.extend(reversed(below))
            found += sum(key_rdtype(key) not in but for key, _ in here)
    return found


class TreePart(NamedTuple):
    """A node of a tree, or a part of a wide one, that a walk has to read. ``path`` is the path
    of its label, ``above`` its place in the index above it."""

    path: Path
    id: ObjectId
    above: tree_node.Above = None


def expand(part: TreePart, value: Object) -> tuple[list[tuple[EntryKey, ObjectId]], list[TreePart]]:
    """Return the RRsets of a part that was read, and the parts below it, in order.

    Raises:
        Corrupt: it is not part of a tree, does not match the index above it, or is deeper than a
            name can be.
    """
    found = tree_node.check(value, part.id, part.above)
    if isinstance(found, Index):
        places = tree_node.places_below(found, part.above)
        return [], [TreePart(part.path, place.row.id, place) for place in places]
    here, below = [], []
    for key, object_id in found.entries.items():
        if key[0] == SUBTREE:
            below.append(TreePart(child_path(part.path, key[1:]), object_id))
        else:
            here.append((key, object_id))
    return here, below
