"""Compare the files of a workspace with the commits that they were checked out from.

No store is read: a file is unchanged if its stamp is that of the index, else if its hash is; else
its records are compared by the id of the tree that they make.
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
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES
from zonegit_cli.workspace.confined_dir import FileStamp
from zonegit_cli.workspace.index import IndexEntry, SeenContent, WorkspaceIndex
from zonegit_cli.workspace.working_tree import Workspace

if TYPE_CHECKING:
    from zonegit.zonefile.reader import Skipped

MAX_PROBLEMS: Final = 20
"""Errors that are reported for a file that does not parse."""

FileState = Literal["unchanged", "rewritten", "changed", "new", "deleted", "malformed"]
"""``rewritten``: the text differs, the records do not. ``malformed``: it does not parse, or is not
a regular file."""


class ParsedFile(msgspec.Struct, frozen=True):
    """The content of a file, with the objects for it."""

    rrsets: list[RRset]
    objects: list[RawObject]
    tree: ObjectId
    findings: list[Finding]


class FileStatus(msgspec.Struct, frozen=True):
    """The file of a zone.

    Args:
        zone: the zone.
        path: the path of the file in the workspace.
        state: see :data:`FileState`.
        entry: its index entry; None if it was not checked out.
        seen: its fingerprint; None if it does not exist or is not a regular file.
        parsed: its content; None if it was not read, or does not parse.
        problems: why it does not parse, each as ``FILE:LINE: reason``.
    """

    zone: Name
    path: str
    state: FileState
    entry: IndexEntry | None = None
    seen: SeenContent | None = None
    parsed: ParsedFile | None = None
    problems: tuple[str, ...] = ()

    @property
    def known(self) -> IndexEntry:
        """Return the index entry of a file that was checked out."""
        assert self.entry is not None
        return self.entry

    @property
    def content(self) -> ParsedFile:
        """Return the content of a file that is new or changed."""
        assert self.parsed is not None
        return self.parsed

    @property
    def fingerprint(self) -> SeenContent:
        """Return the fingerprint of a file that exists."""
        assert self.seen is not None
        return self.seen


FileProgress = Callable[[int, int], None]
"""Takes the number of files that are done, and the total."""


def compare(
    workspace: Workspace, zones: Collection[Name] = (), progress: FileProgress | None = None
) -> list[FileStatus]:
    """Return the status of each file, sorted by zone.

    Args:
        workspace: the workspace.
        zones: the zones to compare; if empty, all.
        progress: called after each file.

    Raises:
        NotFound: one of ``zones`` has no file in the workspace.
    """
    there = dict(workspace.folder.walk(_is_candidate))
    entries = {entry.zone: entry for entry in workspace.index.entries}
    taken = {entry.path for entry in entries.values()}
    new = dict(_find_new(workspace.index, sorted(there.keys() - taken), entries))
    wanted = set(zones) or entries.keys() | new.keys()
    if absent := wanted - entries.keys() - new.keys():
        raise NotFound(f"{names.text(min(absent))} has no file in {workspace.folder.root}")
    found = []
    for number, zone in enumerate(sorted(wanted, key=names.canonical_key), 1):
        if zone in entries:
            found.append(_compare_known(workspace, entries[zone], there.get(entries[zone].path)))
        else:
            found.append(_read(workspace, FileStatus(zone, new[zone], "new")))
        if progress is not None:
            progress(number, len(wanted))
    return found


def _is_candidate(path: str) -> bool:
    return path.endswith(zone_paths.FLAT_SUFFIX)  # golang has the same suffix


def _find_new(
    index: WorkspaceIndex, paths: Collection[str], entries: Collection[Name]
) -> Iterator[tuple[Name, str]]:
    """Yield the zone of each path that is the path of a zone in its scheme."""
    for path in paths:
        for scheme in OPERATOR_SCHEMES:
            zone = zone_paths.parse_path(path, scheme)
            if zone is not None and zone not in entries and index.scheme_of(zone) == scheme:
                yield zone, path


def _compare_known(workspace: Workspace, entry: IndexEntry, stamp: FileStamp | None) -> FileStatus:
    at = FileStatus(entry.zone, entry.path, "unchanged", entry, entry.seen)
    if entry.seen is not None and entry.seen.stamp == stamp and not _is_racy(workspace, stamp):
        return at
    return _read(workspace, at)


def _is_racy(workspace: Workspace, stamp: FileStamp) -> bool:
    """Return whether a file was written as late as the index: then it may have been written again
    within the same tick of the clock, which its stamp does not show."""
    return workspace.kept_ns is None or stamp.mtime_ns >= workspace.kept_ns


def _read(workspace: Workspace, at: FileStatus) -> FileStatus:
    """Return the status of a file after reading it."""
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
        problems = _find_problems(octets, at.zone, source)
        return msgspec.structs.replace(at, state="malformed", seen=seen, problems=problems)
    state: FileState = "new" if entry is None else "changed"
    if entry is not None and found.tree == entry.tree:
        state = "rewritten"
    return msgspec.structs.replace(at, state=state, seen=seen, parsed=found)


def parse(octets: bytes, zone: Name, source: str) -> ParsedFile:
    """Parse the file of a zone. ``$INCLUDE`` is not allowed: it could lead out of the folder, and
    the stamp of a file does not cover the files that it includes.

    Raises:
        Invalid: it is not a valid zone; begins with ``source`` and a line.
    """
    from zonegit.repo.commit import change_plan
    from zonegit.zonefile import reader

    found = reader.read(octets, zone, source=source)
    rrsets = list(found.rrsets.values())
    objects, tree = change_plan.build_zone(rrsets, zone)
    assert tree is not None  # a whole zone has an SOA
    return ParsedFile(rrsets, objects, tree, found.findings)


def _find_problems(octets: bytes, zone: Name, source: str) -> tuple[str, ...]:
    """Return the first errors of a file: invalid records, and the error that ends the parsing."""
    from zonegit.zonefile import reader

    found: list[str] = []

    def skip(skipped: "Skipped") -> None:
        if len(found) < MAX_PROBLEMS:
            found.append(f"{skipped.source}:{skipped.line}: {skipped.reason}")

    try:
        reader.read(octets, zone, source=source, skip=skip)
    except Invalid as error:
        found.append(error.message)
    return tuple(found)
