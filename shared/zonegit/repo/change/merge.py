"""Merge a commit into a branch, by a fast-forward or a merge commit."""

import msgspec

from zonegit.errors import Conflict, Unsafe
from zonegit.history import commit_graph
from zonegit.objects.ids import CommitId, short
from zonegit.repo import heads, read_zone
from zonegit.repo.change import revert
from zonegit.repo.commit import change_plan, commit_loop, conflicts, diff, drafts, dry_runs
from zonegit.repo.commit.change_findings import ChangeFindings
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.commit.diff import TreePair
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.merge_bases import MergeBaseFinder
from zonegit.repo.commit.outcomes import Committed, Outcome, Preview, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.zone import findings
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.serial import is_later


async def merge(
    repo: Repo,
    position: BranchPosition,
    theirs: CommitId,
    intent: Intent,
    choices: Choices = conflicts.NO_CHOICES,
) -> Outcome:
    """Merge ``theirs`` into a branch. Commits that others make meanwhile are merged too.

    Args:
        repo: the stores.
        position: the branch.
        theirs: the commit to merge.
        intent: the purpose of the commit.
        choices: decisions about clashes.

    Raises:
        Invalid: ``theirs`` is a commit of another zone.
        Unsafe: the zone is signed, or the two share no history; without ``force``.
        Conflict: the branch moved too often; or it has ``theirs`` already and reverted it since,
            and ``details['reverts']`` names the reverts.
    """
    reader = Reader(repo.objects)
    past = CommitReader(repo.objects, reader)
    target = await drafts.read_state(reader, theirs, position.zone)
    for _ in range(commit_loop.MAX_REPLAYS):
        if not await _can_fast_forward(reader, past, position, target):
            plan = _make_plan(past, position, target, choices, force=intent.force)
            merging = msgspec.structs.replace(intent, on_conflict=OnConflict.REBASE)
            outcome = await commit_loop.commit(repo, position, plan, merging)
            return await _add_reverts(past, reader, outcome, theirs, strict=intent.strict)
        try:
            found = await _examine(reader, position, target)
            return await fast_forward(repo, reader, position, target, intent, found)
        except Conflict:
            position = await heads.find_position(repo, position.zone, position.branch)
    raise commit_loop.too_many_races_error(position)


async def _examine(
    reader: Reader, position: BranchPosition, target: CommitBase
) -> tuple[Finding, ...]:
    """Return the findings about a fast-forward, none if the branch has no commit yet."""
    tip = await drafts.read_tip(reader, position)
    if tip.tree is None or target.tree is None or target.soa is None:
        return ()
    planned = await _plan_difference(reader, tip, target, position.zone)
    return await ChangeFindings(
        reader, position.zone, target.soa, tip.tree, target.tree, planned.changes, planned.added
    ).run()


async def _plan_difference(
    reader: Reader, tip: CommitBase, target: CommitBase, apex: Name
) -> PlannedChange:
    """Return the changes from the tip to the target, without a change of the serial only."""
    deltas = await diff.diff_trees(reader, tip.tree, target.tree, apex)
    return change_plan.plan_deltas(diff.drop_serial_changes(deltas))


async def _add_reverts(
    past: CommitReader, reader: Reader, outcome: Outcome, theirs: CommitId, *, strict: bool
) -> Outcome:
    """Add the reverts of ``theirs`` to the outcome of a merge that had nothing to do.

    Raises:
        Conflict: ``theirs`` itself was reverted.
        Invalid: another commit was reverted, and ``strict`` makes that an error.
    """
    if not isinstance(outcome, Unchanged) or outcome.commit is None:
        return outcome
    found = await revert.find_reverts(past, reader, outcome.zone, outcome.commit, theirs)
    if any(each.whole for each in found):
        raise revert.reverted_error(outcome.branch, found)
    if not found:
        return outcome
    added = (*outcome.findings, revert.reverted_warning(outcome.branch, found))
    if strict:
        findings.refuse(added)
    return msgspec.structs.replace(outcome, findings=added)


