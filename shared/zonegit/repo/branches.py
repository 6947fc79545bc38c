"""Branches and tags as pointers: create, delete, stand on one."""

from zonegit.errors import Conflict, NotFound, Unsafe
from zonegit.objects.ids import CommitId
from zonegit.repo import workspace
from zonegit.repo.workspace import Repo
from zonegit.store import refnames
from zonegit.store.expected import Absent, Exactly
from zonegit.store.protocols import Moved
from zonegit.zone import names
from zonegit.zone.names import Name


async def create(repo: Repo, zone: Name, branch: str, commit: CommitId) -> Moved:
    """Raises:
    Conflict: the branch exists.
    Invalid: not a branch name.
    """
    origin = repo.origin("branch")
    try:
        return await repo.refs.move(refnames.branch(zone, branch), Absent(), commit, origin)
    except Conflict as error:
        raise Conflict(
            f"{names.text(zone)} has a branch {branch!r} already",
            hint="zonegit checkout goes to it; zonegit branch -d deletes it",
            **error.details,
        ) from error


async def delete(repo: Repo, zone: Name, branch: str, *, force: bool = False) -> Moved:
    """Raises:
    NotFound: there is no such branch.
    Unsafe: the operator stands on it, or the zone is served from it, and it is not forced.
    Conflict: it moved meanwhile.
    """
    refs = await repo.refs.zone(zone, repo.actor)
    if branch not in refs.heads:
        raise workspace.unknown_branch(refs, branch)
    if not force:
        await _refuse_harm(repo, zone, branch)
    expected = Exactly(refs.heads[branch].target)
    origin = repo.origin("branch")
    return await repo.refs.move(refnames.branch(zone, branch), expected, None, origin)


async def _refuse_harm(repo: Repo, zone: Name, branch: str) -> None:
    if branch == refnames.DEFAULT_BRANCH:
        raise Unsafe(
            f"{names.text(zone)} is served from {branch}: without it, nobody answers for the zone",
            hint="--force deletes it all the same",
        )
    where = await repo.refs.where(repo.actor)
    head = where.own or where.default
    if head is not None and (head.zone, head.branch) == (zone, branch):
        raise Unsafe(
            f"you stand on {branch} of {names.text(zone)}",
            hint="stand elsewhere first (zonegit checkout); --force deletes it all the same",
        )


async def checkout(repo: Repo, zone: Name, branch: str) -> Moved:
    """Stands on a branch: it becomes the operator's own HEAD.

    Raises:
        NotFound: there is no such branch.
    """
    refs = await repo.refs.zone(zone, repo.actor)
    if branch not in refs.heads and (refs.heads or branch != refnames.DEFAULT_BRANCH):
        raise workspace.unknown_branch(refs, branch)
    return await workspace.point(repo, zone, branch, default=False, reason="checkout")


async def switch(repo: Repo, zone: Name, *, default: bool) -> str:
    """Stands in another zone, on its usual branch, which is returned; ``default`` moves the HEAD
    of everybody without one of their own, too.

    Raises:
        NotFound: the zone is not registered, or has several branches and none that is usual.
    """
    try:
        refs = await repo.refs.zone(zone, repo.actor)
    except NotFound as error:
        raise NotFound(error.message, hint="zonegit zone list shows all zones") from error
    branch = workspace.usual_branch(refs)
    if default:
        await workspace.point(repo, zone, branch, default=True, reason="zone switch")
    await workspace.point(repo, zone, branch, default=False, reason="zone switch")
    return branch
