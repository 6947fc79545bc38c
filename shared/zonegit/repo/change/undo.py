"""Undo an operation: move each of its refs back, as one new operation, which can be undone itself.

Nothing moves before everything was checked. Then zones are restored before their branches, branches
that are served again before those that are removed, and a zone is removed when nothing is left in
it.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Conflict, Denied, NotFound, Unsafe, ZonegitError
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import subject
from zonegit.repo import many_zones, read_zone
from zonegit.repo.change import branches, reset
from zonegit.repo.commit import change_plan, commit_loop, diff, drafts, dry_runs
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Outcome, Preview, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.operations import Operation, RefChange
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.expected import Absent, Exactly
from zonegit.store.protocols import Moved, Origin, ZoneRefs
from zonegit.store.reader import Reader
from zonegit.store.ref_names import DEFAULT_BRANCH, RefName
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import with_serial
from zonegit.zone.serial import following

RESTORE_CONCURRENCY: Final = 16
"""Refs that are restored at the same time."""


REDO: Final = "redo"
"""The first word of the command if an intent redoes an undone operation."""

_UNDO: Final = re.compile(r'undo (".*")')
"""The subject of a commit that an undo made."""

Progress = Callable[[int, int], None]
"""Called with the number of refs restored so far, and their total."""


class RestoredRef(msgspec.Struct, frozen=True):
    """A ref that was restored.

    Attributes:
        turned: the change that was undone.
        moved: the move; None for a dry run, and if the ref did not have to move.
        commit: the commit that a branch is at now.
        outcome: the outcome for a branch whose records were restored.
        judgement: the answer to a dry run.
    """

    turned: RefChange
    moved: Moved | None = None
    commit: CommitId | None = None
    outcome: Committed | Preview | Unchanged | None = None
    judgement: Judgement | None = None


class UndoneOperation(msgspec.Struct, frozen=True):
    """The result of an undo.

    Attributes:
        undone: the operation that was undone.
        operation: the id of the undo.
        back: the refs that were restored.
        skipped: the HEADs of other operators, which are not restored.
    """

    undone: Operation
    operation: str
    back: list[RestoredRef]
    skipped: list[RefName]


class _StateBefore(msgspec.Struct, frozen=True):
    """The state before anything moves.

    Attributes:
        zones: the refs of the registered zones whose branches are restored.
        registers: the zones that will be registered first.
        symrefs: the branches that HEADs were on.
    """

    zones: Mapping[Name, ZoneRefs]
    registers: frozenset[Name]
    symrefs: Mapping[ObjectId, RefName]


async def undo(
    repo: Repo, done: Operation, meant: Intent, progress: Progress = lambda done, of: None
) -> UndoneOperation:
    """Undo an operation.

    If this operator began to undo the operation and did not complete it, the undo continues with
    the same id.

    Args:
        repo: the stores.
        done: the operation to undo.
        meant: the purpose of the undo. ``operation`` is the id of the undo. The message is not
            used: the commits of an undo have their own.
        progress: called after each step.

    Raises:
        Conflict: one of its refs was moved since, or is moved concurrently; names the moves.
        Unsafe: it would remove a branch that is served or checked out, a signed zone would get a
            commit, or the ref store requires force; without ``force``.
        Denied: it moved only other operators' HEADs, or the bus does not permit it.
        ZonegitError: it was interrupted; names the refs that were restored and those that were not.
    """
    operation = done.begun_by(repo.actor) or meant.operation
    assert operation is not None
    meant = msgspec.structs.replace(meant, operation=operation, undoes=done.operation)
    mine, skipped = _split_by_owner(repo, await operations.find_current_changes(repo, done))
    world = await _read_state(repo, mine)
    await _check(repo, mine, world, force=meant.force)
    back: list[RestoredRef] = []
    for step in _iter_steps(mine):
        results = await asyncio.gather(
            *(_restore(repo, each, world, meant) for each in step), return_exceptions=True
        )
        back += [each for each in results if isinstance(each, RestoredRef)]
        failures = [each for each in results if isinstance(each, BaseException)]
        if failures and meant.dry_run:
            raise failures[0]
        if failures:
            raise _partial_error(failures[0], back, mine, operation)
        progress(len(back), len(mine))
    return UndoneOperation(done, operation, back, skipped)


def _split_by_owner(
    repo: Repo, turned: Iterable[RefChange]
) -> tuple[list[RefChange], list[RefName]]:
    """Return the changes that this operator may undo, in the order to do it, and other
    operators' HEADs."""
    every = list(turned)
    theirs = [each.ref for each in every if _is_others(repo, each.ref)]
    if theirs and len(theirs) == len(every):
        raise Denied(
            f"{operations.format_ref(theirs[0])} belongs to another operator",
            hint="only that operator can move it: zonegit checkout",
        )
    mine = [each for each in every if not _is_others(repo, each.ref)]
    return sorted(mine, key=_choose_phase), theirs


