"""What may stand at one owner, once two sides have been put together. All pure.

Neither side broke the rules of ``zone.rules``, yet their sum may: an alias from one, an address
from the other. Then every RRset of that owner on which the sides differ is a clash, so that
choosing one side for all of them is a way out.
"""

from collections.abc import Collection, Iterable, Mapping

from zonegit.errors import Invalid
from zonegit.history import trees
from zonegit.merge.records import Refusal
from zonegit.merge.sides import APEX_SOA, Key, Sides
from zonegit.objects.asks import Asks
from zonegit.objects.ids import ObjectId
from zonegit.zone import names, rules
from zonegit.zone.names import Name, Path


def forbidden(
    ours: ObjectId | None,
    sides: Sides,
    changes: Mapping[Key, object],
    refused: Collection[Key],
    chosen: Collection[Key],
    apex: Name,
) -> Asks[dict[Key, Refusal]]:
    """The RRsets that clash because of what else stands at their owner. ``changes`` is what the
    merge makes of tree ``ours`` (None: an RRset goes), ``refused`` clash already, ``chosen`` were
    decided: those are asked about again only where nothing else is left to decide."""
    touched = {path for path, _ in sides.ours}
    paths = touched & {path for path, _ in (*changes, *refused)}
    if ours is None or not paths:
        return {}
    found = yield from trees.find(ours, paths)
    clashing: dict[Key, Refusal] = {}
    for path, differing in sides.differing(paths).items():
        why = _broken(path, found[path], differing, sides, changes, refused, apex)
        if why is not None:
            usual = [key for key in differing if key not in refused and key != APEX_SOA]
            undecided = [key for key in usual if key not in chosen]
            asked = undecided or (usual if not any(key in refused for key in differing) else [])
            clashing |= {key: Refusal("no zone may hold both", why) for key in asked}
    return clashing


def _broken(
    path: Path,
    present: Iterable[int],
    differing: Collection[Key],
    sides: Sides,
    changes: Mapping[Key, object],
    refused: Collection[Key],
    apex: Name,
) -> str | None:
    """Which rule the sum breaks, whichever side is chosen for what clashes; None: none."""
    mine = frozenset(present)
    other = _with(mine, {key: sides.three(key).theirs for key in differing})
    merged = _with(mine, {key: value for key, value in changes.items() if key[0] == path})
    clashing = {key: sides.three(key).theirs for key in differing if key in refused}
    for types in (merged, _with(merged, clashing)):
        if types in (mine, other):
            continue
        try:
            rules.check_together(names.below(apex, path), types, apex)
        except Invalid as error:
            return error.message
    return None


def _with(types: frozenset[int], values: Mapping[Key, object]) -> frozenset[int]:
    """The types of an owner with some RRsets as they become; None: they go."""
    gone = {rdtype for (_, rdtype), value in values.items() if value is None}
    return (types - gone) | ({rdtype for _, rdtype in values} - gone)
