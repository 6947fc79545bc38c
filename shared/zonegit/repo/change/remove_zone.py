"""Remove a zone as one operation: delete its branches, tags and serving settings one by one, then
the zone.

Theory of operation. The bus decides ref by ref who may move it. Therefore each branch and tag is
deleted by ``refs.move``, and the ref store removes only zones without refs. This is not a single
transaction, so:

- All permissions are tested before anything moves. A request to remove the zone while it has
  branches is refused by the store, or denied by the bus. A request to move a ref from a state that
  it is not in fails, or is denied by the bus. If the bus denies one, nothing has changed.
- ``main`` is deleted last, so a removal that is interrupted does not stop resolvers from serving
  the zone.
- All moves share one operation, which ``undo`` takes back as a whole. The operator's next attempt
  finds an interrupted removal in the log and continues it with the same id, unless something was
  created in the zone since. Then there are two operations.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from zonegit.errors import Conflict, Denied, Unsafe, ZonegitError
from zonegit.objects.ids import ObjectId
from zonegit.repo import read_zones
from zonegit.repo.inspect import operations
from zonegit.repo.repo import Repo, make_operation_id
from zonegit.safety import moves
from zonegit.store import ref_names
from zonegit.store.ref_log import Moved, OperationSummary, Origin
from zonegit.store.ref_names import DEFAULT_BRANCH, RefName
from zonegit.store.refs import Absent, Exactly, RefTip, ZoneRefs
from zonegit.zone.names import Name

COMMAND: Final = "zone remove"
DELETE_CONCURRENCY: Final = 16
MAX_SEARCHED: Final = 5
"""The operator's latest operations that are searched for an interrupted removal."""


class RemovedZone(msgspec.Struct, frozen=True):
    """The result of a removal.

    Attributes:
        removed: the values of the branches, tags and serving settings.
        moves: the move that deleted each branch, by its name, without those of an earlier attempt.
    """

    operation: str
    removed: Mapping[RefName, ObjectId]
    moves: Mapping[str, Moved]


async def remove_zone(
    repo: Repo, refs: ZoneRefs, *, force: bool = False, reason: str | None = None
) -> RemovedZone:
    """Remove a zone with its branches and tags.

    Args:
        repo: the stores.
        refs: the zone, with its branches and tags.
        force: remove it even if it has branches or tags.
        reason: the reason for that; recorded in the reflog.

    Raises:
        Unsafe: it has branches or tags; without ``force`` and a reason. Or some were created
            meanwhile.
        Denied: the bus does not permit this operator to remove the zone or one of its refs.
        Conflict: a ref moved meanwhile.
        NotFound: the zone is not registered, or was removed meanwhile.
        ZonegitError: the removal was interrupted; the hint says how to continue.
    """
    zone, tips = refs.zone, list_tips(refs)
    moves.check_removal(zone, sorted(refs.heads), sorted(refs.tags), force=force, reason=reason)
    begun = await _find_begun(repo, zone, tips)
    operation = begun.operation if begun is not None else None
    # Deletions of single refs need no force. The reason is recorded with each move.
    origin = repo.origin(COMMAND, reason=reason, operation=operation)
    entries = begun.entries if begun is not None else []
    removed = {each.ref: each.old for each in entries if each.old is not None}
    moved: dict[str, Moved] = {}
    if tips and await _test_permissions(repo, zone, tips, origin):
        removed |= {ref: tip.target for ref, tip in tips.items()}
        return RemovedZone(origin.operation, removed, moved)
    try:
        for step in _plan_steps(tips):
            done = await _delete(repo, step, tips, origin)
            removed |= {ref: tips[ref].target for ref in done}
            moved |= {ref.short: each for ref, each in done.items() if ref.space == "heads"}
        await repo.refs.unregister(zone, origin)
    except _Interrupted as stopped:
        removed |= {ref: tips[ref].target for ref in stopped.done}
        raise _partial_error(stopped.error, removed, origin.operation) from stopped.error
    except ZonegitError as error:
        raise _partial_error(error, removed, origin.operation) from error
    return RemovedZone(origin.operation, removed, moved)


