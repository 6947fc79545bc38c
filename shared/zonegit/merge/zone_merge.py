"""Merge two zones with a common base: the changes to ours, and the clashes.

Only RRsets that a side changed are examined. An RRset is read only if both sides changed it
(``records``) or there is a decision about it. The serial of an SOA never clashes: ours is kept, and
the merge commit gets the next one.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from zonegit.errors import Corrupt
from zonegit.merge import owners, records, sides
from zonegit.merge.conflicts import Clash, Decision
from zonegit.merge.records import Refusal, ThreeWayConflict
from zonegit.merge.sides import APEX_SOA, PathKey, Sides, ThreeWay
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Blob
from zonegit.objects.walk import Answers, Walk
from zonegit.zone import names, spelling
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, sort_key, title

MergeOutcome = ObjectId | RRset | Refusal | None


class MergeBase(msgspec.Struct, frozen=True):
    """The common base of two zones.

    Attributes:
        tree: None if there is no common base.
        disputed: RRsets on which several merge bases disagree; ``tree`` does not have them.
    """

    tree: ObjectId | None
    disputed: frozenset[PathKey] = frozenset()


class MergeResult(msgspec.Struct, frozen=True):
    """The result of a merge.

    Attributes:
        changes: the changes to ours, by RRset: the blob of theirs, the merged RRset, or None to
            remove it. Not to be used if there are clashes.
        added: the RRsets in ``changes`` that ours does not have.
        clashes: the RRsets that cannot be merged, in canonical order (RFC 4034 section 6.1).
        respelled: RRsets of theirs that have the records of ours in another spelling, which is not
            taken.
    """

    changes: dict[PathKey, ObjectId | RRset | None]
    added: list[PathKey]
    clashes: list[Clash]
    respelled: list[RRset]


def merge_zones(
    base: MergeBase,
    ours: ObjectId | None,
    theirs: ObjectId,
    apex: Name,
    decisions: Iterable[Decision] = (),
    *,
    respell: bool = False,
) -> Walk[MergeResult]:
    """Merge tree ``theirs`` into ``ours``.

    Args:
        base: the common base.
        ours: our tree; None for one without records.
        theirs: the other side's tree.
        apex: the zone's name.
        decisions: decisions about clashes. A decision applies only if both sides still have the
            RRsets that it was made about.
        respell: use the spelling of ``theirs`` in RRsets that both sides changed.

    Raises:
        Corrupt: an object is not a tree of a zone.
        Invalid: an SOA is malformed.
    """
    both = yield from sides.read_sides(base.tree, ours, theirs)
    made = {(names.path(each.owner, apex), each.rdtype): each for each in decisions}
    keys = {*both.theirs, *base.disputed, *(key for key in made if key in both.ours)}
    threes = {key: both.three(key) for key in keys}
    opened = {key: three for key, three in threes.items() if _must_read(key, three, base, made)}
    values = yield from _read_values(opened, apex)
    chosen = {
        key: made[key]
        for key, value in values.items()
        if key in made and made[key].is_about(value.ours, value.theirs)
    }
    changes: dict[PathKey, ObjectId | RRset | None] = {}
    refused: dict[PathKey, Refusal] = {}
    for key, three in threes.items():
        outcome: MergeOutcome = _choose_agreed(three)
        if key in values:
            outcome = _merge_opened(key, values[key], base, chosen.get(key), respell=respell)
        if isinstance(outcome, Refusal):
            refused[key] = outcome
        elif outcome != (values[key].ours if key in values else three.ours):
            changes[key] = outcome
    refused |= yield from owners.find_forbidden(ours, both, changes, refused, chosen, apex)
    added = [
        key for key, value in changes.items() if value is not None and threes[key].ours is None
    ]
    respelled = [
        value.theirs
        for key, value in values.items()
        if key not in changes and key != APEX_SOA
        if value.ours is not None and value.theirs is not None
        if spelling.is_respelled(value.theirs, value.ours)
    ]
    return MergeResult(changes, added, (yield from _read_clashes(refused, both, apex)), respelled)


def _must_read(
    key: PathKey, three: ThreeWay[ObjectId | None], base: MergeBase, decisions: Collection[PathKey]
) -> bool:
    """Return whether an RRset must be read to merge it."""
    if three.ours == three.theirs:
        return False
    known = key == APEX_SOA or key in base.disputed or key in decisions
    return known or isinstance(records.merge_values(*three), ThreeWayConflict)


def _choose_agreed(three: ThreeWay[ObjectId | None]) -> ObjectId | None:
    """Return the merged blob of an RRset that the ids determine."""
    merged = records.merge_values(*three)
    return three.ours if isinstance(merged, ThreeWayConflict) else merged


def _merge_opened(
    key: PathKey,
    values: ThreeWay[RRset | None],
    base: MergeBase,
    decision: Decision | None,
    *,
    respell: bool,
) -> RRset | Refusal | None:
    """Merge an RRset that was read."""
    if decision is not None:
        taken = values.ours if decision.side == "ours" else values.theirs
        return records.restore_ignored_fields(taken, values.ours, values.theirs)
    if key in base.disputed:
        if not records.is_same(values.ours, values.theirs):
            return Refusal("no agreed base")
        return records.merge_rrset(None, values.ours, values.theirs, respell=respell)
    merged = records.merge_rrset(*values, respell=respell)
    if merged is None and key == APEX_SOA:
        return Refusal("deleted against modified", "a zone has an SOA")
    return merged


def _read_values(
    threes: Mapping[PathKey, ThreeWay[ObjectId | None]], apex: Name
) -> Walk[dict[PathKey, ThreeWay[RRset | None]]]:
    """Read the RRsets in blobs."""
    wanted = {blob for three in threes.values() for blob in three if blob is not None}
    answers = (yield wanted) if wanted else {}
    return {
        key: ThreeWay(
            *(_find_rrset(names.below(apex, key[0]), key[1], blob, answers) for blob in three)
        )
        for key, three in threes.items()
    }


def _find_rrset(owner: Name, rdtype: int, blob: ObjectId | None, answers: Answers) -> RRset | None:
    """Return the RRset in a blob.

    Raises:
        Corrupt: it is another RRset, or not an RRset.
    """
    if blob is None:
        return None
    found = answers[blob]
    if not isinstance(found, Blob) or (found.rrset.owner, found.rrset.rdtype) != (owner, rdtype):
        raise Corrupt(f"object {short(blob)} is not {title(owner, rdtype)}, though it stands there")
    return found.rrset


def _read_clashes(refused: Mapping[PathKey, Refusal], both: Sides, apex: Name) -> Walk[list[Clash]]:
    """Read the RRsets that clash."""
    values = yield from _read_values({key: both.three(key) for key in refused}, apex)
    clashes = [
        Clash(names.below(apex, key[0]), key[1], why.reason, *values[key], why.detail)
        for key, why in refused.items()
    ]
    return sorted(clashes, key=lambda clash: sort_key(clash.owner, clash.rdtype))
