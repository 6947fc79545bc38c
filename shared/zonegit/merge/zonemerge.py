"""Two zones that grew out of one: what theirs adds to ours, and where they clash.

Only what either side changed is looked at. The serial of an SOA never clashes: ours stands, and
whoever commits the merge gives it the next one.
"""

from collections.abc import Collection, Mapping

import msgspec

from zonegit.errors import Corrupt, Invalid
from zonegit.history import trees
from zonegit.history.trees import Change
from zonegit.merge import threeway
from zonegit.merge.conflicts import Clash, reason
from zonegit.merge.threeway import Disagreement
from zonegit.objects.asks import Asks, together
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Blob, Object
from zonegit.zone import names, rrtypes, rules
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset, soa, with_serial

Key = tuple[Path, int]
"""An RRset within a zone."""
APEX_SOA: Key = ((), rrtypes.SOA)


class Merged(msgspec.Struct, frozen=True):
    """What ours becomes. ``changes`` are blobs, None where an RRset goes, ``added`` those of them
    that ours has not; ``soa`` the apex's SOA with our serial, None where it stays. With
    ``clashes`` none of it is of use."""

    changes: dict[Key, ObjectId | None]
    added: list[Key]
    soa: RRset | None
    clashes: list[Clash]


def merge(base: ObjectId | None, ours: ObjectId, theirs: ObjectId, apex: Name) -> Asks[Merged]:
    """Merges tree ``theirs`` into ``ours``; ``base`` is what both came from, None: from nothing.

    Raises:
        Corrupt: a tree is none of a zone's.
    """
    mine, other = yield from together([_changes(base, ours), _changes(base, theirs)])
    our_soa, their_soa = mine.pop(APEX_SOA, None), other.pop(APEX_SOA, None)
    changes: dict[Key, ObjectId | None] = {}
    added: list[Key] = []
    clashes: list[Clash] = []
    for key, change in other.items():
        now = mine[key].new if key in mine else change.old
        merged = threeway.merge(change.old, now, change.new)
        if isinstance(merged, Disagreement):
            clashes.append(_clash(key, change.old, now, change.new))
        elif merged != now:
            changes[key] = merged
            if now is None:
                added.append(key)
    new_soa, disagreed = yield from _merge_soa(our_soa, their_soa)
    clashes += disagreed
    clashes += yield from _forbidden(ours, {path for path, _ in mine}, changes, apex)
    ordered = sorted(clashes, key=lambda clash: (clash.path, clash.rdtype))
    return Merged(changes, added, new_soa, ordered)


def _changes(old: ObjectId | None, new: ObjectId) -> Asks[dict[Key, Change]]:
    found = yield from trees.changes(old, new)
    return {(change.path, change.rdtype): change for change in found}


def _clash(
    key: Key, base: ObjectId | None, ours: ObjectId | None, theirs: ObjectId | None
) -> Clash:
    return Clash(*key, reason(base, ours, theirs), base, ours, theirs)


def _merge_soa(
    ours: Change | None, theirs: Change | None
) -> Asks[tuple[RRset | None, list[Clash]]]:
    """The SOA's other fields are merged as one value, as any RRset is, all under our serial."""
    if theirs is None:
        return None, []
    blobs = (theirs.old, ours.new if ours is not None else theirs.old, theirs.new)
    answers = yield [blob for blob in blobs if blob is not None]
    found = [None if blob is None else _soa(answers[blob], blob) for blob in blobs]
    serial = next((soa(each).serial for each in (found[1], found[2]) if each is not None), 0)
    base, now, then = (None if each is None else with_serial(each, serial) for each in found)
    merged = threeway.merge(base, now, then)
    if isinstance(merged, Disagreement):
        return None, [_clash(APEX_SOA, *blobs)]
    return (merged if merged != now else None), []


def _soa(found: Object, blob: ObjectId) -> RRset:
    """Raises:
    Corrupt: it is not an SOA.
    """
    if not isinstance(found, Blob) or found.rrset.rdtype != rrtypes.SOA:
        raise Corrupt(f"object {short(blob)} is not an SOA, though it stands where one should")
    soa(found.rrset)
    return found.rrset


def _forbidden(
    ours: ObjectId,
    touched: Collection[Path],
    changes: Mapping[Key, ObjectId | None],
    apex: Name,
) -> Asks[list[Clash]]:
    """Where both sides changed a name, each in its own way, and no name may hold the sum."""
    incoming: dict[Path, dict[int, ObjectId | None]] = {}
    for (path, rdtype), blob in changes.items():
        if path in touched:
            incoming.setdefault(path, {})[rdtype] = blob
    found = yield from trees.find(ours, incoming.keys())
    clashes: list[Clash] = []
    for path, blobs in incoming.items():
        present: dict[int, ObjectId | None] = {**found[path]}
        types = [rdtype for rdtype, blob in {**present, **blobs}.items() if blob is not None]
        try:
            rules.check_together(names.below(apex, path), types, apex)
        except Invalid as error:
            for rdtype, blob in blobs.items():
                was = present.get(rdtype)
                detail = error.message
                clashes.append(
                    Clash(path, rdtype, "may not stand together", was, was, blob, detail)
                )
    return clashes
