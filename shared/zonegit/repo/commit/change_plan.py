"""Create plans: functions that compute a change for a given tip. They can run again on another
tip."""

from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)  # fmt: skip
from typing import Final

import msgspec

from zonegit.objects import walk, zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob
from zonegit.repo import read_zone
from zonegit.repo.commit import (
    default_ttl,
    diff,
    edits,
    name_matches,
    replay,
    size_limits,
    spelling_changes,
)  # fmt: skip
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.edits import Add, Changes, Edit, RRsetKey, Set
from zonegit.store.objects import ObjectStore
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes, spelling
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, RRsets, format_key, parse_soa

ChangePlanner = Callable[[Reader, CommitBase], Awaitable[PlannedChange | None]]
"""A plan: returns the change for a tip, None if there is nothing to commit."""

NO_RRSETS: Final[RRsets] = {}


def plan_edits(
    todo: Collection[Edit],
    apex: Name,
    *,
    respell: bool = False,
    found: Sequence[Finding] = (),
) -> ChangePlanner:
    """Return a plan that applies edits to the RRsets that the tip has at their owners.

    A pattern is expanded for each tip, so that on a new tip it also matches names that others have
    added.

    Args:
        todo: the edits.
        apex: the zone.
        respell: store another spelling of records that exist.
        found: findings about the input, which the commit also has.
    """

    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange:
        expanded = await name_matches.expand(reader, tip.tree, todo, apex)
        owners = {edits.get_owner(edit) for edit in expanded}
        present = await read_zone.read_rrsets_at(reader, tip.tree, owners, apex)
        filled = default_ttl.fill(todo, tip.soa)
        changes = edits.apply(filled, present, apex, respell=respell)
        needed = drop_respelled(changes, present, respell=respell)
        notes = (
            *spelling_changes.limit(_find_respelled_adds(filled, changes, present)),
            *spelling_changes.limit(_find_changed_ttls(filled, needed.changes, present)),
            *default_ttl.find_notes(filled, needed.added),
            *name_matches.find_notes(todo, needed.changes, apex),
        )
        footprint = replay.find_footprint(expanded)
        every = (*found, *needed.findings, *notes)
        return msgspec.structs.replace(needed, findings=every, footprint=footprint, stated=stated)

    stated = _find_stated_serial(each.rrset for each in todo if isinstance(each, Set | Add))
    return plan


def _find_respelled_adds(
    todo: Collection[Edit], changes: Changes, present: Mapping[Name, RRsets]
) -> Iterator[Finding]:
    """Yield a note for each edit that only adds records which exist in another spelling."""
    for edit in todo:
        if isinstance(edit, Add) and (edit.rrset.owner, edit.rrset.rdtype) not in changes:
            known = present[edit.rrset.owner].get(edit.rrset.rdtype)
            if known is None or {*edit.rrset.rdatas} <= {*known.rdatas}:
                continue
            if spelling.compute_keys(edit.rrset) <= spelling.compute_keys(known):
                yield spelling.note_respelled(edit.rrset)


def _find_changed_ttls(
    todo: Collection[Edit], changes: Changes, present: Mapping[Name, RRsets]
) -> list[Finding]:
    """Return notes about existing records that get the TTL of added ones."""
    added_keys: dict[RRsetKey, set[bytes]] = {}
    for edit in todo:
        if isinstance(edit, Add):
            key = edit.rrset.owner, edit.rrset.rdtype
            added_keys.setdefault(key, set()).update(spelling.compute_keys(edit.rrset))
    found = []
    for (owner, rdtype), added in added_keys.items():
        old, new = present[owner].get(rdtype), changes.get((owner, rdtype))
        if old is None or new is None or old.ttl == new.ttl:
            continue
        if (spelling.compute_keys(old) & spelling.compute_keys(new)) - added:
            message = (
                f"the TTL of the other records of {format_key(owner, rdtype)} changes from"
                f" {old.ttl} to {new.ttl}"
            )
            source = "RFC 2181 section 5.2"
            found.append(Finding("ttl-changed", "note", message, owner, rdtype, source))
    return found


