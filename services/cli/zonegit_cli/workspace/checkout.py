"""Checking out: which zones, each at which commit, and their files."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.repo import heads, many_zones, refish
from zonegit.repo.heads import Repo
from zonegit.repo.many_zones import WholeZoneAt
from zonegit.store.protocols import ObjectStore, ZoneRefs
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import writer
from zonegit_cli.workspace import paths
from zonegit_cli.workspace.confined_dir import ConfinedDir, FileStamp
from zonegit_cli.workspace.file_status import FileProgress
from zonegit_cli.workspace.index import IndexEntry, SeenContent, WorkspaceIndex
from zonegit_cli.workspace.paths import PlacedZone
from zonegit_cli.workspace.working_tree import Workspace


class RequestedZone(msgspec.Struct, frozen=True):
    """A zone as the operator names it; ``refish`` None: the branch that they would work on."""

    zone: Name
    refish: str | None


class ZoneCheckout(msgspec.Struct, frozen=True):
    """A zone at a commit. ``branch`` None: that is no branch's tip; ``at`` is how to call it."""

    zone: Name
    branch: str | None
    at: str
    commit: CommitId


def wanted(text: str) -> RequestedZone:
    """``example.com``, ``example.com@canary``, ``example.com@{yesterday}``.

    Raises:
        Invalid: the zone is no name, or the refish is empty.
    """
    at = _first_at(text)
    if at < 0:
        return RequestedZone(names.parse(text), None)
    after = text[at + 1 :]
    if not after:
        raise Invalid(f"{text[:80]!r} names no branch, tag or commit after the @")
    return RequestedZone(names.parse(text[:at]), text[at:] if after.startswith("{") else after)


def _first_at(text: str) -> int:
    r"""Where the zone ends; a label may hold an ``@``, as ``\@``."""
    at = text.find("@")
    while at > 0 and text[at - 1] == "\\":
        at = text.find("@", at + 1)
    return at


async def chosen(
    repo: Repo, asked: Sequence[RequestedZone], left_out: Callable[[str], None]
) -> list[ZoneCheckout]:
    """The zones asked for, each at its commit; none: all that are registered, and ``left_out`` is
    told of each that has no commit, or no branch that could be meant.

    Raises:
        NotFound, Invalid: a zone or a refish stands for nothing.
    """
    if asked:

        async def resolved(each: RequestedZone) -> ZoneCheckout:
            return await _resolved(repo, each)

        return await many_zones.run_concurrently(resolved, asked)

    async def remembering(refs: ZoneRefs) -> ZoneRefs:
        return await _remembering(repo, refs)

    every = [refs async for refs in many_zones.iter_zones(repo)]
    found = []
    for refs in await many_zones.run_concurrently(remembering, every):
        try:
            found.append(_usual(repo, refs))
        except NotFound as error:
            left_out(f"left out: {error.message}")
    return sorted(found, key=lambda each: names.canonical_key(each.zone))


async def _remembering(repo: Repo, refs: ZoneRefs) -> ZoneRefs:
    """A zone's refs, with the branch that the operator last had where there is a choice."""
    return refs if len(refs.heads) < 2 else await repo.refs.zone(refs.zone, repo.actor)


def _usual(repo: Repo, refs: ZoneRefs) -> ZoneCheckout:
    branch = repo.default.branch or heads.choose_branch(refs)
    if repo.default.branch is not None and refs.heads and branch not in refs.heads:
        raise heads.unknown_branch_error(refs, branch)
    if branch not in refs.heads:
        raise NotFound(
            f"{names.text(refs.zone)} has no commit yet",
            hint=f"give it one: zonegit import FILE --zone {names.text(refs.zone)}",
        )
    return ZoneCheckout(refs.zone, branch, branch, CommitId(refs.heads[branch].target))


