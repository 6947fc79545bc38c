"""Check out zones: resolve them to commits, choose their paths and write their files."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.repo import heads, read_zones, refish
from zonegit.repo.read_zones import WholeZoneAt
from zonegit.repo.repo import Repo
from zonegit.store.objects import ObjectStore
from zonegit.store.refs import ZoneRefs
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
    """A zone as the operator names it; ``refish`` None for its current branch."""

    zone: Name
    refish: str | None


class ZoneCheckout(msgspec.Struct, frozen=True):
    """A zone at a commit; ``branch`` is None if it is not the tip of a branch, ``at`` is the branch
    or the refish."""

    zone: Name
    branch: str | None
    at: str
    commit: CommitId


def parse_zone(text: str) -> RequestedZone:
    """Parse ``example.com``, ``example.com@canary`` or ``example.com@{yesterday}``.

    Raises:
        Invalid: the zone's name is malformed, or the refish is empty.
    """
    at = _find_at(text)
    if at < 0:
        return RequestedZone(names.parse(text), None)
    after = text[at + 1 :]
    if not after:
        raise Invalid(f"{text[:80]!r}: expected a branch, a tag or a commit after the @")
    return RequestedZone(names.parse(text[:at]), text[at:] if after.startswith("{") else after)


def _find_at(text: str) -> int:
    r"""Return the index of the @ after the zone; an @ within a label is escaped as ``\@``."""
    at = text.find("@")
    while at > 0 and text[at - 1] == "\\":
        at = text.find("@", at + 1)
    return at


async def resolve_zones(
    repo: Repo, requested: Sequence[RequestedZone], note: Callable[[str], None]
) -> list[ZoneCheckout]:
    """Return zones with their commits.

    Args:
        repo: the stores.
        requested: the zones; if empty, all registered zones.
        note: prints why a registered zone is left out, because it has no commit or no usual branch.

    Raises:
        NotFound, Invalid: a zone or a refish does not exist, or is malformed.
    """
    if requested:

        async def resolve(each: RequestedZone) -> ZoneCheckout:
            return await _resolve(repo, each)

        return await read_zones.run_concurrently(resolve, requested)

    async def read_refs(refs: ZoneRefs) -> ZoneRefs:
        return await _read_last_branch(repo, refs)

    every = [refs async for refs in read_zones.iter_zones(repo)]
    found = []
    for refs in await read_zones.run_concurrently(read_refs, every):
        try:
            found.append(_choose_checkout(repo, refs))
        except NotFound as error:
            note(f"left out: {error.message}")
    return sorted(found, key=lambda each: names.canonical_key(each.zone))


async def _read_last_branch(repo: Repo, refs: ZoneRefs) -> ZoneRefs:
    """Return a zone's refs with the branch that the operator last used, if it has several."""
    return refs if len(refs.heads) < 2 else await repo.refs.zone(refs.zone, repo.actor)


def _choose_checkout(repo: Repo, refs: ZoneRefs) -> ZoneCheckout:
    branch = repo.default.branch or heads.choose_branch(refs)
    if repo.default.branch is not None and refs.heads and branch not in refs.heads:
        raise heads.unknown_branch_error(refs, branch)
    if branch not in refs.heads:
        raise NotFound(
            f"{names.text(refs.zone)} has no commit yet",
            hint=f"add records: zonegit import FILE --zone {names.text(refs.zone)}",
        )
    return ZoneCheckout(refs.zone, branch, branch, CommitId(refs.heads[branch].target))


async def _resolve(repo: Repo, each: RequestedZone) -> ZoneCheckout:
    if each.refish is None:
        return _choose_checkout(repo, await repo.refs.zone(each.zone, repo.actor))
    found = await refish.resolve(repo, each.refish, zone=each.zone)
    if found.zone != each.zone:
        raise Invalid(
            f"{each.refish} is of {names.text(found.zone)}, not {names.text(each.zone)}",
            hint=f"check out {names.text(found.zone)} instead",
        )
    return ZoneCheckout(each.zone, found.branch, found.branch or each.refish, found.commit)


