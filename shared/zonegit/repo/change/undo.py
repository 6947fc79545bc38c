"""Undo an operation: restore its refs, as one new operation, which can be undone itself.

All checks are made before the first ref moves. The order is: zones before their branches, branches
that exist again before those that are removed, and last the zones that are removed.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from zonegit.errors import Denied, ZonegitError
from zonegit.repo.change import branches, restore_refs
from zonegit.repo.change.restore_refs import RestoredRef
from zonegit.repo.commit.intent import Intent
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.operations import Operation, RefChange
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_names import DEFAULT_BRANCH, RefName

RESTORE_CONCURRENCY: Final = 16
"""Refs that are restored concurrently."""

Progress = Callable[[int, int], None]
"""Called with the number of refs restored so far, and their total."""


class UndoneOperation(msgspec.Struct, frozen=True):
    """The result of an undo.

    Attributes:
        undone: the operation that was undone.
        operation: the id of the undo.
        restored: the refs that were restored.
        skipped: the HEADs of other operators, which are not restored.
    """

    undone: Operation
    operation: str
    restored: list[RestoredRef]
    skipped: list[RefName]


async def undo(
    repo: Repo, operation: Operation, intent: Intent, progress: Progress = lambda done, of: None
) -> UndoneOperation:
    """Undo an operation.

    If this operator began to undo the operation and did not complete it, the undo continues with
    the same id.

    Args:
        repo: the stores.
        operation: the operation to undo.
        intent: the purpose of the undo. ``operation`` is the id of the undo. The message is not
            used: the commits of an undo have their own.
        progress: called after each step.

    Raises:
        Conflict: one of its refs was moved since, or is moved concurrently; names the moves.
        Unsafe: it would remove a branch that is served or checked out, a signed zone would get a
            commit, or the ref store requires force; without ``force``.
        Denied: it moved only other operators' HEADs, or the bus does not permit it.
        ZonegitError: it was interrupted; names the refs that were restored and those that were not.
    """
    undo_id = operation.find_undo_by(repo.actor) or intent.operation
    assert undo_id is not None
    intent = msgspec.structs.replace(intent, operation=undo_id, undoes=operation.operation)
    current = await operations.find_current_changes(repo, operation)
    changes, skipped = _split_by_owner(repo, current)
    state = await restore_refs.read_state(repo, changes)
    if not intent.force:
        await _check(repo, changes)
    restored: list[RestoredRef] = []
    for step in _iter_steps(changes):
        results = await asyncio.gather(
            *(restore_refs.restore(repo, each, state, intent) for each in step),
            return_exceptions=True,
        )
        restored += [each for each in results if isinstance(each, RestoredRef)]
        failures = [each for each in results if isinstance(each, BaseException)]
        if failures and intent.dry_run:
            raise failures[0]
        if failures:
            raise _partial_error(failures[0], restored, changes, undo_id)
        progress(len(restored), len(changes))
    return UndoneOperation(operation, undo_id, restored, skipped)


def _split_by_owner(
    repo: Repo, changes: Sequence[RefChange]
) -> tuple[list[RefChange], list[RefName]]:
    """Return the changes that this operator may undo, in the order to do it, and other
    operators' HEADs."""
    theirs = [each.ref for each in changes if _is_others(repo, each.ref)]
    if theirs and len(theirs) == len(changes):
        raise Denied(
            f"{operations.format_ref(theirs[0])} belongs to another operator",
            hint="only that operator can move it: zonegit checkout",
        )
    mine = [each for each in changes if not _is_others(repo, each.ref)]
    return sorted(mine, key=_choose_phase), theirs


def _is_others(repo: Repo, ref: RefName) -> bool:
    return ref.space == "head" and ref.short not in ("", repo.actor)


def _choose_phase(change: RefChange) -> int:
    match change.ref.space, change.kind:
        case "zone", "removed":
            return 0
        case "head", _:
            # Moving HEAD also records its branch for the zone, so that is restored after it.
            return 2 if change.ref.zone is None else 3
        case "zone", _:
            return 5
        case _:
            return 1 if change.before is not None else 4


def _iter_steps(changes: Sequence[RefChange]) -> Iterable[Sequence[RefChange]]:
    """Yield the changes in steps. Those of one step may be undone concurrently."""
    for phase in range(6):
        of_phase = [each for each in changes if _choose_phase(each) == phase]
        for start in range(0, len(of_phase), RESTORE_CONCURRENCY):
            yield of_phase[start : start + RESTORE_CONCURRENCY]


async def _check(repo: Repo, changes: Sequence[RefChange]) -> None:
    """Check that branches may be removed, before anything moves."""
    moves_head = any(each.ref == ref_names.own_head(repo.actor) for each in changes)
    for each in changes:
        if each.ref.space == "heads" and each.before is None:
            assert each.ref.zone is not None
            if each.ref.short == DEFAULT_BRANCH or not moves_head:
                await branches.check_deletable(repo, each.ref.zone, each.ref.short)


def _partial_error(
    error: BaseException,
    restored: Sequence[RestoredRef],
    changes: Sequence[RefChange],
    undo_id: str,
) -> BaseException:
    """Return the error of an undo that was interrupted."""
    if not restored or not isinstance(error, ZonegitError):
        return error
    refs = [each.change.ref for each in restored]
    rest = [each.ref for each in changes if each.ref not in refs]
    return type(error)(
        f"{error.message}; restored: {operations.format_refs(refs)};"
        f" not restored: {operations.format_refs(rest)}",
        hint="repeat the command to complete it;"
        f" zonegit undo {operations.shorten_id(undo_id)} undoes what was done",
        **{**error.details, "operation": undo_id},
    )