async def _resolved(repo: Repo, each: RequestedZone) -> ZoneCheckout:
    if each.refish is None:
        return _usual(repo, await repo.refs.zone(each.zone, repo.actor))
    found = await refish.resolve(repo, each.refish, zone=each.zone)
    if found.zone != each.zone:
        raise Invalid(
            f"{each.refish} is of {names.text(found.zone)}, not {names.text(each.zone)}",
            hint=f"check out {names.text(found.zone)} instead",
        )
    return ZoneCheckout(each.zone, found.branch, found.branch or each.refish, found.commit)


def leave_out(
    index: WorkspaceIndex, zones: Sequence[ZoneCheckout], tell: Callable[[str], None]
) -> list[ZoneCheckout]:
    """Return the zones that have a path in a workspace, those that are in it already first; each
    other one is left out, and ``tell`` takes why."""
    there = {entry.zone for entry in index.entries}
    first = [each for each in zones if each.zone in there]
    others = [each for each in zones if each.zone not in there]
    kept = paths.leave_out(
        [*first, *others], lambda each: (each.zone, each.at), index.scheme_of, lambda _: None, tell
    )
    return sorted(kept, key=lambda each: names.canonical_key(each.zone))


def plan(index: WorkspaceIndex, zones: Sequence[ZoneCheckout]) -> list[PlacedZone]:
    """Where ``zones`` lie in a workspace, those that are in it already too.

    Raises:
        Conflict: two of them collide, or one with what is there; or one is there from elsewhere.
        Invalid: one has no path.
    """
    there = {(entry.zone, entry.refish) for entry in index.entries}
    added = [(each.zone, each.at) for each in zones if (each.zone, each.at) not in there]
    every = [(entry.zone, entry.refish) for entry in index.entries]
    placed = {
        (each.zone, each.at): each for each in paths.placed([*every, *added], index.scheme_of)
    }
    return [placed[each.zone, each.at] for each in zones]


async def write(
    objects: ObjectStore,
    workspace: Workspace,
    zones: Sequence[ZoneCheckout],
    progress: FileProgress,
) -> list[IndexEntry]:
    """Writes the files that are not there yet, and returns their entries. A file that is there
    without having been checked out stays; it has to be what would have been written.

    Raises:
        Conflict: as :func:`plan` says, or a file is there that says something else; where it was
            there before, nothing was written.
        NotFound, Corrupt, Unavailable: as the stores say; what was written is kept.
    """
    folder = workspace.folder
    checked_out = {entry.zone for entry in workspace.index.entries}
    old, new = [], []
    for each, at in zip(zones, plan(workspace.index, zones), strict=True):
        if folder.stamp(at.path) is None:
            new.append((each, at.path))
        elif each.zone not in checked_out:
            old.append((each, at.path))
    todo = [*old, *new]  # those that may be refused first
    wanted = [(each.zone, each.commit) for each, _ in todo]
    entries: list[IndexEntry] = []
    try:
        async with aclosing(many_zones.read_zones(objects, wanted)) as found:
            async for whole in found:
                each, path = todo[len(entries)]
                seen = _put(folder, path, text_of(whole))
                entries.append(entry_of(each, path, whole.tree, seen))
                progress(len(entries), len(todo))
    finally:
        workspace.keep(entries)
    return entries


def text_of(whole: WholeZoneAt) -> bytes:
    """A zone as its file: what ``zonegit export`` prints."""
    return "".join(writer.write(whole.rrsets, whole.zone)).encode()


def entry_of(each: ZoneCheckout, path: str, tree: ObjectId, seen: SeenContent) -> IndexEntry:
    """What the index says of a file just written."""
    return IndexEntry(each.zone, path, each.branch, each.at, each.commit, tree, seen)


def seen_as(octets: bytes, stamp: FileStamp) -> SeenContent:
    """A file of these octets."""
    return SeenContent(hashlib.sha256(octets).digest(), stamp)


def _put(folder: ConfinedDir, path: str, octets: bytes) -> SeenContent:
    try:
        return seen_as(octets, folder.create(path, octets))
    except Conflict:
        found, stamp = folder.read(path, len(octets))
        if found != octets:
            raise
        return seen_as(octets, stamp)