def _find_stated_serial(rrsets: Iterable[RRset]) -> int | None:
    """Return the serial that an input states, None if it has no SOA."""
    serials = [parse_soa(each).serial for each in rrsets if each.rdtype == rrtypes.SOA]
    return serials[-1] if serials else None


def drop_respelled(
    changes: Changes, present: Mapping[Name, RRsets], *, respell: bool = False
) -> PlannedChange:
    """Drop the changes that only respell records.

    Args:
        changes: the planned RRsets.
        present: the RRsets of their owners at the tip.
        respell: keep changes of spelling.
    """
    now = {
        key: present[key[0]][key[1]] for key in changes if key[1] in present.get(key[0], NO_RRSETS)
    }
    needed = spelling_changes.drop_respelled(changes, now, respell=respell)
    return PlannedChange(
        needed.changes, needed.changes.keys() - now.keys(), findings=needed.findings
    )


def add_findings(plan: ChangePlanner, findings: Sequence[Finding]) -> ChangePlanner:
    """Return a plan whose commit also has ``findings``."""
    if not findings:
        return plan

    async def plan_with_findings(reader: Reader, tip: CommitBase) -> PlannedChange:
        planned = await plan(reader, tip) or PlannedChange({})
        return msgspec.structs.replace(planned, findings=(*findings, *planned.findings))

    return plan_with_findings


def plan_deltas(deltas: Collection[RRsetDelta]) -> PlannedChange:
    """Return the change from the old state of deltas to the new one."""
    added = {(each.owner, each.rdtype) for each in deltas if each.old is None}
    return PlannedChange(diff.make_changes(deltas), added)


def plan_replacement(
    rrsets: Collection[RRset],
    apex: Name,
    renew: ObjectStore | None = None,
    *,
    respell: bool = False,
) -> ChangePlanner:
    """Return a plan that makes the zone equal to ``rrsets``. Equal subtrees are not read.

    Args:
        rrsets: all RRsets of the zone.
        apex: the zone.
        renew: a store that gets all objects again, including those that it has; this repairs
            corrupt ones. None stores nothing.
        respell: store another spelling of records that exist.
    """
    wanted = {(rrset.owner, rrset.rdtype): rrset for rrset in rrsets}

    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange:
        if tip.tree is None:
            first = spelling_changes.drop_respelled(dict(wanted), {})
            return PlannedChange(first.changes, wanted.keys(), findings=first.findings)
        objects, made = build_zone(rrsets, apex)
        if renew is not None:
            await size_limits.check_sizes(renew, rrsets)
            await renew.put(objects)
        reader.add(objects)
        found = await reader.answer(zone_tree.list_changes(tip.tree, made))
        was = {(names.below(apex, each.path), each.rdtype): each.old for each in found}
        changes = {key: wanted.get(key) for key in was}
        now = {} if respell else await _read_present(reader, changes, was)
        needed = spelling_changes.drop_respelled(changes, now, respell=respell)
        added = {key for key, old in was.items() if old is None}
        return PlannedChange(needed.changes, added, findings=needed.findings, stated=stated)

    stated = _find_stated_serial(rrsets)
    return plan


async def _read_present(
    reader: Reader, changes: Changes, was: Mapping[RRsetKey, ObjectId | None]
) -> dict[RRsetKey, RRset]:
    """Read the tip's RRsets that change, if their spelling matters."""
    blobs = {
        key: blob
        for key, blob in was.items()
        if blob is not None and changes[key] is not None and spelling_changes.is_needed(key[1])
    }
    found = await read_zone.read_rrsets(reader, set(blobs.values()))
    return {key: found[blob] for key, blob in blobs.items()}


def build_zone(rrsets: Collection[RRset], apex: Name) -> tuple[list[RawObject], ObjectId | None]:
    """Build the objects of a whole zone.

    Returns:
        The blobs and trees, and the id of the zone's tree; None for a zone without records.
    """
    blobs = [encode(Blob(rrset)) for rrset in rrsets]
    placed = {
        (names.path(rrset.owner, apex), rrset.rdtype): raw.id
        for rrset, raw in zip(rrsets, blobs, strict=True)
    }
    objects: list[RawObject] = []
    by_id = {raw.id: raw for raw in blobs}
    return objects, walk.run(zone_tree.update(None, placed, objects, by_id), {})
