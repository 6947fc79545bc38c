"""Check the RRsets of one owner after two sides are merged. Pure.

Both sides keep the rules of ``zone.rules``, but their union may break one: a CNAME from one side,
an address from the other. Then every RRset of that owner that differs between the sides is a clash.
Choosing the same side for all of them resolves it.
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


def find_forbidden(
    ours: ObjectId | None,
    sides: Sides,
    changes: Mapping[PathKey, object],
    refused: Collection[PathKey],
    chosen: Collection[PathKey],
    apex: Name,
) -> Walk[dict[PathKey, Refusal]]:
    """Return the RRsets that clash because of other RRsets of their owner.

    Args:
        ours: our tree; None for one without records.
        sides: the changes of both sides.
        changes: the changes that the merge makes to ``ours``; None deletes an RRset.
        refused: RRsets that clash already.
        chosen: RRsets with a decision. They clash again only if no other RRset of the owner is
            undecided.
        apex: the zone's name.
    """
    paths = {path for path, _ in sides.ours} & {path for path, _ in (*changes, *refused)}
    if ours is None or not paths:
        return {}
    found = yield from zone_tree.find(ours, paths)
    clashing: dict[PathKey, Refusal] = {}
    for path, differing in sides.list_differing(paths).items():
        theirs = {key: sides.get(key).theirs for key in differing}
        our_types = frozenset(found[path])
        merged = _apply_types(our_types, {key: changes[key] for key in differing if key in changes})
        # The other choice for the RRsets that clash already.
        other = _apply_types(merged, {key: theirs[key] for key in differing if key in refused})
        legal = (our_types, _apply_types(our_types, theirs))
        unions = [each for each in (merged, other) if each not in legal]
        message = _find_broken_rule(path, unions, legal, apex)
        if message is not None:
            clashes = _select_clashes(differing, refused, chosen)
            clashing |= dict.fromkeys(clashes, Refusal("no zone may hold both", message))
    return clashing


def _find_broken_rule(
    path: Path,
    unions: Iterable[Collection[int]],
    legal: Iterable[Collection[int]],
    apex: Name,
) -> str | None:
    """Return the error of the first set of types that breaks a rule, None if none does.

    Args:
        path: the owner.
        unions: the sets of types to check.
        legal: the types on each side, which were accepted before.
        apex: the zone's name.
    """
    owner = names.below(apex, path)
    before = next((types for types in legal if rules.has_ns_and_dname(types)), ())
    try:
        for types in unions:
            rules.check_coexistence(owner, types, apex)
            rules.check_delegation(owner, types, apex, before)
    except Invalid as error:
        return error.message
    return None


def _select_clashes(
    differing: Collection[PathKey], refused: Collection[PathKey], chosen: Collection[PathKey]
) -> list[PathKey]:
    """Return the RRsets of an owner that become clashes."""
    others = [key for key in differing if key not in refused and key != APEX_SOA]
    undecided = [key for key in others if key not in chosen]
    is_decided = not undecided and not any(key in refused for key in differing)
    return others if is_decided else undecided


def _apply_types(types: frozenset[int], values: Mapping[PathKey, object]) -> frozenset[int]:
    """Return the types of an owner after changes to its RRsets; None deletes one."""
    deleted = {rdtype for (_, rdtype), value in values.items() if value is None}
    return (types | {rdtype for _, rdtype in values}) - deleted
