"""Bringing files forward to the tips of their branches, and never over what the operator wrote."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from enum import Enum

import msgspec

from zonegit.objects.ids import CommitId
from zonegit.repo import many_zones, read_zone
from zonegit.repo.change import edit
from zonegit.repo.commit.conflicts import Conflicted, MergeConflicts
from zonegit.repo.heads import Repo
from zonegit.repo.many_zones import WholeZoneAt
from zonegit.store.protocols import ZoneRefs
from zonegit.store.reader import Reader
from zonegit.zone.names import Name
from zonegit.zonefile import writer
from zonegit_cli.workspace import checkout, file_status
from zonegit_cli.workspace.file_status import FileProgress, FileStatus
from zonegit_cli.workspace.index import IndexEntry
from zonegit_cli.workspace.working_tree import Workspace

ORIGINAL = ".orig"


class UpdateOutcome(Enum):
    """What an update does with a file."""

    CURRENT = "its branch has not moved, or it is at none"
    FORWARD = "it is as it was checked out, and becomes what its branch is now"
    REMOVED = "its branch is gone, and it is as it was checked out, or not there"
    LEFT = "its branch moved or is gone, but it is not as it was checked out"
    MERGED = "what was changed in it is put together with what others committed"
    CLASHED = "both changed the same RRsets, so it stays as it is"


class UpdatedFile(msgspec.Struct, frozen=True):
    """A file and what became of it. ``tip`` None: its branch is gone; ``kept`` is where the text
    that it had before is now, None: nowhere; ``conflict`` of one that clashed."""

    file: FileStatus
    fate: UpdateOutcome
    tip: CommitId | None
    kept: str | None = None
    conflict: Conflicted | None = None


def fates(
    files: Sequence[FileStatus], refs: Mapping[Name, ZoneRefs], *, merge: bool
) -> list[UpdatedFile]:
    """What is to become of each file that was checked out. Pure."""
    return [_fate(file, refs.get(file.zone), merge=merge) for file in files if file.entry]


def _fate(file: FileStatus, refs: ZoneRefs | None, *, merge: bool) -> UpdatedFile:
    entry = file.known
    tip = refs.heads.get(entry.branch) if refs is not None and entry.branch is not None else None
    target = CommitId(tip.target) if tip is not None else None
    if entry.branch is None or target == entry.commit:
        return UpdatedFile(file, UpdateOutcome.CURRENT, target)
    if target is None:
        gone = file.state in ("unchanged", "deleted")
        return UpdatedFile(file, UpdateOutcome.REMOVED if gone else UpdateOutcome.LEFT, None)
    if file.state == "unchanged":
        return UpdatedFile(file, UpdateOutcome.FORWARD, target)
    mergeable = file.state in ("changed", "rewritten")
    return UpdatedFile(
        file, UpdateOutcome.MERGED if mergeable and merge else UpdateOutcome.LEFT, target
    )


async def update(
    repo: Repo, workspace: Workspace, every: Sequence[UpdatedFile], progress: FileProgress
) -> list[UpdatedFile]:
    """Carries out what :func:`fates` said; returns it as it came.

    Raises:
        Conflict: a file changed at that moment; what was done before is kept, and so it is where
            anything else fails.
        NotFound, Corrupt, Unavailable: as the stores say.
    """
    todo = [
        each
        for each in every
        if each.tip and each.fate in (UpdateOutcome.FORWARD, UpdateOutcome.MERGED)
    ]
    wanted = [(each.file.zone, each.tip) for each in todo if each.tip]
    entries: list[IndexEntry] = []
    done: dict[Name, UpdatedFile] = {}
    gone = []
    try:
        for each in every:
            if each.fate is UpdateOutcome.REMOVED:
                if each.file.seen is not None:
                    workspace.folder.remove(each.file.path, each.file.seen.stamp)
                gone.append(each.file.zone)
        async with aclosing(many_zones.read_zones(repo.objects, wanted)) as found:
            async for whole in found:
                each = todo[len(done)]
                step = _merge if each.fate is UpdateOutcome.MERGED else _forward
                done[whole.zone], entry = await step(repo, workspace, each, whole)
                entries += [entry] if entry else []
                progress(len(done), len(todo))
    finally:
        workspace.keep(entries, gone)
    return [done.get(each.file.zone, each) for each in every]


async def _forward(
    _repo: Repo, workspace: Workspace, each: UpdatedFile, whole: WholeZoneAt
) -> tuple[UpdatedFile, IndexEntry | None]:
    kept = _keep_own(workspace, each.file) if each.file.known.own else None
    octets = checkout.text_of(whole)
    stamp = workspace.folder.replace(each.file.path, octets, each.file.fingerprint.stamp)
    entry = msgspec.structs.replace(
        each.file.known, commit=whole.commit, tree=whole.tree,
        seen=checkout.seen_as(octets, stamp), own=False,
    )  # fmt: skip
    return msgspec.structs.replace(each, kept=kept), entry


async def _merge(
    repo: Repo, workspace: Workspace, each: UpdatedFile, whole: WholeZoneAt
) -> tuple[UpdatedFile, IndexEntry | None]:
    file, entry = each.file, each.file.known
    reader = Reader(repo.objects, file.content.objects)
    base = (await read_zone.read_commit(reader, entry.commit)).tree
    try:
        rrsets, tree = await edit.rebase_edited(
            reader, base, whole.tree, file.content.tree, file.zone
        )
    except MergeConflicts as clashing:
        conflict = Conflicted(file.zone, entry.branch or "", clashing.clashes)
        return msgspec.structs.replace(each, fate=UpdateOutcome.CLASHED, conflict=conflict), None
    kept = _keep_own(workspace, file)
    octets = "".join(writer.write(rrsets, file.zone)).encode()
    stamp = workspace.folder.replace(file.path, octets, file.fingerprint.stamp, durable=True)
    seen = checkout.seen_as(octets, stamp) if tree == whole.tree else None
    entry = msgspec.structs.replace(
        entry, commit=whole.commit, tree=whole.tree, seen=seen, own=False
    )
    return msgspec.structs.replace(each, kept=kept), entry


def _keep_own(workspace: Workspace, file: FileStatus) -> str | None:
    """Puts the operator's text aside before it is written over, where it says more than its
    records do."""
    folder = workspace.folder
    octets, _ = folder.read(file.path, file.fingerprint.stamp.size)
    content = file.parsed or file_status.parse(octets, file.zone, str(folder.root / file.path))
    plain = "".join(writer.write(content.rrsets, file.zone)).encode()
    if _lines(octets) == _lines(plain):
        return None
    number = 0
    while folder.stamp(path := f"{file.path}{ORIGINAL}{f'.{number}' if number else ''}"):
        number += 1
    folder.create(path, octets, durable=True)
    return path


def _lines(octets: bytes) -> list[list[bytes]]:
    """The words of each line, in whatever order the lines are."""
    return sorted(line.split() for line in octets.splitlines() if line.strip())
