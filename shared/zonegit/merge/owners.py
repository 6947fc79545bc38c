"""Check the RRsets of one owner after two sides are merged. Pure.

Neither side broke the rules of ``zone.rules``, yet their sum may: an alias from one, an address
from the other. Then every RRset of that owner on which the sides differ is a clash, so that
choosing one side for all of them is a way out.
"""

from collections.abc import Collection, Iterable, Mapping

from zonegit.errors import Invalid
from zonegit.merge.records import Refusal
from zonegit.merge.sides import APEX_SOA, PathKey, Sides
from zonegit.objects import zone_tree
from zonegit.objects.ids import ObjectId
from zonegit.objects.walk import Walk
from zonegit.zone import names, rules
from zonegit.zone.names import Name, Path


def forbidden(
    ours: ObjectId | None,
    sides: Sides,
    changes: Mapping[PathKey, object],
    refused: Collection[PathKey],
    chosen: Collection[PathKey],
    apex: Name,
) -> Walk[dict[PathKey, Refusal]]:
    """The RRsets that clash because of what else stands at their owner. ``changes`` is what the
    merge makes of tree ``ours`` (None: an RRset goes), ``refused`` clash already, ``chosen`` were
    decided: those are asked about again only where nothing else is left to decide."""
    touched = {path for path, _ in sides.ours}
    paths = touched & {path for path, _ in (*changes, *refused)}
    if ours is None or not paths:
        return {}
    found = yield from zone_tree.find(ours, paths)
    clashing: dict[PathKey, Refusal] = {}
    for path, differing in sides.differing(paths).items():
        theirs = {key: sides.three(key).theirs for key in differing}
        mine = frozenset(found[path])
        merged = _with(mine, {key: changes[key] for key in differing if key in changes})
        # Whichever side is chosen for what clashes already.
        otherwise = _with(merged, {key: theirs[key] for key in differing if key in refused})
        legal = (mine, _with(mine, theirs))
        sums = [each for each in (merged, otherwise) if each not in legal]
        why = _broken(path, sums, legal, apex)
        if why is not None:
            asked = _asked(differing, refused, chosen)
            clashing |= dict.fromkeys(asked, Refusal("no zone may hold both", why))
    return clashing


def _broken(
    path: Path,
    sums: Iterable[Collection[int]],
    legal: Iterable[Collection[int]],
    apex: Name,
) -> str | None:
    """Return the rule that one of the sums breaks and none of the ``legal`` ones does, if any."""
    owner = names.below(apex, path)
    before = next((types for types in legal if rules.both_cut_and_dname(types)), ())
    try:
        for types in sums:
            rules.check_together(owner, types, apex)
            rules.check_delegation(owner, types, apex, before)
    except Invalid as error:
        return error.message
    return None


def _asked(
    differing: Collection[PathKey], refused: Collection[PathKey], chosen: Collection[PathKey]
) -> list[PathKey]:
    others = [key for key in differing if key not in refused and key != APEX_SOA]
    undecided = [key for key in others if key not in chosen]
    nothing_left = not undecided and not any(key in refused for key in differing)
    return others if nothing_left else undecided


def _with(types: frozenset[int], values: Mapping[PathKey, object]) -> frozenset[int]:
    """Return the types of an owner after changes to some of its RRsets; None deletes one."""
    gone = {rdtype for (_, rdtype), value in values.items() if value is None}
    return (types - gone) | ({rdtype for _, rdtype in values} - gone)