def _is_others(repo: Repo, ref: RefName) -> bool:
    return ref.space == "head" and ref.short not in ("", repo.actor)


def _choose_phase(turned: RefChange) -> int:
    match turned.ref.space, turned.kind:
        case "zone", "removed":
            return 0
        case "head", _:
            # Moving HEAD also records its branch for the zone, so that is restored after it.
            return 2 if turned.ref.zone is None else 3
        case "zone", _:
            return 5
        case _:
            return 1 if turned.found is not None else 4


def _iter_steps(mine: Sequence[RefChange]) -> Iterable[Sequence[RefChange]]:
    """Yield the changes in steps. Those of one step may be undone concurrently."""
    for phase in range(6):
        todo = [each for each in mine if _choose_phase(each) == phase]
        for start in range(0, len(todo), RESTORE_CONCURRENCY):
            yield todo[start : start + RESTORE_CONCURRENCY]


async def _read_state(repo: Repo, mine: Sequence[RefChange]) -> _StateBefore:
    symrefs = await operations.resolve_symrefs(
        repo, {each.found for each in mine if each.ref.space == "head" and each.found}
    )
    back = [each.ref for each in mine if each.ref.space == "heads" and each.found is not None]
    zones = {ref.zone for ref in back if ref.zone is not None}
    registers = frozenset(
        each.ref.zone for each in mine if each.kind == "removed" and each.ref.zone is not None
    )
    return _StateBefore(await many_zones.read_refs(repo, zones), registers, symrefs)


async def _check(
    repo: Repo, mine: Sequence[RefChange], world: _StateBefore, *, force: bool
) -> None:
    """Raise the errors of :func:`undo` that can be found before anything moves."""
    if force:
        return
    moves_head = any(each.ref == ref_names.own_head(repo.actor) for each in mine)
    for each in mine:
        if each.ref.space == "heads" and each.found is None:
            assert each.ref.zone is not None
            if each.ref.short == DEFAULT_BRANCH or not moves_head:
                await branches.check_deletable(repo, each.ref.zone, each.ref.short)


async def _restore(
    repo: Repo, turned: RefChange, world: _StateBefore, meant: Intent
) -> RestoredRef:
    ref, found, now = turned.ref, turned.found, turned.now
    registers = ref.zone in world.registers
    meant = msgspec.structs.replace(meant, registers=registers)
    origin = meant.origin(repo)
    match ref.space:
        case "zone" if meant.dry_run and ref.zone is not None:
            return RestoredRef(turned, judgement=await dry_runs.judge_zone(repo, ref.zone))
        case "head" if meant.dry_run:
            return RestoredRef(turned)  # HEADs were checked before
        case "zone":
            return RestoredRef(turned, await _restore_zone(repo, turned, origin))
        case "head":
            return RestoredRef(turned, await _restore_head(repo, turned, world, origin))
        case "heads" if found is not None:
            assert ref.zone is not None
            return await _restore_branch(
                repo, turned, CommitId(found), world.zones.get(ref.zone), meant
            )
        case _:
            expected = Exactly(now) if now is not None else Absent()
            if meant.dry_run:
                judgement = await dry_runs.judge(
                    repo, ref, expected, found, origin, registers=registers
                )
                return RestoredRef(turned, judgement=judgement)
            return RestoredRef(turned, await repo.refs.move(ref, expected, found, origin))


async def _restore_zone(repo: Repo, turned: RefChange, origin: Origin) -> Moved:
    assert turned.ref.zone is not None
    if turned.kind == "removed":
        return await repo.refs.register(turned.ref.zone, origin)
    # With force, this would also remove what was created there meanwhile.
    unforced = msgspec.structs.replace(origin, force=False)
    return await repo.refs.unregister(turned.ref.zone, unforced)


async def _restore_head(
    repo: Repo, turned: RefChange, world: _StateBefore, origin: Origin
) -> Moved:
    branch = world.symrefs[turned.found] if turned.found is not None else None
    if branch is not None:
        try:
            moved = await repo.refs.point(turned.ref, branch, origin)
            if turned.ref == ref_names.own_head(repo.actor) and branch.zone is not None:
                repo.memory.note_moved(branch.zone, branch.short)
            return moved
        except NotFound:
            head, stood = operations.format_ref(turned.ref), operations.format_ref(branch)
            repo.note(f"{head} was on {stood}, and that zone was removed: it is unset now")
    removed = await repo.refs.unpoint(turned.ref, origin)
    if turned.ref.zone is None:
        repo.memory.note_removed()
    return removed


