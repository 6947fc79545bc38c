"""Make one commit from a plan, and retry it if another change came first."""

# Theory of operation
#
# Every command that changes a zone ends here, except those that move a branch to an existing commit
# (change.merge) or import a series. A change is a plan: a function that gets the tip of a
# branch and returns what to change there. It can therefore be run again on another tip.
#
#   read the tip -> plan -> draft -> put the objects -> move the branch
#        ^                                                   |
#        +------------- another move came first -------------+
#
# 1. drafts.read_tip() reads what the plan needs to know of the tip: its tree, and the SOA and the
#    RRSIGs of the apex.
# 2. The plan returns a PlannedChange, or None if there is nothing to do. A merge whose sides clash
#    raises MergeConflicts, and the outcome is Conflicted.
# 3. drafts.draft() makes the commit in memory: it chooses the serial, refuses to break the
#    signatures of a signed zone, checks sizes and delegations, builds the new tree, and collects
#    findings. If nothing is left to change, the outcome is Unchanged. Nothing is stored so far.
# 4. The objects are stored before the ref names them. If the process is killed in between, the
#    store has objects that nothing refers to, and no ref is broken.
# 5. refs.move() is a compare-and-swap: it names the tip that was read. The ref store applies its
#    safety checks in the same transaction. On success the outcome is Committed.
#
# If the branch has moved, refs.move() raises Conflict. What follows depends on the intent:
#
# - REBASE_IF_DISJOINT, for edits. What others changed since is compared with the footprint of the
#   edits (commit.replay). If they are disjoint, the plan is run on the new tip; else Conflict is
#   raised. An edit that adds a record has a smaller footprint than one that sets an RRset.
# - REBASE, for merges, cherry-picks and reverts. The plan is run on the new tip. It is a three-way
#   merge, so it takes the changes of others into account.
# - FAIL, for a change that was shown to an operator, or that resets the branch.
#
# The reader keeps what it has read, so another round fetches only what changed. All rounds have the
# same turn id. The ref store uses it to queue changes that lost a race, so that each of them
# succeeds (ADR 0013). After MAX_REPLAYS rounds the loop raises Conflict.
#
# A dry run does all of this up to step 4. Then it asks the ref store whether it would accept the
# move, and returns a Preview with the answer (commit.dry_runs).

import secrets
from typing import Final

import msgspec

from zonegit.errors import Conflict
from zonegit.objects import zone_tree
from zonegit.objects.ids import short
from zonegit.repo import heads
from zonegit.repo.commit import diff, drafts, dry_runs, replay
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.conflicts import Conflicted, MergeConflicts
from zonegit.repo.commit.drafts import CommitBase, Draft, NothingToCommit
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import (
    Outcome,
    Preview,
    make_committed,
    make_preview,
    make_unchanged,
)
from zonegit.repo.commit.replay import Footprint
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved
from zonegit.zone import names
from zonegit.zone.rrset import format_key

MAX_REPLAYS: Final = 50


async def commit(
    repo: Repo,
    position: BranchPosition,
    plan: ChangePlanner,
    intent: Intent,
    reader: Reader | None = None,
) -> Outcome:
    """Make one commit from a plan.

    Args:
        repo: the stores.
        position: the branch, and its tip as the caller saw it.
        plan: returns the change for a tip.
        intent: the purpose of the commit.
        reader: caches objects that the caller has read, or None.

    Raises:
        Conflict: another change touched what this one relies on (``races``), or other changes came
            first too often; names the tip.
        Unsafe: the zone is signed and the change would invalidate signatures.
        Invalid: the result would break a rule of DNS.
        NotFound, Unavailable: errors of the stores.
    """
    reader = reader or Reader(repo.objects)
    turn = secrets.token_hex(16) if intent.on_conflict is not OnConflict.FAIL else None
    for replayed in range(MAX_REPLAYS):
        tip = await drafts.read_tip(reader, position)
        try:
            planned = await plan(reader, tip)
        except MergeConflicts as conflicts:
            return Conflicted(
                position.zone, position.branch, conflicts.clashes, tip.commit, tip.serial
            )
        draft = (
            await drafts.draft(repo, reader, position, tip, planned, intent)
            if planned is not None
            else NothingToCommit()
        )
        if isinstance(draft, NothingToCommit):
            return make_unchanged(position, draft.findings)
        try:
            if intent.dry_run:
                return await _preview(repo, reader, position, tip, draft, intent)
            await repo.objects.put(draft.objects)
            moved = await _move(repo, reader, position, draft, intent, turn)
        except Conflict as lost:
            position = await _next_position(repo, reader, position, tip, draft, intent, lost)
        else:
            return make_committed(position, tip, draft, reader, moved, replayed)
    raise too_many_races_error(position)


def too_many_races_error(position: BranchPosition) -> Conflict:
    """Return the error for a change that lost every race."""
    return Conflict(
        f"{position.branch} moved {MAX_REPLAYS} times during this change",
        hint="the branch is too busy; try again later",
    )


async def _preview(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    tip: CommitBase,
    draft: Draft,
    intent: Intent,
) -> Preview:
    """Ask the ref store about the move instead of making it.

    Raises:
        Conflict: the branch has moved.
    """
    judgement = await dry_runs.judge(
        repo, position.ref, position.expected, draft.commit, intent.origin(repo),
        draft.objects, reader.list_fetched(), registers=intent.registers,
    )  # fmt: skip
    judgement.raise_lost_race()
    return make_preview(position, tip, draft, judgement)


async def _move(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    draft: Draft,
    intent: Intent,
    turn: str | None,
) -> Moved:
    origin = intent.origin(repo, turn)
    return await repo.refs.move(
        position.ref, position.expected, draft.commit, origin, draft.objects, reader.list_fetched()
    )


async def _next_position(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    tip: CommitBase,
    draft: Draft,
    intent: Intent,
    lost: Conflict,
) -> BranchPosition:
    """Return the position to plan the change on after a conflict.

    Raises:
        Conflict: the other change touched what this one relies on, or this one must not be retried.
    """
    if intent.on_conflict is OnConflict.FAIL or position.tip is None:
        raise lost
    now = await heads.find_position(repo, position.zone, position.branch)
    if now.tip is None:
        raise lost
    if intent.on_conflict is OnConflict.REBASE_IF_DISJOINT:
        await _check_footprint(reader, tip, draft, now)
    return msgspec.structs.replace(position, tip=now.tip)


async def _check_footprint(
    reader: Reader, tip: CommitBase, draft: Draft, now: BranchPosition
) -> None:
    """Check that the changes of others leave alone what this change relies on.

    Raises:
        Conflict: they do not.
    """
    mine = draft.footprint or Footprint(whole=draft.visible_changes.keys())
    theirs = await drafts.read_tip(reader, now)
    found = [
        change
        for change in await reader.answer(zone_tree.list_changes(tip.tree, theirs.tree))
        if mine.touches(names.below(now.zone, change.path), change.rdtype)
    ]
    deltas = diff.drop_serial_changes(await diff.read_deltas(reader, found, now.zone))
    clash = replay.find_clash(mine, draft.visible_changes, deltas)
    if clash is not None:
        raise Conflict(
            f"{format_key(clash.owner, clash.rdtype)} was changed meanwhile:"
            f" {now.branch} is now at {short(now.commit())}",
            hint="check it (zonegit show), then repeat the change",
            tip=now.commit().hex(),
        )
