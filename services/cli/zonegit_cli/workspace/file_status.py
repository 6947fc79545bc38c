"""How the files of a workspace stand to what was checked out. No store is asked: what a file holds
is known by its stamp, else by its hash, else by the tree that its records make.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zonefile import zone_paths
from zonegit.zonefile.zone_paths import OFFERED
from zonegit_cli.workspace.confined_dir import FileStamp
from zonegit_cli.workspace.index import IndexEntry, SeenContent, WorkspaceIndex
from zonegit_cli.workspace.working_tree import Workspace

if TYPE_CHECKING:
    from zonegit.zonefile.reader import Skipped

PROBLEMS: Final = 20
"""What is told of a file that does not parse, at the most."""

FileState = Literal["unchanged", "rewritten", "changed", "new", "deleted", "malformed"]
"""``rewritten``: the same zone in other words, or with other comments. ``malformed``: it does not
parse, or is nothing that could."""


class ParsedFile(msgspec.Struct, frozen=True):
    """What a file holds, with the objects that this would be stored as."""

    rrsets: list[RRset]
    objects: list[RawObject]
    tree: ObjectId
    findings: list[Finding]


class FileStatus(msgspec.Struct, frozen=True):
    """One zone's file. ``entry`` None: it was not checked out. ``seen`` is None, too, for one that
    is not there or no regular file; ``parsed`` for one that had not to be read, or does not parse:
    ``problems`` are why, each as ``FILE:LINE: reason``."""

    zone: Name
    path: str
    state: FileState
    entry: IndexEntry | None = None
    seen: SeenContent | None = None
    parsed: ParsedFile | None = None
    problems: tuple[str, ...] = ()

    @property
    def known(self) -> IndexEntry:
        """The entry of one that was checked out."""
        assert self.entry is not None
        return self.entry

    @property
    def content(self) -> ParsedFile:
        """What it holds, of one that is new or differs."""
        assert self.parsed is not None
        return self.parsed

    @property
    def fingerprint(self) -> SeenContent:
        """Its octets, of one that is there."""
        assert self.seen is not None
        return self.seen


FileProgress = Callable[[int, int], None]
"""Told how many of how many are done."""


def compare(
    workspace: Workspace, zones: Collection[Name] = (), progress: FileProgress | None = None
) -> list[FileStatus]:
    """Every file of a zone, or those of ``zones`` alone where some are given, in the order of
    their zones.

    Raises:
        NotFound: one of ``zones`` has no file here.
    """
    there = dict(workspace.folder.walk(_is_candidate))
    entries = {entry.zone: entry for entry in workspace.index.entries}
    taken = {entry.path for entry in entries.values()}
    new = dict(_new(workspace.index, sorted(there.keys() - taken), entries))
    wanted = set(zones) or entries.keys() | new.keys()
    if absent := wanted - entries.keys() - new.keys():
        raise NotFound(f"{names.text(min(absent))} has no file in {workspace.folder.root}")
    found = []
    for number, zone in enumerate(sorted(wanted, key=names.canonical_key), 1):
        if zone in entries:
            found.append(_known(workspace, entries[zone], there.get(entries[zone].path)))
        else:
            found.append(_read(workspace, FileStatus(zone, new[zone], "new")))
        if progress is not None:
            progress(number, len(wanted))
    return found


def _is_candidate(path: str) -> bool:
    return path.endswith(zone_paths.FLAT_SUFFIX)  # as golang's files do


def _new(
    index: WorkspaceIndex, paths: Collection[str], entries: Collection[Name]
) -> Iterator[tuple[Name, str]]:
    """The zones whose files these would be."""
    for path in paths:
        for scheme in OFFERED:
            zone = zone_paths.path_zone(path, scheme)
            if zone is not None and zone not in entries and index.scheme_of(zone) == scheme:
                yield zone, path


def _known(workspace: Workspace, entry: IndexEntry, stamp: FileStamp | None) -> FileStatus:
    at = FileStatus(entry.zone, entry.path, "unchanged", entry, entry.seen)
    if entry.seen is not None and entry.seen.stamp == stamp and not _is_racy(workspace, stamp):
        return at
    return _read(workspace, at)


def _is_racy(workspace: Workspace, stamp: FileStamp) -> bool:
    """Whether a file was written as late as the index: then it may have been written again since,
    within the same tick of the clock, and its stamp would not tell."""
    return workspace.kept_ns is None or stamp.mtime_ns >= workspace.kept_ns


def _read(workspace: Workspace, at: FileStatus) -> FileStatus:
    """``at`` with what its file holds."""
    from zonegit.zonefile import reader

    entry = at.entry
    try:
        octets, stamp = workspace.folder.read(at.path, reader.MAX_OCTETS)
    except NotFound:
        return msgspec.structs.replace(at, state="deleted", seen=None)
    except Invalid as error:
        return msgspec.structs.replace(at, state="malformed", seen=None, problems=(error.message,))
    seen = SeenContent(hashlib.sha256(octets).digest(), stamp)
    if entry is not None and entry.seen is not None and entry.seen.sha256 == seen.sha256:
        return msgspec.structs.replace(at, seen=seen)
    source = str(workspace.folder.root / at.path)
    try:
        found = parse(octets, at.zone, source)
    except Invalid:
        problems = _problems(octets, at.zone, source)
        return msgspec.structs.replace(at, state="malformed", seen=seen, problems=problems)
    state: FileState = "new" if entry is None else "changed"
    if entry is not None and found.tree == entry.tree:
        state = "rewritten"
    return msgspec.structs.replace(at, state=state, seen=seen, parsed=found)


def parse(octets: bytes, zone: Name, source: str) -> ParsedFile:
    """Reads a zone's file. ``$INCLUDE`` is not allowed: it could lead out of the folder, and the
    stamp of a file says nothing of what it includes.

    Raises:
        Invalid: it is no zone; begins with ``source`` and a line.
    """
    from zonegit.repo.commit import change_plan
    from zonegit.zonefile import reader

    found = reader.read(octets, zone, source=source)
    rrsets = list(found.rrsets.values())
    objects, tree = change_plan.build_zone(rrsets, zone)
    assert tree is not None  # a whole zone has an SOA
    return ParsedFile(rrsets, objects, tree, found.findings)


def _problems(octets: bytes, zone: Name, source: str) -> tuple[str, ...]:
    """The records that cannot stand, and what ends the reading; the first few of them."""
    from zonegit.zonefile import reader

    found: list[str] = []

    def skip(skipped: "Skipped") -> None:
        if len(found) < PROBLEMS:
            found.append(f"{skipped.source}:{skipped.line}: {skipped.why}")

    try:
        reader.read(octets, zone, source=source, skip=skip)
    except Invalid as error:
        found.append(error.message)
    return tuple(found)
