"""Restore the single refs of an operation that is undone."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Conflict, NotFound, Unsafe
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import subject
from zonegit.repo import read_zone, read_zones
from zonegit.repo.change import reset
from zonegit.repo.commit import change_plan, commit_loop, diff, drafts, dry_runs
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Outcome, Preview, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.operations import RefChange
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved, Origin
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent, Exactly, ZoneRefs
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import with_serial
from zonegit.zone.serial import increment

REDO: Final = "redo"
"""The first word of the command if an intent redoes an undone operation."""

_UNDO: Final = re.compile(r'undo (".*")')
"""The subject of a commit that an undo made."""


class RestoredRef(msgspec.Struct, frozen=True):
    """A ref that was restored.

    Attributes:
        change: the change that was undone.
        moved: the move; None for a dry run, and if the ref did not have to move.
        commit: the commit that a branch is at now.
        outcome: the outcome for a branch whose records were restored.
        judgement: the answer to a dry run.
    """

    change: RefChange
    moved: Moved | None = None
    commit: CommitId | None = None
    outcome: Committed | Preview | Unchanged | None = None
    judgement: Judgement | None = None


class StateBefore(msgspec.Struct, frozen=True):
    """The state before anything moves.

    Attributes:
        zones: the refs of the registered zones whose branches are restored.
        registers: the zones that will be registered first.
        symrefs: the branches that HEADs were on.
    """

    zones: Mapping[Name, ZoneRefs]
    registers: frozenset[Name]
    symrefs: Mapping[ObjectId, RefName]


async def read_state(repo: Repo, changes: Sequence[RefChange]) -> StateBefore:
    """Read the state that restoring these refs depends on."""
    symrefs = await operations.resolve_symrefs(
        repo, {each.before for each in changes if each.ref.space == "head" and each.before}
    )
    branches = [each.ref for each in changes if each.ref.space == "heads" and each.before]
    zones = {ref.zone for ref in branches if ref.zone is not None}
    registers = frozenset(
        each.ref.zone for each in changes if each.kind == "removed" and each.ref.zone is not None
    )
    return StateBefore(await read_zones.read_refs(repo, zones), registers, symrefs)


async def restore(repo: Repo, change: RefChange, state: StateBefore, intent: Intent) -> RestoredRef:
    """Restore one ref.

    Args:
        repo: the stores.
        change: the change to undo.
        state: the state before anything moved.
        intent: the purpose of the undo.

    Raises:
        Conflict: the ref was moved concurrently.
        Unsafe: a signed zone would get a commit, or the ref store requires force; without
            ``intent.force``.
        Denied, NotFound, Unavailable: errors of the stores.
    """
    ref, before, now = change.ref, change.before, change.now
    registers = ref.zone in state.registers
    intent = msgspec.structs.replace(intent, registers=registers)
    origin = intent.origin(repo)
    match ref.space:
        case "zone" if intent.dry_run and ref.zone is not None:
            return RestoredRef(change, judgement=await dry_runs.judge_zone(repo, ref.zone))
        case "head" if intent.dry_run:
            return RestoredRef(change)  # HEADs were checked before
        case "zone":
            return RestoredRef(change, await _restore_zone(repo, change, origin))
        case "head":
            return RestoredRef(change, await _restore_head(repo, change, state, origin))
        case "heads" if before is not None:
            assert ref.zone is not None
            return await _restore_branch(
                repo, change, CommitId(before), state.zones.get(ref.zone), intent
            )
        case _:
            expected = Exactly(now) if now is not None else Absent()
            if intent.dry_run:
                judgement = await dry_runs.judge(
                    repo, ref, expected, before, origin, registers=registers
                )
                return RestoredRef(change, judgement=judgement)
            return RestoredRef(change, await repo.refs.move(ref, expected, before, origin))


async def _restore_zone(repo: Repo, change: RefChange, origin: Origin) -> Moved:
    assert change.ref.zone is not None
    if change.kind == "removed":
        return await repo.refs.register(change.ref.zone, origin)
    # With force, this would also remove what was created there meanwhile.
    unforced = msgspec.structs.replace(origin, force=False)
    return await repo.refs.unregister(change.ref.zone, unforced)


async def _restore_head(repo: Repo, change: RefChange, state: StateBefore, origin: Origin) -> Moved:
    branch = state.symrefs[change.before] if change.before is not None else None
    if branch is not None:
        try:
            moved = await repo.refs.point(change.ref, branch, origin)
            if change.ref == ref_names.own_head(repo.actor) and branch.zone is not None:
                repo.memory.note_moved(branch.zone, branch.short)
            return moved
        except NotFound:
            head, old = operations.format_ref(change.ref), operations.format_ref(branch)
            repo.note(f"{head} was on {old}, and that zone was removed: it is unset now")
    removed = await repo.refs.unpoint(change.ref, origin)
    if change.ref.zone is None:
        repo.memory.note_removed()
    return removed


async def _restore_branch(
    repo: Repo, change: RefChange, target: CommitId, refs: ZoneRefs | None, intent: Intent
) -> RestoredRef:
    """Restore the records of ``target``, with a serial later than all that were served."""
    assert change.ref.zone is not None
    tip = refs.heads.get(change.ref.short) if refs is not None else None
    position = BranchPosition(change.ref.zone, change.ref.short, tip)
    if (tip.target if tip is not None else None) != change.now:
        raise Conflict(
            f"{operations.format_ref(change.ref)} was moved concurrently",
            hint="zonegit reflog shows by whom",
            tip=tip.target.hex() if tip is not None else "",
        )
    reader = Reader(repo.objects)
    intent = msgspec.structs.replace(intent, message=await _compose_message(reader, change, intent))
    outcome = await _reset(repo, reader, position, target, intent)
    assert not isinstance(outcome, Conflicted)  # it merges nothing
    match outcome:
        case Committed():
            return RestoredRef(change, outcome.moved, outcome.commit, outcome)
        case Unchanged():
            return RestoredRef(change, commit=target, outcome=outcome)
        case Preview():
            return RestoredRef(change, outcome=outcome, judgement=outcome.judgement)


async def _reset(
    repo: Repo, reader: Reader, position: BranchPosition, target: CommitId, intent: Intent
) -> Outcome:
    """Reset a branch to the records of ``target``. A deleted branch that had later serials gets the
    next one."""
    try:
        outcome = await reset.reset(repo, position, target, intent, exact=False, reader=reader)
    except Unsafe as error:
        highest = _get_highest(position, error)
        if highest is None:
            raise
        return await _recreate(repo, reader, position, target, highest, intent, error)
    refusal = outcome.judgement.refusal if isinstance(outcome, Preview) else None
    if isinstance(refusal, Unsafe) and (highest := _get_highest(position, refusal)) is not None:
        return await _recreate(repo, reader, position, target, highest, intent, refusal)
    return outcome


def _get_highest(position: BranchPosition, refusal: Unsafe) -> int | None:
    """Return the highest serial that a deleted branch had, if the branch cannot be created again
    because of it; else None."""
    highest = refusal.details.get("highest")
    return int(highest) if position.tip is None and highest is not None else None


async def _compose_message(reader: Reader, change: RefChange, intent: Intent) -> str:
    """Return the message of the commit that restores a branch. Both commits are read together."""
    await reader.get([each for each in (change.before, change.after) if each is not None])
    if change.after is None:
        return f"bring back {change.ref.short}"
    undone = subject(await read_zone.read_commit(reader, CommitId(change.after)))
    if intent.command.startswith(REDO) and (undo := _UNDO.fullmatch(undone)):
        return f"{REDO} {undo[1]}\n\nThis takes back {change.after.hex()}."
    return f'undo "{undone}"\n\nThis takes back {change.after.hex()}.'


async def _recreate(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    target: CommitId,
    highest: int,
    intent: Intent,
    error: Unsafe,
) -> Outcome:
    """Create a deleted branch again that had later serials than its last commit.

    Raises:
        Unsafe: ``error``, if the zone is signed, because its serial cannot be changed.
    """
    state = await drafts.read_state(reader, target, position.zone)
    if state.soa is None or drafts.is_soa_signed(state.rrsig):
        raise error
    later = with_serial(state.soa, increment(highest))

    async def plan(reader: Reader, _tip: CommitBase) -> PlannedChange:
        deltas = await diff.diff_stored_trees(reader, None, state.tree, position.zone)
        planned = change_plan.plan_deltas(deltas)
        changes = {**planned.changes, (position.zone, rrtypes.SOA): later}
        return PlannedChange(changes, planned.added, parents=(target,))

    recreating = msgspec.structs.replace(intent, on_conflict=OnConflict.FAIL)
    return await commit_loop.commit(repo, position, plan, recreating, reader)
