"""Find the zone, branch and tip that a command works on.

:func:`find_position` decides for every command. The zone and the branch each come from the first of
these that names one: the option, the settings (``repo.Default``), the operator's own HEAD, the
default HEAD. If HEAD is in another zone, the branch is the one last checked out in this zone, else
``main``, else the only branch. Otherwise it is an error.
"""

import msgspec

from zonegit.errors import NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Symref
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_log import Moved, Origin
from zonegit.store.ref_names import DEFAULT_BRANCH, RefName
from zonegit.store.refs import Absent, Exactly, Expected, Head, RefTip, ZoneRefs
from zonegit.zone import names
from zonegit.zone.names import Name


class BranchPosition(msgspec.Struct, frozen=True):
    """A branch of a zone. ``tip`` is None while it has no commit."""

    zone: Name
    branch: str
    tip: RefTip | None

    @property
    def ref(self) -> RefName:
        """Return the branch as a ref."""
        return ref_names.branch(self.zone, self.branch)

    @property
    def expected(self) -> Expected:
        """Return the state that the branch must be in for a move from this position."""
        return Exactly(self.tip.target) if self.tip is not None else Absent()

    def commit(self) -> CommitId:
        """Return the tip's id.

        Raises:
            NotFound: the branch has no commit.
        """
        if self.tip is None:
            raise NotFound(
                f"branch {self.branch} of {names.text(self.zone)} has no commit yet",
                hint="import a zone (zonegit import FILE), or switch branches (zonegit checkout)",
            )
        return CommitId(self.tip.target)


async def find_position(
    repo: Repo, zone: Name | None = None, branch: str | None = None
) -> BranchPosition:
    """Return the branch that a command works on.

    Args:
        repo: the stores.
        zone: the zone that the command names; None if it names none.
        branch: the branch that the command names; None if it names none.

    Raises:
        NotFound: no HEAD applies, its zone was removed, or the zone or branch does not exist.
    """
    try:
        return await _find_position(repo, zone or repo.default.zone, branch or repo.default.branch)
    except NotFound as error:
        sources = [
            source
            for named, source in (
                (zone, repo.default.zone_source),
                (branch, repo.default.branch_source),
            )
            if named is None and source
        ]
        if not sources:
            raise
        hint = f"set by {' and '.join(sources)}"
        if error.hint:
            hint = f"{hint}; {error.hint}"
        raise NotFound(error.message, hint=hint, **error.details) from error


async def find_zone(repo: Repo, zone: Name | None = None) -> Name:
    """Return the zone that a command works in.

    Args:
        repo: the stores.
        zone: the zone that the command names; None if it names none.

    Raises:
        NotFound: no HEAD applies, or its zone was removed.
    """
    return zone or repo.default.zone or (await _read_head(repo)).zone


async def _find_position(repo: Repo, zone: Name | None, branch: str | None) -> BranchPosition:
    if zone is None:
        head = await _read_head(repo)
        if branch is None or branch == head.branch:
            return BranchPosition(head.zone, head.branch, head.tip)
        zone = head.zone
    refs = await repo.refs.zone(zone, repo.actor)
    chosen = branch if branch is not None else choose_branch(refs)
    tip = refs.heads.get(ref_names.check_name(chosen))
    if tip is None and branch is not None and refs.heads:
        raise unknown_branch_error(refs, branch)
    return BranchPosition(zone, chosen, tip)


def choose_branch(refs: ZoneRefs) -> str:
    """Return the branch to use if only the zone was named.

    Raises:
        NotFound: it has several, none of them ``main`` or checked out before.
    """
    if refs.remembered is not None and refs.remembered in refs.heads:
        return refs.remembered
    if DEFAULT_BRANCH in refs.heads or not refs.heads:
        return DEFAULT_BRANCH
    if len(refs.heads) == 1:
        return next(iter(refs.heads))
    raise NotFound(
        f"{names.text(refs.zone)} has no branch {DEFAULT_BRANCH}; name a branch",
        hint=f"use --branch with one of {', '.join(sorted(refs.heads))}",
    )


def unknown_branch_error(refs: ZoneRefs, branch: str) -> NotFound:
    """Return the error for a branch that a zone does not have; its hint lists those it has."""
    return NotFound(
        f"{names.text(refs.zone)} has no branch {branch!r}",
        hint=f"it has {', '.join(sorted(refs.heads)) or 'none yet'}; zonegit branch creates one",
    )


async def find_current_branch(repo: Repo, zone: Name) -> str | None:
    """Return the branch that the operator's HEAD is on, None if HEAD is in another zone."""
    where = await repo.refs.where(repo.actor)
    head = where.own or where.default
    return head.branch if head is not None and head.zone == zone else None


async def _read_head(repo: Repo) -> Head:
    where = await repo.refs.where(repo.actor)
    head = where.own or where.default
    if where.own_lost or (head is None and where.default_lost):
        raise NotFound(
            "HEAD is in a zone that was removed", hint="switch to another: zonegit zone switch ZONE"
        )
    if head is None:
        raise NotFound(
            "HEAD is not in a zone yet",
            hint="zonegit zone switch ZONE switches to one, zonegit init ZONE creates one",
        )
    repo.memory.note_used(head.zone, head.branch)
    return head


async def set_head(repo: Repo, target: RefName, origin: Origin, *, default: bool = False) -> Moved:
    """Set the operator's own HEAD, or the default one, to a branch.

    Args:
        repo: the stores.
        target: the branch.
        origin: the origin of the move.
        default: set the default HEAD.

    Raises:
        NotFound: the zone is not registered.
    """
    await repo.objects.put([encode(Symref(target.path()))])
    head = ref_names.default_head() if default else ref_names.own_head(repo.actor)
    moved = await repo.refs.point(head, target, origin)
    if not default and target.zone is not None:
        repo.memory.note_moved(target.zone, target.short)
    return moved


async def initialise(repo: Repo, zone: Name) -> bool:
    """Register a zone and check out its ``main``. The first zone becomes the default.

    Returns:
        Whether it became the default.

    Raises:
        Conflict: the zone is registered already.
    """
    where = await repo.refs.where(repo.actor)
    origin = repo.origin("init")
    await repo.refs.register(zone, origin)
    first = where.default is None and not where.default_lost
    main = ref_names.branch(zone, DEFAULT_BRANCH)
    await set_head(repo, main, origin, default=first)
    if first and (where.own or where.own_lost):
        await set_head(repo, main, origin)
    repo.memory.note_moved(zone, DEFAULT_BRANCH)
    return first