async def _restore_branch(
    repo: Repo, turned: RefChange, target: CommitId, refs: ZoneRefs | None, meant: Intent
) -> RestoredRef:
    """Restore the records of ``target``, with a serial later than all that were served."""
    assert turned.ref.zone is not None
    tip = refs.heads.get(turned.ref.short) if refs is not None else None
    position = BranchPosition(turned.ref.zone, turned.ref.short, tip)
    if (tip.target if tip is not None else None) != turned.now:
        raise Conflict(
            f"{operations.format_ref(turned.ref)} was moved concurrently",
            hint="zonegit reflog shows by whom",
            tip=tip.target.hex() if tip is not None else "",
        )
    reader = Reader(repo.objects)
    meant = msgspec.structs.replace(meant, message=await _compose_message(reader, turned, meant))
    done = await _reset(repo, reader, position, target, meant)
    assert not isinstance(done, Conflicted)  # it merges nothing
    match done:
        case Committed():
            return RestoredRef(turned, done.moved, done.commit, done)
        case Unchanged():
            return RestoredRef(turned, commit=target, outcome=done)
        case Preview():
            return RestoredRef(turned, outcome=done, judgement=done.judgement)


async def _reset(
    repo: Repo, reader: Reader, position: BranchPosition, target: CommitId, meant: Intent
) -> Outcome:
    """Reset a branch to the records of ``target``. A deleted branch that had later serials gets the
    next one."""
    try:
        done = await reset.reset(repo, position, target, meant, exact=False, reader=reader)
    except Unsafe as error:
        highest = _highest_serial(position, error)
        if highest is None:
            raise
        return await _recreate(repo, reader, position, target, highest, meant, error)
    refusal = done.judgement.refusal if isinstance(done, Preview) else None
    if isinstance(refusal, Unsafe) and (highest := _highest_serial(position, refusal)) is not None:
        return await _recreate(repo, reader, position, target, highest, meant, refusal)
    return done


def _highest_serial(position: BranchPosition, refusal: Unsafe) -> int | None:
    """Return the highest serial that a deleted branch had, if the branch cannot be created again
    because of it; else None."""
    highest = refusal.details.get("highest")
    return int(highest) if position.tip is None and highest is not None else None


async def _compose_message(reader: Reader, turned: RefChange, meant: Intent) -> str:
    """Return the message of the commit that restores a branch. Both commits are read together."""
    await reader.get([each for each in (turned.found, turned.left) if each is not None])
    if turned.left is None:
        return f"bring back {turned.ref.short}"
    said = subject(await read_zone.read_commit(reader, CommitId(turned.left)))
    if meant.command.startswith(REDO) and (undo := _UNDO.fullmatch(said)):
        return f"{REDO} {undo[1]}\n\nThis takes back {turned.left.hex()}."
    return f'undo "{said}"\n\nThis takes back {turned.left.hex()}.'


async def _recreate(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    target: CommitId,
    highest: int,
    meant: Intent,
    error: Unsafe,
) -> Outcome:
    """Create a deleted branch again that had later serials than its last commit.

    Raises:
        Unsafe: ``error``, if the zone is signed, because its serial cannot be changed.
    """
    state = await drafts.read_state(reader, target, position.zone)
    if state.soa is None or drafts.is_soa_signed(state.rrsig):
        raise error
    later = with_serial(state.soa, following(highest))

    async def plan(reader: Reader, _tip: CommitBase) -> PlannedChange:
        deltas = await diff.diff_stored_trees(reader, None, state.tree, position.zone)
        every = change_plan.plan_deltas(deltas)
        changes = {**every.changes, (position.zone, rrtypes.SOA): later}
        return PlannedChange(changes, every.added, parents=(target,))

    again = msgspec.structs.replace(meant, on_conflict=OnConflict.FAIL)
    return await commit_loop.commit(repo, position, plan, again, reader)


def _partial_error(
    error: BaseException, back: Sequence[RestoredRef], mine: Sequence[RefChange], operation: str
) -> BaseException:
    """Return the error of an undo that was interrupted."""
    if not back or not isinstance(error, ZonegitError):
        return error
    restored = [each.turned.ref for each in back]
    rest = [each.ref for each in mine if each.ref not in restored]
    return type(error)(
        f"{error.message}; restored: {operations.format_refs(restored)};"
        f" not restored: {operations.format_refs(rest)}",
        hint="repeat the command to complete it;"
        f" zonegit undo {operations.short_id(operation)} undoes what was done",
        **{**error.details, "operation": operation},
    )
