"""A whole zone as nested nodes: build, update, look up, list and diff, one round trip a level."""

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
"""What the RRset at each (owner path, type) becomes: a blob's id, or None to remove it."""

NO_BLOBS: Final[Mapping[ObjectId, RawObject]] = MappingProxyType({})

NODES_PER_STEP: Final = 256
"""How many nodes a diff expands between two asks, unless it is told otherwise."""

MIN_COUNT_BATCH: Final = 8
"""How many nodes counting expands between two asks at least: about as many as are still wanted."""

CHANGES_PER_PAUSE: Final = 256
"""How many differences of one node it takes up between two pauses."""


class TreeChange(msgspec.Struct, frozen=True):
    """One RRset that differs between two trees; None where it is absent."""

    path: Path
    rdtype: int
    old: ObjectId | None
    new: ObjectId | None


class _EditTree(msgspec.Struct):
    """Edits arranged as the tree is."""

    here: dict[EntryKey, ObjectId | None] = msgspec.field(default_factory=dict)
    below: dict[bytes, "_EditTree"] = msgspec.field(default_factory=dict)


def update(
    root: ObjectId | None,
    edits: Edits,
    out: list[RawObject],
    blobs: Mapping[ObjectId, RawObject] = NO_BLOBS,
) -> Walk[ObjectId | None]:
    """The tree with ``edits`` applied, None when nothing is left. New nodes go to ``out``,
    children before parents, and those of ``blobs`` that ``edits`` name before the node they belong
    to; the order of edits never changes the result."""
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
    """The blobs at each owner path by type; an owner without RRsets has an empty dict."""
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
    """The blob of one RRset, None where there is none; of a wide node only one run is read."""
    at = yield from find_subtree(root, path)
    if at is None:
        return None
    key = rrset_key(rdtype)
    return (yield from tree_node.pick(at, [key])).get(key)


def find_subtree(root: ObjectId, path: Path) -> Walk[ObjectId | None]:
    """The tree of the name at ``path``, None where neither it nor anything below it exists."""
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
    """Hands every RRset that differs to ``emit``, in no particular order, as it is found.

    Subtrees with equal ids are never asked for, nor, unless ``added``, those of which nothing was
    there before. From None it lists a whole tree. Depth first, ``step`` nodes at a time: fewer mean
    less work between two asks, and more asks.

    Each subtree of one tree has a name of its own, since the RRsets in it have: one that stands at
    two names is refused, so a tree of few objects cannot take long.

    Raises:
        Corrupt: a tree is deeper than a name can be, is none, has a subtree at two names or a type
            twice at one.
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
    """Return the path of a label below ``path``, as a walk down a tree meets it.

    Raises:
        Corrupt: no name has these labels: their number or length exceeds RFC 1035 section 2.3.4.
    """
    child = (*path, label)
    if not names.is_path(child):
        raise Corrupt(f"a tree is {len(child)} labels deep, which is longer than a name can be")
    return child


class SubtreesOnce:
    """The subtrees of both sides of a diff that have subtrees themselves: each is met once. Others
    may be left out, for nothing is multiplied by them, and as a rule they are nearly all."""

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
        """Take note of a node on both sides, and of what differs in it.

        Args:
            place: its name, or the way down to it, for the error.
            old, new: its ids; None: it is not on that side.
            found: what differs in it.

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
        """Take note of a node of the new side that has subtrees.

        Raises:
            Corrupt: it was met before.
        """
        _add_subtree(place, new, self._new)


def _add_subtree(place: Path | Name, root: ObjectId, seen: dict[ObjectId, Path | Name]) -> None:
    if root in seen:
        raise Corrupt(
            f"tree {short(root)} stands at two names of one zone:"
            f" {_place_text(seen[root])} and {_place_text(place)}",
            object=root.hex(),
        )
    seen[root] = place


def _place_text(place: Path | Name) -> str:
    """Return a name, or the labels below the apex, as people read them."""
    if isinstance(place, tuple):
        return names.text(names.join(reversed(place))).removesuffix(".") or "@"
    return names.text(place)


def list_changes(old: ObjectId | None, new: ObjectId | None) -> Walk[list[TreeChange]]:
    """All that :func:`diff` tells."""
    found: list[TreeChange] = []
    yield from diff(old, new, found.append)
    return found


def count(root: ObjectId, enough: int, but: Container[int] = ()) -> Walk[int]:
    """How many RRsets a tree has, those of the types ``but`` left out. Counting ends once there
    are ``enough``, and costs about as much, however big the tree is.

    Raises:
        Corrupt: a tree is deeper than a name can be, is none, or has a subtree at two names.
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
    """A node of a tree, or a part of a wide one, that a walk is to read: ``path`` leads to the
    label, ``above`` is the index over it."""

    path: Path
    id: ObjectId
    above: tree_node.Above = None


def expand(part: TreePart, value: Object) -> tuple[list[tuple[EntryKey, ObjectId]], list[TreePart]]:
    """Return the RRsets of a part that was read, and the parts below it, in order.

    Raises:
        Corrupt: it is no part of a tree, not what the index above it says, or deeper than a name
            can be.
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
