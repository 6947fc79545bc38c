"""Move a branch to an existing commit: a fast-forward, or an exact reset."""

from zonegit.repo import read_zone
from zonegit.repo.commit import change_plan, diff, drafts, dry_runs
from zonegit.repo.commit.commit_loop import Committed, Intent, Preview
from zonegit.repo.commit.diff import TreePair
from zonegit.repo.commit.drafts import CommitBase
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.store.reader import Reader
from zonegit.zone import findings
from zonegit.zone.findings import Finding
from zonegit.zone.serial import later


def is_serial_later(position: BranchPosition, tip: CommitBase, target: CommitBase) -> bool:
    """Return whether a branch may serve ``target`` (docs/object-model.md, Serials).

    Its serial must be later than all serials that the branch had, or it is served already.
    """
    highest = position.tip.highest if position.tip is not None else None
    if highest is None or target.serial is None:
        return True
    return later(target.serial, highest) or (target.tree == tip.tree and target.serial == highest)


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
            seen=reader.seen(), registers=intent.registers,
        )  # fmt: skip
        judgement.raise_lost_race()
        return Preview(
            position.zone, position.branch, tip.tree, target.tree, serial, tip.serial, [],
            judgement, found, tip.commit, is_new=False,
        )  # fmt: skip
    deltas = await diff.diff_trees(reader, tip.tree, target.tree, position.zone)
    planned = change_plan.plan_deltas(diff.drop_serial_changes(deltas))
    origin = intent.origin(repo)
    moved = await repo.refs.move(
        position.ref, position.expected, target.commit, origin, seen=reader.seen()
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
