"""Create, rename, delete and check out branches, and read their reflogs."""

from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound, Unsafe
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone
from zonegit.repo.change import new_names
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.ref_log import LogEntry, Moved, Origin
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent, Exactly
from zonegit.zone import names
from zonegit.zone.names import Name

REFLOG_BATCH: Final = 1_000
"""Rows of a reflog that are read at a time."""


class ReflogEntry(msgspec.Struct, frozen=True):
    """A move of a branch. ``subject`` is the first line of the new tip's message, None if the
    branch was deleted."""

    move: LogEntry
    subject: str | None


async def create(
    repo: Repo, zone: Name, branch: str, commit: CommitId, origin: Origin | None = None
) -> Moved:
    """Create a branch at a commit.

    Args:
        repo: the stores.
        zone: the zone.
        branch: the name of the new branch.
        commit: the commit.
        origin: the origin of the operation that this is part of; None starts a new one.

    Raises:
        Conflict: the branch exists.
        Unsafe: an earlier branch of that name had a later serial; without force.
        Invalid: the name is not valid for a new branch.
    """
    origin = origin or repo.origin("branch")
    ref = ref_names.branch(zone, branch)
    await new_names.require_usable(repo, ref)
    try:
        return await repo.refs.move(ref, Absent(), commit, origin)
    except Conflict as error:
        raise _exists_error(zone, branch, **error.details) from error


async def delete(
    repo: Repo, zone: Name, branch: str, *, force: bool = False, reason: str | None = None
) -> Moved:
    """Delete a branch.

    Args:
        repo: the stores.
        zone: the zone.
        branch: the branch.
        force: delete it even if it is checked out or served.
        reason: the operator's reason; recorded in the reflog.

    Raises:
        NotFound: there is no such branch.
        Unsafe: it is checked out, or the zone is served from it; without ``force``.
        Conflict: it moved meanwhile.
    """
    refs = await repo.refs.zone(zone, repo.actor)
    if branch not in refs.heads:
        raise heads.unknown_branch_error(refs, branch)
    if not force:
        await check_deletable(repo, zone, branch)
    expected = Exactly(refs.heads[branch].target)
    origin = repo.origin("branch", force=force, reason=reason)
    return await repo.refs.move(ref_names.branch(zone, branch), expected, None, origin)


async def rename(
    repo: Repo,
    zone: Name,
    old: str,
    new: str,
    *,
    force: bool = False,
    reason: str | None = None,
) -> Moved:
    """Rename a branch. If the operator's HEAD is on it, HEAD follows.

    The new branch is created first and the old one is deleted last, so a rename that was
    interrupted is completed by repeating it.

    Args:
        repo: the stores.
        zone: the zone.
        old: the present name.
        new: the new name.
        force: rename it even if it is served, or the new name had a later serial.
        reason: the operator's reason; recorded in the reflog.

    Returns:
        The move that created the new branch.

    Raises:
        NotFound: there is no such branch.
        Unsafe: the zone is served from it, or the new name had a later serial; without ``force``.
        Conflict: a branch of the new name exists, or one of the two moved meanwhile.
        Invalid: the new name is not valid for a new branch, or is the old one.
    """
    command = f"branch -m {old} {new}"
    renamed = ref_names.branch(zone, new)
    if new == old:
        raise Invalid(f"the branch has the name {new!r} already")
    await new_names.require_usable(repo, renamed)
    refs = await repo.refs.zone(zone, repo.actor)
    before = ref_names.branch(zone, old)
    begun = await _find_begun(repo, before, renamed, command) if new in refs.heads else None
    if old not in refs.heads and begun is None:
        raise heads.unknown_branch_error(refs, old)
    if old == ref_names.DEFAULT_BRANCH and not force:
        raise _served_error(zone, old)
    if new in refs.heads and begun is None:
        raise _exists_error(zone, new, tip=refs.heads[new].target.hex())
    expected = Exactly(refs.heads[new].target) if begun is not None else Absent()
    target = refs.heads[old if old in refs.heads else new].target
    origin = repo.origin(command, force=force, reason=reason)
    if begun is not None and (begun.actor, begun.new) == (repo.actor, target):
        origin = msgspec.structs.replace(origin, operation=begun.operation)
    moved = await repo.refs.move(renamed, expected, target, origin)
    if await heads.find_current_branch(repo, zone) == old:
        await heads.set_head(repo, renamed, origin)
    if old in refs.heads:
        await repo.refs.move(before, Exactly(target), None, origin)
    return moved


