"""Update files to the tips of their branches without overwriting changes of the operator, and print
the outcomes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from enum import Enum
from typing import Any, Final

import click
import msgspec

from zonegit.objects.ids import CommitId, short
from zonegit.repo import read_zone, read_zones
from zonegit.repo.change import edit
from zonegit.repo.commit.conflicts import Conflicted, MergeConflicts
from zonegit.repo.read_zones import WholeZoneAt
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.refs import ZoneRefs
from zonegit.views.conflict import make_conflicts
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import writer
from zonegit_cli.output import format_count, to_hex
from zonegit_cli.render import conflict_lines
from zonegit_cli.run import EXIT_STATUS
from zonegit_cli.session import Session
from zonegit_cli.workspace import checkout, file_status
from zonegit_cli.workspace.file_status import FileProgress, FileStatus
from zonegit_cli.workspace.index import IndexEntry
from zonegit_cli.workspace.working_tree import Workspace

ORIGINAL: Final = ".orig"
"""Suffix of the copy of a file that was overwritten."""
MAX_SHOWN: Final = 20
"""Updated files that are listed; the others are counted."""


class UpdateOutcome(Enum):
    """The outcome of an update for a file."""

    CURRENT = "the branch did not move, or the file is not at a branch"
    FORWARD = "the branch moved and the file was not changed: it is written again"
    REMOVED = "the branch was deleted and the file was not changed: it is removed"
    LEFT = "the branch moved or was deleted and the file was changed: it stays"
    MERGED = "the branch moved and the file was changed: both changes are merged"
    CLASHED = "the branch and the file changed the same RRsets: it stays"


class UpdatedFile(msgspec.Struct, frozen=True):
    """A file with the outcome of an update.

    Args:
        file: the file.
        outcome: the outcome.
        tip: the tip of its branch; None if the branch was deleted.
        kept: the path of the file's former text; None if it was not kept.
        conflict: the conflicts, if there are any.
    """

    file: FileStatus
    outcome: UpdateOutcome
    tip: CommitId | None
    kept: str | None = None
    conflict: Conflicted | None = None


def plan(
    files: Sequence[FileStatus], refs: Mapping[Name, ZoneRefs], *, merge: bool
) -> list[UpdatedFile]:
    """Return the outcome to be reached for each file that was checked out. Pure."""
    return [_plan_file(file, refs.get(file.zone), merge=merge) for file in files if file.entry]


def _plan_file(file: FileStatus, refs: ZoneRefs | None, *, merge: bool) -> UpdatedFile:
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
    """Carry out the plan of :func:`plan`, and return the outcomes.

    After an error the files that were updated before it stay updated.

    Raises:
        Conflict: a file was changed concurrently.
        NotFound, Corrupt, Unavailable: a zone cannot be read from the stores.
    """
    todo = [
        each
        for each in every
        if each.tip and each.outcome in (UpdateOutcome.FORWARD, UpdateOutcome.MERGED)
    ]
    wanted = [(each.file.zone, each.tip) for each in todo if each.tip]
    entries: list[IndexEntry] = []
    done: dict[Name, UpdatedFile] = {}
    gone = []
    try:
        for each in every:
            if each.outcome is UpdateOutcome.REMOVED:
                if each.file.seen is not None:
                    workspace.folder.remove(each.file.path, each.file.seen.stamp)
                gone.append(each.file.zone)
        async with aclosing(read_zones.read_zones(repo.objects, wanted)) as found:
            async for whole in found:
                each = todo[len(done)]
                step = _merge if each.outcome is UpdateOutcome.MERGED else _forward
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
    octets = checkout.format_zone(whole)
    stamp = workspace.folder.replace(each.file.path, octets, each.file.fingerprint.stamp)
    entry = msgspec.structs.replace(
        each.file.known, commit=whole.commit, tree=whole.tree,
        seen=checkout.make_seen(octets, stamp), own=False,
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
        return msgspec.structs.replace(each, outcome=UpdateOutcome.CLASHED, conflict=conflict), None
    kept = _keep_own(workspace, file)
    octets = "".join(writer.write(rrsets, file.zone)).encode()
    stamp = workspace.folder.replace(file.path, octets, file.fingerprint.stamp, durable=True)
    seen = checkout.make_seen(octets, stamp) if tree == whole.tree else None
    entry = msgspec.structs.replace(
        entry, commit=whole.commit, tree=whole.tree, seen=seen, own=False
    )
    return msgspec.structs.replace(each, kept=kept), entry


def _keep_own(workspace: Workspace, file: FileStatus) -> str | None:
    """Copy the operator's text before it is overwritten, if it has more than its records, and
    return the path of the copy."""
    folder = workspace.folder
    octets, _ = folder.read(file.path, file.fingerprint.stamp.size)
    content = file.parsed or file_status.parse(octets, file.zone, str(folder.root / file.path))
    plain = "".join(writer.write(content.rrsets, file.zone)).encode()
    if _split_lines(octets) == _split_lines(plain):
        return None
    number = 0
    while folder.stamp(path := f"{file.path}{ORIGINAL}{f'.{number}' if number else ''}"):
        number += 1
    folder.create(path, octets, durable=True)
    return path


def _split_lines(octets: bytes) -> list[list[bytes]]:
    """Return the words of each line, in sorted order, to compare texts regardless of line order."""
    return sorted(line.split() for line in octets.splitlines() if line.strip())


def print_updates(session: Session, every: Sequence[UpdatedFile]) -> int:
    """Print the outcome for each file, and return the exit status."""
    touched = [each for each in every if each.outcome is not UpdateOutcome.CURRENT]
    session.output.print_result(
        [_to_json(each) for each in touched], _format_lines(touched), paged=True
    )
    for each in touched:
        if each.kept is not None:
            session.output.print_note(f"the former text of {each.file.path} is kept in {each.kept}")
    clashed = any(each.outcome is UpdateOutcome.CLASHED for each in touched)
    return EXIT_STATUS["conflict"] if clashed else 0


def _format_lines(touched: Sequence[UpdatedFile]) -> Iterator[str]:
    if not touched:
        yield "all files are at the tips of their branches"
    forward = [each for each in touched if each.outcome is UpdateOutcome.FORWARD]
    for each in forward[:MAX_SHOWN]:
        yield f"  {_format_move(each)}"
    if len(forward) > MAX_SHOWN:
        yield f"  and {format_count(len(forward) - MAX_SHOWN, 'more file')}"
    for each in touched:
        yield from _format_line(each)


def _format_line(each: UpdatedFile) -> Iterator[str]:
    match each.outcome:
        case UpdateOutcome.REMOVED:
            yield f"  {each.file.path} removed: {_format_branch(each)} was deleted"
        case UpdateOutcome.MERGED:
            yield f"  {_format_move(each)}, merged with your uncommitted changes"
        case UpdateOutcome.LEFT:
            yield click.style(
                f"  {each.file.path} not updated: {_format_reason(each)}", fg="yellow"
            )
        case UpdateOutcome.CLASHED if each.conflict is not None:
            found = format_count(len(each.conflict.clashes), "conflict")
            yield click.style(f"  {each.file.path} not updated: {found}", fg="red")
            yield from conflict_lines.format_clashes(each.conflict.clashes)
            yield (
                f"ours is {each.file.known.branch}, theirs is the file; change the file to ours"
                " where they conflict, then update again"
            )
        case _:
            return


def _format_move(each: UpdatedFile) -> str:
    tip = short(each.tip) if each.tip else ""
    return f"{each.file.path} {short(each.file.known.commit)} -> {tip}"


def _format_branch(each: UpdatedFile) -> str:
    return f"branch {each.file.known.branch} of {names.text(each.file.zone)}"


def _format_reason(each: UpdatedFile) -> str:
    if each.tip is None:
        return f"{_format_branch(each)} was deleted, and you changed the file"
    moved = f"{each.file.known.branch} moved to {short(each.tip)}"
    match each.file.state:
        case "deleted":
            return f"{moved}, and you deleted the file; zonegit workspace checkout restores it"
        case "malformed":
            return f"{moved}, and the file does not parse"
        case _:
            return f"{moved}, and you changed the file; --merge merges both"


def _to_json(each: UpdatedFile) -> dict[str, Any]:
    return {
        "zone": names.text(each.file.zone),
        "path": each.file.path,
        "outcome": each.outcome.name.lower(),
        "state": each.file.state,
        "old": each.file.known.commit.hex(),
        "tip": to_hex(each.tip),
        "kept": each.kept,
        "conflicts": make_conflicts(each.conflict.clashes) if each.conflict else [],
    }
