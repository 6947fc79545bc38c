"""Taking an operation back: each ref it moved goes back to where it found it, as one new operation,
which can be taken back itself.

Nothing moves before all of it was looked at. Then zones come back before their branches, what is
served before what is not served any more, and a zone goes when nothing is left of it.
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
from zonegit.repo.change import branches, revert
from zonegit.repo.commit import change_plan, commit_loop, diff, drafts, dry_runs
from zonegit.repo.commit.commit_loop import (
    Committed,
    Intent,
    OnConflict,
    Outcome,
    Preview,
    Unchanged,
)
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.operations import Operation, RefChange
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
"""Refs that go back at the same time."""

MAX_NAMED: Final = 10
"""Refs that the error of an undo which stopped halfway names, of each kind."""

REDO: Final = "redo"
"""What the command of an intent begins with that takes an undo back."""

_UNDO: Final = re.compile(r'undo (".*")')
"""The subject of a commit that an undo made."""

Progress = Callable[[int, int], None]
"""Hears how many refs have gone back, of how many."""


class RestoredRef(msgspec.Struct, frozen=True):
    """A ref that went back. ``moved`` None: it was only looked at, or stood there already;
    ``commit`` what a branch holds now; ``outcome`` what became of one that got records back;
    ``judgement`` the answer that a dry run got about it."""

    turned: RefChange
    moved: Moved | None = None
    commit: CommitId | None = None
    outcome: Committed | Preview | Unchanged | None = None
    judgement: Judgement | None = None


class UndoneOperation(msgspec.Struct, frozen=True):
    """What came of it. ``operation`` is the new one; ``skipped`` are other operators' own HEADs,
    which are theirs to move."""

    undone: Operation
    operation: str
    back: list[RestoredRef]
    skipped: list[RefName]


class _StateBefore(msgspec.Struct, frozen=True):
    """What there is before anything moves: the refs of the registered ones of the zones whose
    branches go back, the zones that will be registered first, and what HEADs stood for."""

    zones: Mapping[Name, ZoneRefs]
    registers: frozenset[Name]
    symrefs: Mapping[ObjectId, RefName]


async def undo(
    repo: Repo, done: Operation, meant: Intent, progress: Progress = lambda done, of: None
) -> UndoneOperation:
    """Take an operation back, under the id ``meant.operation``, or where this operator began that
    and did not complete it, under the id that it was begun with. Nothing is moved when that is a
    dry run. Commits that it takes have messages of their own.

    Raises:
        Conflict: one of its refs was moved since; names the moves. Or one is moved at this moment.
        Unsafe: it would take away what is served or stood on, a signed zone would get a commit, or
            the ref store asks for it to be forced; and it is not.
        Denied: all it moved are other operators' HEADs, or the broker does not allow it.
        ZonegitError: it stopped halfway; says what stands and what does not.
    """
    operation = done.begun_by(repo.actor) or meant.operation
    assert operation is not None
    meant = msgspec.structs.replace(meant, operation=operation, undoes=done.operation)
    mine, skipped = _split_by_owner(repo, await operations.find_current_changes(repo, done))
    world = await _read_state(repo, mine)
    await _check(repo, mine, world, force=meant.force)
    back: list[RestoredRef] = []
    for step in _steps(mine):
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
    """What may go back, in the order to do it, and other operators' own HEADs."""
    every = list(turned)
    theirs = [each.ref for each in every if _is_others(repo, each.ref)]
    if theirs and len(theirs) == len(every):
        raise Denied(
            f"{operations.format_ref(theirs[0])} is not yours to move",
            hint="an operator's HEAD is moved by that operator alone: zonegit checkout",
        )
    mine = [each for each in every if not _is_others(repo, each.ref)]
    return sorted(mine, key=_phase), theirs


def _is_others(repo: Repo, ref: RefName) -> bool:
    return ref.space == "head" and ref.short not in ("", repo.actor)


def _phase(turned: RefChange) -> int:
    match turned.ref.space, turned.kind:
        case "zone", "removed":
            return 0
        case "head", _:
            # The HEAD itself remembers its branch for the zone, so that comes after it.
            return 2 if turned.ref.zone is None else 3
        case "zone", _:
            return 5
        case _:
            return 1 if turned.found is not None else 4


def _steps(mine: Sequence[RefChange]) -> Iterable[Sequence[RefChange]]:
    """What may be done at the same time, one after the other."""
    for phase in range(6):
        todo = [each for each in mine if _phase(each) == phase]
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
    """Raises what :func:`undo` does of what can be known before."""
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
            return RestoredRef(turned)  # whatever could be in the way of these was looked at before
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
    # Forced, this would take along what somebody has just made there.
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
            repo.note(f"{head} stood for {stood}, and that zone was removed: it stands for nothing")
    removed = await repo.refs.unpoint(turned.ref, origin)
    if turned.ref.zone is None:
        repo.memory.note_removed()
    return removed


async def _restore_branch(
    repo: Repo, turned: RefChange, target: CommitId, refs: ZoneRefs | None, meant: Intent
) -> RestoredRef:
    """The records of ``target``, under a serial that secondaries follow."""
    assert turned.ref.zone is not None
    tip = refs.heads.get(turned.ref.short) if refs is not None else None
    position = BranchPosition(turned.ref.zone, turned.ref.short, tip)
    if (tip.target if tip is not None else None) != turned.now:
        raise Conflict(
            f"{operations.format_ref(turned.ref)} was moved at this moment",
            hint="zonegit reflog tells by whom",
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
    """Give a branch the records of ``target``, under the next serial where one that was deleted had
    a later one than that."""
    try:
        done = await revert.reset(repo, position, target, meant, exact=False, reader=reader)
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
    """Return the highest serial that a deleted branch had, if it is why making it is refused."""
    highest = refusal.details.get("highest")
    return int(highest) if position.tip is None and highest is not None else None


async def _compose_message(reader: Reader, turned: RefChange, meant: Intent) -> str:
    """What the commit says that takes a branch back. What is found and left is read at once."""
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
    """Makes a branch again that had later serials than its last commit.

    Raises:
        Unsafe: that is ``error``, for the zone is signed: its serial is whatever was signed.
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
    """What is said of an undo that could not go on."""
    if not back or not isinstance(error, ZonegitError):
        return error
    stands = [each.turned.ref for each in back]
    rest = [each.ref for each in mine if each.ref not in stands]
    return type(error)(
        f"{error.message}; back are {_format_refs(stands)}; not back are {_format_refs(rest)}",
        hint=f"the same command completes it; zonegit undo {operations.short_id(operation)} takes"
        " back what was done of it",
        **{**error.details, "operation": operation},
    )


def _format_refs(refs: Sequence[RefName]) -> str:
    shown = ", ".join(operations.format_ref(ref) for ref in refs[:MAX_NAMED])
    return f"{shown} and {len(refs) - MAX_NAMED} more" if len(refs) > MAX_NAMED else shown
