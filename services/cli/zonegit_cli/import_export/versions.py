"""The versions of a zone, as files of their own or as commits of git: what they become here."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.objects.model import Identity
from zonegit.repo.change import import_sources
from zonegit.repo.change.import_series import ImportedVersion
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.zone import rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset, soa
from zonegit.zone.serial import moment
from zonegit.zonefile.reader import MAX_OCTETS
from zonegit_cli.import_export.git_history import GitHistory
from zonegit_cli.import_export.master_files import MasterFiles
from zonegit_cli.parse import files
from zonegit_cli.session import Session

Dates = Literal["now", "serial", "mtime"]
"""What dates the commit of a file: the clock, its serial, or when it was last written."""

DATES: Final[tuple[Dates, ...]] = ("now", "serial", "mtime")


def of_files(
    repo: Repo,
    at: BranchPosition,
    named: Sequence[str],
    dates: Dates,
    message: str | None,
    master: MasterFiles,
    stdin: bytes | None = None,
) -> Iterator[ImportedVersion]:
    """Read a version from each file, in their order; ``message`` None: each says its file's name.
    ``stdin`` is what standard input was, if it was read.

    Raises:
        Invalid: a file cannot be read as a zone, or has no such date.
        NotFound: it cannot be opened.
    """
    for file in named:
        source = files.shown(file)
        octets = stdin if file == files.STDIN else None
        if octets is None:
            octets = files.read(file, MAX_OCTETS)
        rrsets = master.read_if_it_can_be(octets, source, at.zone)
        if rrsets is not None:
            who = _dated(repo.now(), dates, file, rrsets[at.zone, rrtypes.SOA])
            words = message or f"import {files.shown(Path(file).name)}"
            words = import_sources.add_source(words, import_sources.of_file(octets))
            yield ImportedVersion(source, rrsets, words, who, who, master.take_findings())


def of_git(
    session: Session,
    at: BranchPosition,
    history: GitHistory,
    commits: Sequence[str],
    master: MasterFiles,
    known: int = 0,
    findings: tuple[Finding, ...] = (),
) -> Iterator[ImportedVersion]:
    """Read a version from each of these commits of git that changed the file, the first ``known``
    left out, with its author, committer and message. Where the file was deleted the zone stays as
    it was, and that is reported. The first version has ``findings`` in addition to its own.

    Raises:
        Invalid: a version cannot be read; names the commit of git, the file and the line.
    """
    for each in history.read(commits, known):
        source = f"{each.short}:{history.file}"
        if each.content is None:
            session.output.progress("")
            session.output.note(f"{source} is deleted there; the zone stays as it was before")
            continue
        rrsets = master.read_if_it_can_be(each.content, source, at.zone)
        if rrsets is not None:
            said = each.said
            words = import_sources.add_source(
                said.message or f"import {source}", import_sources.of_git(each.id)
            )
            found = findings + master.take_findings()
            findings = ()
            yield ImportedVersion(source, rrsets, words, said.author, said.committer, found)


def _dated(who: Identity, dates: Dates, file: str, found: RRset) -> Identity:
    match dates:
        case "now":
            return who
        case "serial":
            return msgspec.structs.replace(who, time=_by_serial(file, found), zone="+0000")
        case "mtime":
            return msgspec.structs.replace(who, time=_by_mtime(file), zone="+0000")


def _by_serial(file: str, found: RRset) -> int:
    serial = soa(found).serial
    at = moment(serial)
    if at is None:
        raise Invalid(
            f"{files.shown(file)}: the serial {serial} is no date (YYYYMMDDnn)",
            hint="--dates mtime takes the time of the file, --dates now the clock",
        )
    return at


def _by_mtime(file: str) -> int:
    if file == files.STDIN:
        raise Invalid("what comes from a pipe has no time of its own", hint="--dates now or serial")
    try:
        return max(0, int(os.stat(file).st_mtime))
    except OSError as error:
        raise NotFound(f"cannot read {file}: {error.strerror}") from error