async def _can_fast_forward(
    reader: Reader, past: CommitReader, position: BranchPosition, target: CommitBase
) -> bool:
    """Return whether the branch can be fast-forwarded: the target has all of its commits, and a
    later serial."""
    if position.tip is None:
        return True
    assert target.commit is not None
    ours = position.commit()
    bases = await past.answer(commit_graph.find_merge_bases(ours, target.commit))
    if bases != [ours] or ours == target.commit:
        return False
    return is_serial_later(position, await drafts.read_tip(reader, position), target)


def is_serial_later(position: BranchPosition, tip: CommitBase, target: CommitBase) -> bool:
    """Return whether a branch may serve ``target`` (docs/object-model.md, Serials).

    Its serial must be later than all serials that the branch had, or it is served already.

    Args:
        position: the branch.
        tip: the state at its tip.
        target: the state that it would serve.
    """
    highest = position.tip.highest if position.tip is not None else None
    if highest is None or target.serial is None:
        return True
    return is_later(target.serial, highest) or (
        target.tree == tip.tree and target.serial == highest
    )


async def fast_forward(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    target: CommitBase,
    intent: Intent,
    found: tuple[Finding, ...] = (),
) -> Committed | Preview:
    """Move the branch from ``position`` to the commit of ``target``.

    Args:
        repo: the stores.
        reader: caches objects that the caller has read.
        position: the branch.
        target: the commit to move to.
        intent: the purpose of the move.
        found: the findings about the target.

    Raises:
        Conflict: the branch moved meanwhile.
        Invalid: there are findings that ``intent.strict`` makes errors.
        Unsafe: the serial would go back; without force.
    """
    tip = await drafts.read_tip(reader, position)
    assert target.commit is not None
    assert target.tree is not None
    serial = target.serial or 0
    if intent.strict:
        findings.refuse(found)
    if intent.dry_run:
        judgement = await dry_runs.judge(
            repo, position.ref, position.expected, target.commit, intent.origin(repo),
            seen=reader.list_fetched(), registers=intent.registers,
        )  # fmt: skip
        judgement.raise_lost_race()
        return Preview(
            position.zone, position.branch, tip.tree, target.tree, serial, tip.serial, [],
            judgement, found, tip.commit, is_new=False,
        )  # fmt: skip
    planned = await _plan_difference(reader, tip, target, position.zone)
    origin = intent.origin(repo)
    moved = await repo.refs.move(
        position.ref, position.expected, target.commit, origin, seen=reader.list_fetched()
    )
    return Committed(
        zone=position.zone,
        branch=position.branch,
        commit=target.commit,
        parent=(await read_zone.read_commit(reader, target.commit)).first_parent,
        serial=serial,
        before=tip.serial,
        changes=planned.changes,
        added=planned.added,
        trees=TreePair(position.zone, tip.tree, target.tree, reader),
        moved=moved,
        is_new=False,
        findings=found,
    )


def _make_plan(
    past: CommitReader,
    position: BranchPosition,
    target: CommitBase,
    choices: Choices,
    *,
    force: bool,
) -> ChangePlanner:
    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange | None:
        assert tip.commit is not None
        assert tip.tree is not None
        assert target.commit is not None
        assert target.tree is not None
        bases = await past.answer(commit_graph.find_merge_bases(tip.commit, target.commit))
        if target.commit in bases:
            return None
        if not bases and not force:
            raise _unrelated_histories_error(position, target.commit)
        apex = position.zone
        base = await MergeBaseFinder(past, reader, apex).find(bases)
        planned = await conflicts.merge_trees(reader, base, tip.tree, target.tree, apex, choices)
        settled = planned.changes.keys()
        found = [
            each
            for base_of_both in bases
            for each in await revert.find_reverts(
                past, reader, apex, tip.commit, base_of_both, settled
            )
        ]
        return msgspec.structs.replace(
            planned,
            parents=(tip.commit, target.commit),
            reached=target.serial,
            findings=(*planned.findings, *revert.note_reverts(found)),
        )

    return plan


def _unrelated_histories_error(position: BranchPosition, theirs: CommitId) -> Unsafe:
    return Unsafe(
        f"{short(theirs)} shares no history with {position.branch}",
        hint="deletions cannot be detected; --force merges the union of both",
    )