def leave_out(
    index: WorkspaceIndex, zones: Sequence[ZoneCheckout], note: Callable[[str], None]
) -> list[ZoneCheckout]:
    """Return the zones that do not collide in a workspace, and print a note for each of the others.
    Zones that are in the workspace already take precedence."""
    there = {entry.zone for entry in index.entries}
    first = [each for each in zones if each.zone in there]
    others = [each for each in zones if each.zone not in there]
    kept = paths.leave_out(
        [*first, *others], lambda each: (each.zone, each.at), index.scheme_of, lambda _: None, note
    )
    return sorted(kept, key=lambda each: names.canonical_key(each.zone))


def plan_paths(index: WorkspaceIndex, zones: Sequence[ZoneCheckout]) -> list[PlacedZone]:
    """Return ``zones`` with their paths in a workspace.

    Raises:
        Conflict: two of them collide, or one collides with a zone of the workspace, or is in it at
            another branch or refish.
        Invalid: a zone has no path.
    """
    there = {(entry.zone, entry.refish) for entry in index.entries}
    added = [(each.zone, each.at) for each in zones if (each.zone, each.at) not in there]
    every = [(entry.zone, entry.refish) for entry in index.entries]
    placed = {
        (each.zone, each.at): each for each in paths.place_zones([*every, *added], index.scheme_of)
    }
    return [placed[each.zone, each.at] for each in zones]


async def write(
    objects: ObjectStore,
    workspace: Workspace,
    zones: Sequence[ZoneCheckout],
    progress: FileProgress,
) -> list[IndexEntry]:
    """Write the files that do not exist yet, and return their index entries.

    An existing file that was not checked out stays, if its content is what would be written. Such
    files are compared first, so that nothing is written if one differs. After another error the
    files that were written are kept.

    Raises:
        Conflict: see :func:`plan_paths`; or an existing file has other content.
        NotFound, Corrupt, Unavailable: a zone cannot be read from the stores.
    """
    folder = workspace.folder
    checked_out = {entry.zone for entry in workspace.index.entries}
    old, new = [], []
    for each, at in zip(zones, plan_paths(workspace.index, zones), strict=True):
        if folder.stamp(at.path) is None:
            new.append((each, at.path))
        elif each.zone not in checked_out:
            old.append((each, at.path))
    todo = [*old, *new]  # first those that may be refused
    wanted = [(each.zone, each.commit) for each, _ in todo]
    entries: list[IndexEntry] = []
    try:
        async with aclosing(read_zones.read_zones(objects, wanted)) as found:
            async for whole in found:
                each, path = todo[len(entries)]
                seen = _write_file(folder, path, format_zone(whole))
                entries.append(make_entry(each, path, whole.tree, seen))
                progress(len(entries), len(todo))
    finally:
        workspace.keep(entries)
    return entries


def format_zone(whole: WholeZoneAt) -> bytes:
    """Return the file of a zone, which is the output of ``zonegit export``."""
    return "".join(writer.write(whole.rrsets, whole.zone)).encode()


def make_entry(each: ZoneCheckout, path: str, tree: ObjectId, seen: SeenContent) -> IndexEntry:
    """Return the index entry of a file that was written."""
    return IndexEntry(each.zone, path, each.branch, each.at, each.commit, tree, seen)


def make_seen(octets: bytes, stamp: FileStamp) -> SeenContent:
    """Return the fingerprint of a file with these octets."""
    return SeenContent(hashlib.sha256(octets).digest(), stamp)


def _write_file(folder: ConfinedDir, path: str, octets: bytes) -> SeenContent:
    try:
        return make_seen(octets, folder.create(path, octets))
    except Conflict:
        found, stamp = folder.read(path, len(octets))
        if found != octets:
            raise
        return make_seen(octets, stamp)