class _Interrupted(Exception):
    """Some refs of a step were not deleted."""

    def __init__(self, error: ZonegitError, done: Sequence[RefName]) -> None:
        self.error = error
        self.done = done


def list_tips(refs: ZoneRefs) -> dict[RefName, RefTip]:
    """Return the refs that the removal of a zone deletes: branches, tags and serving settings."""
    heads = {ref_names.branch(refs.zone, name): tip for name, tip in refs.heads.items()}
    tags = {ref_names.tag(refs.zone, name): tip for name, tip in refs.tags.items()}
    serving = {ref_names.serving(refs.zone): refs.serving} if refs.serving is not None else {}
    return heads | tags | serving


async def _find_begun(
    repo: Repo, zone: Name, tips: Mapping[RefName, RefTip]
) -> OperationSummary | None:
    """Return the removal of this zone that this operator began and did not complete.

    The result is None without such a removal, or if something was created in the zone since.
    """
    try:
        latest = await operations.list_latest(repo, MAX_SEARCHED, zone=zone, actor=repo.actor)
        added = await repo.refs.reflog(ref_names.marker(zone), 1)
    except Denied:
        return None
    for each in latest:
        if all(entry.ref.space == "head" for entry in each.entries):
            continue
        first = each.entries[0]
        since = [entry.sequence for entry in added] + [tip.sequence for tip in tips.values()]
        is_begun = first.command == COMMAND and first.undoes is None
        return each if is_begun and max(since) < first.sequence else None
    return None


async def _test_permissions(
    repo: Repo, zone: Name, tips: Mapping[RefName, RefTip], origin: Origin
) -> bool:
    """Test all permissions, with requests that change nothing while ``tips`` exist.

    Returns:
        True if the zone was removed: others deleted its refs meanwhile, or the ref store is of the
        previous release, which deletes tags with their zone.

    Raises:
        Denied: the bus denies one of the requests.
    """
    try:
        await repo.refs.unregister(zone, origin)
    except Unsafe:
        trial = msgspec.structs.replace(origin, operation=make_operation_id())
    else:
        return True

    async def attempt(ref: RefName) -> None:
        with suppress(Conflict):
            await repo.refs.move(ref, Absent(), None, trial)

    await read_zones.run_concurrently(attempt, list(tips))
    return False


def _plan_steps(tips: Mapping[RefName, RefTip]) -> list[list[RefName]]:
    """Return the refs in steps. Those of one step are deleted concurrently. ``main`` is last."""
    is_main = [ref for ref in tips if ref.space == "heads" and ref.short == DEFAULT_BRANCH]
    rest = sorted(tips.keys() - set(is_main))
    steps = [
        rest[start : start + DELETE_CONCURRENCY]
        for start in range(0, len(rest), DELETE_CONCURRENCY)
    ]
    return [*steps, is_main] if is_main else steps


async def _delete(
    repo: Repo, step: Sequence[RefName], tips: Mapping[RefName, RefTip], origin: Origin
) -> dict[RefName, Moved]:
    """Delete refs concurrently, and wait for all of them."""
    results = await asyncio.gather(
        *(repo.refs.move(ref, Exactly(tips[ref].target), None, origin) for ref in step),
        return_exceptions=True,
    )
    done = {ref: each for ref, each in zip(step, results, strict=True) if isinstance(each, Moved)}
    for each in results:
        if isinstance(each, ZonegitError):
            raise _Interrupted(each, list(done))
        if isinstance(each, BaseException):
            raise each
    return done


def _partial_error(
    error: ZonegitError, removed: Mapping[RefName, ObjectId], operation: str
) -> ZonegitError:
    """Return the error of a removal that was interrupted."""
    if not removed:
        return error
    return type(error)(
        f"{error.message}; removed so far: {operations.format_refs(sorted(removed))}",
        hint="run the same command again to remove the rest;"
        f" zonegit undo {operations.shorten_id(operation)} restores what was removed",
        **{**error.details, "operation": operation},
    )