async def _find_begun(repo: Repo, old: RefName, renamed: RefName, command: str) -> LogEntry | None:
    """Return the log entry with which this rename began.

    None if there is none, if the new branch has moved since, or if the old one was deleted since
    and is a different branch now.
    """
    last = await repo.refs.reflog(renamed, 1)
    if not last or last[0].command != command:
        return None
    moves = await repo.refs.reflog(old, REFLOG_BATCH)
    since = [each for each in moves if each.sequence > last[0].sequence]
    deleted = any(each.new is None for each in since[1:])
    return None if deleted or len(since) == REFLOG_BATCH else last[0]


async def read_reflog(repo: Repo, zone: Name, branch: str, limit: int) -> list[ReflogEntry]:
    """Return the moves of a branch, the latest first. The branch may have been deleted.

    Args:
        repo: the stores.
        zone: the zone.
        branch: the branch.
        limit: the maximum number of moves.

    Raises:
        NotFound: there never was such a branch.
    """
    moves = await repo.refs.reflog(ref_names.branch(zone, branch), limit)
    if not moves:
        raise heads.unknown_branch_error(await repo.refs.zone(zone, repo.actor), branch)
    tips = list({move.new for move in moves if move.new is not None})
    subjects = await read_zone.read_subjects(Reader(repo.objects), tips)
    return [
        ReflogEntry(move, subjects[move.new] if move.new is not None else None) for move in moves
    ]


async def check_deletable(repo: Repo, zone: Name, branch: str) -> None:
    """Check that a branch may be deleted without ``force``.

    Raises:
        Unsafe: the zone is served from it, or it is checked out.
    """
    if branch == ref_names.DEFAULT_BRANCH:
        raise _served_error(zone, branch)
    if await heads.find_current_branch(repo, zone) == branch:
        raise Unsafe(
            f"branch {branch} of {names.text(zone)} is checked out",
            hint="switch to another branch first (zonegit checkout), or use --force",
        )


def _served_error(zone: Name, branch: str) -> Unsafe:
    return Unsafe(
        f"{names.text(zone)} is served from {branch}: without it, no resolver answers for the zone",
        hint="use --force to do it anyway",
    )


def _exists_error(zone: Name, branch: str, **details: str) -> Conflict:
    return Conflict(
        f"{names.text(zone)} has a branch {branch!r} already",
        hint="zonegit checkout switches to it; zonegit branch -d deletes it",
        **details,
    )


async def checkout(repo: Repo, zone: Name, branch: str, origin: Origin | None = None) -> Moved:
    """Check out a branch: set the operator's own HEAD to it.

    Args:
        repo: the stores.
        zone: the zone.
        branch: the branch.
        origin: the origin of the operation that this is part of; None starts a new one.

    Raises:
        NotFound: there is no such branch.
    """
    refs = await repo.refs.zone(zone, repo.actor)
    if branch not in refs.heads and (refs.heads or branch != ref_names.DEFAULT_BRANCH):
        raise heads.unknown_branch_error(refs, branch)
    origin = origin or repo.origin("checkout")
    return await heads.set_head(repo, ref_names.branch(zone, branch), origin)


async def switch(repo: Repo, zone: Name, *, default: bool) -> str:
    """Check out the branch of another zone that :func:`heads.choose_branch` chooses.

    Args:
        repo: the stores.
        zone: the zone.
        default: also move the default HEAD, which operators without their own HEAD use.

    Returns:
        The branch.

    Raises:
        NotFound: the zone is not registered, or it is unclear which of its branches to use.
    """
    try:
        refs = await repo.refs.zone(zone, repo.actor)
    except NotFound as error:
        raise NotFound(error.message, hint="zonegit zone list shows all zones") from error
    branch = heads.choose_branch(refs)
    target = ref_names.branch(zone, branch)
    origin = repo.origin("zone switch")
    if default:
        await heads.set_head(repo, target, origin, default=True)
    await heads.set_head(repo, target, origin)
    return branch
