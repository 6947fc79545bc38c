"""Find the flaws of a tree, which make it an invalid zone, in its differences from an earlier tree.

Theory of operation. A tip is judged before a branch moves to it, so that resolvers load only valid
zones. In a valid zone each RRset is well-formed, is stored under its own owner and type, and does
not clash with other RRsets of its owner (``zone.validity``, ``zone.rules``); each subtree is under
one name; each index node agrees with the nodes below it (``objects.tree_node``,
``objects.zone_tree``).

The cost depends on the change. Nodes with equal ids on both sides are not read. Of a node that
differs, the RRsets that differ are judged, and together with them the types of all RRsets of that
owner. A new subtree is judged as a whole. If it has no subtrees itself, its outline is sufficient,
which the object store computes without sending the subtree (``store.outline``). A wide subtree is
read in runs.

What existed before is not judged again: an RRset with the same id in the same place, and types that
existed together at an owner. ``others`` are further trees that were accepted. Flaws that they have
as well are returned separately, so that the caller can warn about them.

The walk asks for objects and for outlines (docs/adr/0003-sans-io-walks.md). It visits each subtree
once, so its time grows with the number of objects of a tree, and not with the number of names that
a hostile tree can have by naming one subtree many times.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from zonegit.errors import Corrupt
from zonegit.objects import node_diff, node_place, tree_node, zone_tree
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import FIRST_RRSET, SUBTREE, EntryKey, Index, rrset_key
from zonegit.objects.node_diff import NodeDiffs
from zonegit.objects.walk import gather
from zonegit.safety.flaw_walk import Flaw, Flaws, FlawWalk, WantedObjects, read_objects
from zonegit.store.outline import RUN, Outline
from zonegit.zone import names, rrtypes, rules, validity
from zonegit.zone.names import MAX_OCTETS, Name
from zonegit.zone.rrset import format_key

T = TypeVar("T")

PAIR_BATCH: Final = 64
"""Pairs of nodes that are compared per round trip."""
ADDED_BATCH: Final = 512
"""New subtrees whose outlines are read per round trip."""
OPENED_BATCH: Final = 8
"""Objects of new subtrees that are read per round trip."""
MAX_FLAWS: Final = 10
"""Flaws after which the walk ends."""


class _Suspect(NamedTuple):
    """A possible flaw. It is not new if another tree has the same at that owner.

    Attributes:
        entry: the entry that the other tree must have; None to compare the types.
        types: the types that the other tree must have.
    """

    flaw: Flaw
    entry: tuple[EntryKey, ObjectId] | None = None
    types: frozenset[int] = frozenset()


class _NodePair(NamedTuple):
    """A node that differs between the trees."""

    owner: Name
    old: ObjectId
    new: ObjectId


class _AddedNode(NamedTuple):
    """A node that only the new tree has, or a part of a wide node."""

    owner: Name
    id: ObjectId
    above: node_place.Above = None


class _TouchedOwner(NamedTuple):
    """An owner with new or changed RRsets: its entries on both sides, or those that differ if no
    type is new."""

    owner: Name
    before: Mapping[EntryKey, ObjectId]
    after: Mapping[EntryKey, ObjectId]


def find_flaws(
    apex: Name,
    old: ObjectId | None,
    new: ObjectId,
    others: Sequence[ObjectId] = (),
    *,
    any_spelling: bool = False,
    max_flaws: int = MAX_FLAWS,
    diffs: NodeDiffs | None = None,
) -> FlawWalk[Flaws]:
    """Find the flaws of a tree.

    Args:
        apex: the zone's name.
        old: the tree whose RRsets are not judged again; None to judge all.
        new: the tree.
        others: trees whose flaws are not new.
        any_spelling: accept any name of a type, for example ``TYPE1`` for A.
        max_flaws: the number of flaws after which the walk ends.
        diffs: compares nodes; it may be shared with other walks.

    Raises:
        Corrupt: an object is not a tree, or is a tree that readers refuse.
    """
    search = _Search(apex, diffs or NodeDiffs(), any_spelling=any_spelling)
    if old is None:
        search.added.append(_AddedNode(apex, new))
    elif old != new:
        search.pairs.append(_NodePair(apex, old, new))
    while search.has_more and len(search.found.new) < max_flaws:
        suspects = yield from search.step()
        for suspect in suspects:
            is_known = bool(others) and (yield from _is_known(suspect, apex, others))
            flaws = search.found.accepted if is_known else search.found.new
            if len(flaws) < max_flaws:
                flaws.append(suspect.flaw)
    return search.found


class _Search:
    """The nodes that are left to judge, and the flaws so far."""

    def __init__(self, apex: Name, diffs: NodeDiffs, *, any_spelling: bool) -> None:
        self.pairs: list[_NodePair] = []
        self.added: list[_AddedNode] = []
        self.found = Flaws()
        self._opened: list[_AddedNode] = []
        self._once = zone_tree.SubtreeCheck()
        self._apex = apex
        self._diffs = diffs
        self._any_spelling = any_spelling

    @property
    def has_more(self) -> bool:
        """Return whether there are nodes left to judge."""
        return bool(self.pairs or self.added or self._opened)

    def step(self) -> FlawWalk[list[_Suspect]]:
        """Judge some of the nodes, the deepest of the new tree first."""
        suspects: list[_Suspect] = []
        touched: list[_TouchedOwner] = []
        if self._opened:
            yield from self._open(_take_last(self._opened, OPENED_BATCH), touched)
        elif self.added:
            suspects += yield from self._outline(_take_last(self.added, ADDED_BATCH))
        else:
            yield from self._compare(_take_last(self.pairs, PAIR_BATCH), touched)
        if touched:
            suspects += yield from self._judge(touched)
        return suspects

    def _compare(self, pairs: list[_NodePair], touched: list[_TouchedOwner]) -> FlawWalk[None]:
        """Compare nodes that both trees have."""
        walk = gather([self._diffs.diff(pair.old, pair.new) for pair in pairs])
        found = yield from read_objects(walk)
        changed: list[_NodePair] = []
        for pair, differences in zip(pairs, found, strict=True):
            self._once.check(pair.owner, pair.old, pair.new, differences)
            for number, (key, was, value) in enumerate(differences):
                if number % zone_tree.CHANGES_PER_PAUSE == zone_tree.CHANGES_PER_PAUSE - 1:
                    yield WantedObjects()
                if key[0] == SUBTREE and value is not None:
                    self._descend(_prepend_label(pair.owner, key[1:]), was, value)
            before, after = _split(_list_rrsets(differences))
            if after and after.keys() <= before.keys():
                # No type is new at this owner, so no combination of types is. A tree of an early
                # release that has a type twice stays as it is (fsck reports it).
                touched.append(_TouchedOwner(pair.owner, before, after))
            elif after:
                changed.append(pair)
        if changed:
            reads = [tree_node.read(root, FIRST_RRSET) for pair in changed for root in pair[1:]]
            entries = iter((yield from read_objects(gather(reads))))
            for pair in changed:
                touched.append(_TouchedOwner(pair.owner, next(entries), next(entries)))

    def _descend(self, owner: Name, old: ObjectId | None, new: ObjectId) -> None:
        if old is None:
            self.added.append(_AddedNode(owner, new))
        else:
            self.pairs.append(_NodePair(owner, old, new))

    def _outline(self, nodes: list[_AddedNode]) -> FlawWalk[list[_Suspect]]:
        """Judge new subtrees by their outlines, and open those whose outline is not sufficient."""
        outlines = (yield WantedObjects(outlines=[each.id for each in nodes])).outlines
        suspects: list[_Suspect] = []
        for each in nodes:
            outline = outlines.get(each.id)
            if outline is None or outline.owner != each.owner or outline.kind != "tree":
                self._opened.append(each)
            elif not rules.CONFLICT_TYPES.isdisjoint(outline.types):
                suspects += self._find_clashes(each.owner, outline.types, ())
        return suspects

    def _open(self, parts: list[_AddedNode], touched: list[_TouchedOwner]) -> FlawWalk[None]:
        """Read nodes, or parts of them, that only the new tree has."""
        answers = (yield WantedObjects(objects=[each.id for each in parts])).objects
        wide: list[_AddedNode] = []
        runs: list[tuple[_AddedNode, list[_AddedNode]]] = []
        for each in parts:
            yield WantedObjects()
            found = node_place.check(answers[each.id], each.id, each.above)
            if isinstance(found, Index):
                if each.above is None:
                    wide.append(each)
                places = node_place.places_below(found, each.above)
                self._opened.extend(_AddedNode(each.owner, place.row.id, place) for place in places)
                continue
            subtrees = [key for key in found.entries if key[0] == SUBTREE]
            if subtrees and each.above is None:
                self._once.add(each.owner, each.id)
            below = [
                _AddedNode(_prepend_label(each.owner, key[1:]), found.entries[key])
                for key in subtrees
            ]
            if len(subtrees) == len(found.entries):
                runs.append((each, below))
            else:
                self.added += below
            if each.above is None and len(subtrees) < len(found.entries):
                rrsets = {key: at for key, at in found.entries.items() if key[0] != SUBTREE}
                touched.append(_TouchedOwner(each.owner, {}, rrsets))
        if runs:
            yield from self._outline_runs(runs)
        if wide:
            # The RRsets of a wide node may be in several of its runs.
            reads = gather([tree_node.read(each.id, FIRST_RRSET) for each in wide])
            for each, entries in zip(wide, (yield from read_objects(reads)), strict=True):
                self._once.add(each.owner, each.id)
                touched.append(_TouchedOwner(each.owner, {}, entries))

    def _outline_runs(self, runs: list[tuple[_AddedNode, list[_AddedNode]]]) -> FlawWalk[None]:
        """Judge parts that have only subtrees by their outlines. Where the outline is not
        sufficient, add the subtrees, to be judged one by one."""
        outlines = (yield WantedObjects(outlines=[each.id for each, _ in runs])).outlines
        for each, below in runs:
            outline = outlines.get(each.id)
            if outline is None or outline.kind != RUN or outline.owner != each.owner:
                self.added += below

    def _judge(self, touched: list[_TouchedOwner]) -> FlawWalk[list[_Suspect]]:
        """Judge the new RRsets, and the types of their owners."""
        wanted = {blob for each in touched for _, blob in _list_new_entries(each)}
        outlines = (yield WantedObjects(outlines=wanted)).outlines
        suspects: list[_Suspect] = []
        for each in touched:
            for key, blob in _list_new_entries(each):
                flaw = self._find_flaw(each.owner, key, outlines.get(blob))
                if flaw is not None:
                    suspects.append(_Suspect(flaw, (key, blob)))
            after = list(_list_types(each.after))
            suspects += self._find_clashes(each.owner, after, set(_list_types(each.before)))
        return suspects

    def _find_flaw(self, owner: Name, key: EntryKey, outline: Outline | None) -> Flaw | None:
        """Return the flaw of one RRset in its place, None if it has none."""
        shown = key[1:].decode("ascii", "replace")
        rdtype = rrtypes.find_number(shown)
        if rdtype is None or not rrtypes.can_be_stored(rdtype):
            message = f"{names.text(owner)} has an RRset of {shown}, which is not a record type"
            return Flaw(owner, None, message)
        if key != rrset_key(rdtype) and not self._any_spelling:
            message = f"{format_key(owner, rdtype)} is stored as {shown}"
            return Flaw(owner, rdtype, message)
        if outline is None:
            return None  # it is not stored yet; it is judged by the move itself
        if outline.kind != "blob":
            return Flaw(owner, rdtype, f"{format_key(owner, rdtype)} is a {outline.kind}")
        (held,) = outline.types
        message = validity.find_misplaced(owner, rdtype, Name(outline.owner), held) or outline.flaw
        return Flaw(owner, rdtype, message) if message else None

    def _find_clashes(
        self, owner: Name, types: Collection[int], before: Collection[int]
    ) -> Iterator[_Suspect]:
        """Yield the combinations of types that may not exist together, if they are new."""
        for clash in rules.find_type_conflicts(owner, types, self._apex):
            if not clash.types.issubset(before):
                yield _Suspect(Flaw(owner, None, clash.message), types=clash.types)


def _is_known(suspect: _Suspect, apex: Name, others: Sequence[ObjectId]) -> FlawWalk[bool]:
    """Return whether one of several trees has the same flaw."""
    path = names.path(suspect.flaw.owner, apex)
    for root in others:
        at = yield from read_objects(zone_tree.find_subtree(root, path))
        if at is None:
            continue
        entries = yield from read_objects(tree_node.read(at, FIRST_RRSET))
        if suspect.entry is not None and entries.get(suspect.entry[0]) == suspect.entry[1]:
            return True
        if suspect.types and suspect.types.issubset(_list_types(entries)):
            return True
    return False


def _take_last(pending: list[T], count: int) -> list[T]:
    """Remove the last ``count`` items from a list and return them."""
    taken = pending[-count:]
    del pending[-count:]
    return taken


def _list_new_entries(touched: _TouchedOwner) -> Iterator[tuple[EntryKey, ObjectId]]:
    """Yield the entries of new and changed RRsets."""
    for key, blob in touched.after.items():
        if touched.before.get(key) != blob:
            yield key, blob


def _split(
    differences: Iterable[node_diff.NodeDifference],
) -> tuple[dict[EntryKey, ObjectId], dict[EntryKey, ObjectId]]:
    """Return the entries of differences before and after."""
    before: dict[EntryKey, ObjectId] = {}
    after: dict[EntryKey, ObjectId] = {}
    for key, was, value in differences:
        if was is not None:
            before[key] = was
        if value is not None:
            after[key] = value
    return before, after


def _list_rrsets(
    differences: Sequence[node_diff.NodeDifference],
) -> Sequence[node_diff.NodeDifference]:
    """Return the differences of RRsets, which come last."""
    start = len(differences)
    while start and differences[start - 1][0][0] != SUBTREE:
        start -= 1
    return differences[start:]


def _list_types(keys: Iterable[EntryKey]) -> Iterator[int]:
    """Yield the types of entries, without those that are not known types."""
    for key in keys:
        rdtype = rrtypes.find_number(key[1:].decode("ascii", "replace"))
        if rdtype is not None:
            yield rdtype


def _prepend_label(owner: Name, label: bytes) -> Name:
    """Prepend a label to a name.

    Raises:
        Corrupt: the result exceeds the maximum length of a name.
    """
    name = Name(b"%c%b%b" % (len(label), label, owner))
    if len(name) > MAX_OCTETS:
        raise Corrupt(
            f"a tree has names below {names.text(owner)} that are longer than a name can be"
        )
    return name
