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
from zonegit.zone.rrset import RRset, format_key, sort_key

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
    decided = {(names.path(each.owner, apex), each.rdtype): each for each in decisions}
    keys = {*both.theirs, *base.disputed, *(key for key in decided if key in both.ours)}
    blobs = {key: both.get(key) for key in keys}
    unclear = {key: three for key, three in blobs.items() if _must_read(key, three, base, decided)}
    rrsets = yield from _read_rrsets(unclear, apex)
    chosen = {
        key: decided[key]
        for key, three in rrsets.items()
        if key in decided and decided[key].is_about(three.ours, three.theirs)
    }
    changes: dict[PathKey, ObjectId | RRset | None] = {}
    refused: dict[PathKey, Refusal] = {}
    for key in keys:
        outcome: MergeOutcome
        if key in rrsets:
            outcome = _merge_rrset(key, rrsets[key], base, chosen.get(key), respell=respell)
            is_changed = outcome != rrsets[key].ours
        else:
            outcome = _choose_blob(blobs[key])
            is_changed = outcome != blobs[key].ours
        if isinstance(outcome, Refusal):
            refused[key] = outcome
        elif is_changed:
            changes[key] = outcome
    refused |= yield from owners.find_forbidden(ours, both, changes, refused, chosen, apex)
    added = [key for key, value in changes.items() if value is not None and blobs[key].ours is None]
    clashes = yield from _read_clashes(refused, both, apex)
    return MergeResult(changes, added, clashes, _list_respelled(rrsets, changes))


def _list_respelled(
    rrsets: Mapping[PathKey, ThreeWay[RRset | None]], changes: Collection[PathKey]
) -> list[RRset]:
    """Return the RRsets of theirs whose spelling is not taken."""
    return [
        three.theirs
        for key, three in rrsets.items()
        if key not in changes and key != APEX_SOA
        if three.ours is not None and three.theirs is not None
        if spelling.is_respelled(three.theirs, three.ours)
    ]


def _must_read(
    key: PathKey, three: ThreeWay[ObjectId | None], base: MergeBase, decisions: Collection[PathKey]
) -> bool:
    """Return whether an RRset must be read to merge it."""
    if three.ours == three.theirs:
        return False
    needs_content = key == APEX_SOA or key in base.disputed or key in decisions
    return needs_content or isinstance(records.merge_values(*three), ThreeWayConflict)


def _choose_blob(three: ThreeWay[ObjectId | None]) -> ObjectId | None:
    """Return the merged blob of an RRset that the ids determine."""
    merged = records.merge_values(*three)
    return three.ours if isinstance(merged, ThreeWayConflict) else merged


def _merge_rrset(
    key: PathKey,
    three: ThreeWay[RRset | None],
    base: MergeBase,
    decision: Decision | None,
    *,
    respell: bool,
) -> RRset | Refusal | None:
    """Merge an RRset that was read."""
    if decision is not None:
        taken = three.ours if decision.side == "ours" else three.theirs
        return records.restore_ignored_fields(taken, three.ours, three.theirs)
    if key in base.disputed:
        if not records.is_same(three.ours, three.theirs):
            return Refusal("no agreed base")
        return records.merge_rrset(None, three.ours, three.theirs, respell=respell)
    merged = records.merge_rrset(*three, respell=respell)
    if merged is None and key == APEX_SOA:
        return Refusal("deleted against modified", "a zone has an SOA")
    return merged


def _read_rrsets(
    threes: Mapping[PathKey, ThreeWay[ObjectId | None]], apex: Name
) -> Walk[dict[PathKey, ThreeWay[RRset | None]]]:
    """Read the RRsets in blobs."""
    wanted = {blob for three in threes.values() for blob in three if blob is not None}
    answers = (yield wanted) if wanted else {}
    return {
        key: ThreeWay(
            *(_get_rrset(names.below(apex, key[0]), key[1], blob, answers) for blob in three)
        )
        for key, three in threes.items()
    }


def _get_rrset(owner: Name, rdtype: int, blob: ObjectId | None, answers: Answers) -> RRset | None:
    """Return the RRset in a blob.

    Raises:
        Corrupt: it is another RRset, or not an RRset.
    """
    if blob is None:
        return None
    found = answers[blob]
    if not isinstance(found, Blob) or (found.rrset.owner, found.rrset.rdtype) != (owner, rdtype):
        raise Corrupt(
            f"object {short(blob)} is used as {format_key(owner, rdtype)} but is another object"
        )
    return found.rrset


def _read_clashes(refused: Mapping[PathKey, Refusal], both: Sides, apex: Name) -> Walk[list[Clash]]:
    """Read the RRsets that clash."""
    rrsets = yield from _read_rrsets({key: both.get(key) for key in refused}, apex)
    clashes = [
        Clash(names.below(apex, key[0]), key[1], refusal.reason, *rrsets[key], refusal.detail)
        for key, refusal in refused.items()
    ]
    return sorted(clashes, key=lambda clash: sort_key(clash.owner, clash.rdtype))
