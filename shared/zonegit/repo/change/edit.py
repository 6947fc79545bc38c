"""Read a whole zone for editing, and commit the edits. They are merged with the commits that others
made meanwhile."""

from collections.abc import Collection, Sequence

import msgspec

from zonegit.errors import Conflict
from zonegit.merge.zone_merge import MergeBase
from zonegit.objects.ids import ObjectId, short
from zonegit.repo import heads, read_zone
from zonegit.repo.commit import (
    change_plan,
    commit_loop,
    conflicts,
    diff,
    drafts,
    outcomes,
    spelling_changes,
)
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone import findings, names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, parse_soa, sort_key
from zonegit.zone.rrtypes import RRSIG, SOA


class EditedZone(msgspec.Struct, frozen=True):
    """A zone when it was opened for editing."""

    position: BranchPosition
    state: CommitBase
    rrsets: list[RRset]


async def open_zone(repo: Repo, zone: Name | None, branch: str | None) -> EditedZone:
    """Read all records of a branch.

    Args:
        repo: the stores.
        zone: the zone that the command names; None if it names none.
        branch: the branch that the command names; None if it names none.

    Raises:
        NotFound: there is no such branch, or it has no commit.
    """
    reader = Reader(repo.objects)
    position = await heads.find_position(repo, zone, branch)
    state = await drafts.read_state(reader, position.commit(), position.zone)
    assert state.tree is not None  # that of a commit
    return EditedZone(position, state, await read_zone.read_whole_zone(reader, state.tree))


def find_changes(opened: EditedZone, rrsets: Collection[RRset]) -> list[RRsetDelta]:
    """Return the differences between the opened zone and ``rrsets``.

    The TTL of RRSIGs is that of the RRset they cover (RFC 4034 section 3), so a difference in it
    alone is ignored.
    """
    old = {(rrset.owner, rrset.rdtype): rrset for rrset in opened.rrsets}
    new = {(rrset.owner, rrset.rdtype): rrset for rrset in rrsets}
    deltas = [
        RRsetDelta(*key, old.get(key), new.get(key))
        for key in old.keys() | new.keys()
        if not _is_same(old.get(key), new.get(key))
    ]
    return sorted(deltas, key=lambda delta: sort_key(delta.owner, delta.rdtype))


def _is_same(old: RRset | None, new: RRset | None) -> bool:
    if old is None or new is None or old.rdtype != RRSIG:
        return old == new
    return old.rdatas == new.rdatas


async def commit_edited(
    repo: Repo,
    at: BranchPosition,
    opened: EditedZone,
    deltas: Collection[RRsetDelta],
    intent: Intent,
    found: Sequence[Finding] = (),
) -> Outcome:
    """Commit the edits on top of the tip.

    Args:
        repo: the stores.
        at: the branch.
        opened: the zone when it was opened.
        deltas: the edits.
        intent: the purpose of the commit.
        found: findings about the edited zone.

    Raises:
        Unsafe: the zone is signed; without force.
        Invalid: there are findings that ``intent.strict`` makes errors.
        Conflict: the branch was deleted meanwhile, or moved too often.
    """

    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange | None:
        if tip.tree == opened.state.tree:
            return PlannedChange(ours, added, stated=stated)
        if tip.tree is None:
            raise _deleted_error(opened)
        objects, edited = await drafts.build_tree(reader, at.zone, opened.state.tree, ours)
        reader.add(objects)
        base = MergeBase(opened.state.tree)
        merged = await conflicts.merge_trees(reader, base, tip.tree, edited, at.zone)
        return msgspec.structs.replace(merged, stated=stated)

    present = {(each.owner, each.rdtype): each.old for each in deltas if each.old is not None}
    needed = spelling_changes.drop_respelled(
        diff.make_changes(deltas), present, respell=intent.respell
    )
    ours = needed.changes
    added = {key for key in ours if key not in present}
    new_soa = ours.get((at.zone, SOA))
    stated = parse_soa(new_soa).serial if new_soa is not None else None
    found = (*found, *needed.findings)
    if not ours:
        if intent.strict:
            findings.refuse(found)
        return outcomes.make_unchanged(at, found)
    replayed = msgspec.structs.replace(intent, on_conflict=OnConflict.REBASE)
    return await commit_loop.commit(repo, at, change_plan.add_findings(plan, found), replayed)


async def rebase_edited(
    reader: Reader, base: ObjectId, tip: ObjectId, edited: ObjectId, apex: Name
) -> tuple[list[RRset], ObjectId]:
    """Merge the tree ``edited``, which was made from ``base``, with ``tip``. Commit nothing.

    Args:
        reader: reads the objects, and keeps those that are made.
        base: the tree that was edited.
        tip: the tree with the changes of others.
        edited: the edited tree.
        apex: the zone's name.

    Returns:
        The RRsets of the merged zone, and its tree.

    Raises:
        MergeConflicts: both changed the same RRsets.
    """
    planned = await conflicts.merge_trees(reader, MergeBase(base), tip, edited, apex)
    objects, tree = await drafts.build_tree(reader, apex, tip, planned.changes)
    reader.add(objects)
    return await read_zone.read_whole_zone(reader, tree), tree


def _deleted_error(opened: EditedZone) -> Conflict:
    was = opened.position
    return Conflict(
        f"branch {was.branch} of {names.text(was.zone)} was deleted meanwhile",
        hint=f"zonegit branch {was.branch} {short(was.commit())} creates it again",
    )
