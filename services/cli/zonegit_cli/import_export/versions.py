"""Read the versions of a zone from files or from git commits, as commits to be made."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.objects.model import Identity
from zonegit.repo.change import import_sources
from zonegit.repo.change.import_series import ImportedVersion
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.zone import rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset, parse_soa
from zonegit.zone.serial import parse_time
from zonegit.zonefile.reader import MAX_OCTETS
from zonegit_cli.import_export.git_history import GitHistory
from zonegit_cli.import_export.master_files import MasterFiles
from zonegit_cli.parse import files
from zonegit_cli.session import Session

Dates = Literal["now", "serial", "mtime"]
"""Source of a commit's date: the clock, the serial of the file, or its modification time."""

DATES: Final[tuple[Dates, ...]] = ("now", "serial", "mtime")


def read_files(
    repo: Repo,
    at: BranchPosition,
    named: Sequence[str],
    dates: Dates,
    message: str | None,
    master: MasterFiles,
    stdin: bytes | None = None,
) -> Iterator[ImportedVersion]:
    """Yield a version for each file, in their order.

    Args:
        repo: the stores.
        at: the branch.
        named: the files.
        dates: the source of the commits' dates.
        message: the message of the commits; None for the name of the file.
        master: reads master files.
        stdin: the content of standard input, if it was read.

    Raises:
        Invalid: a file is not a valid zone, or does not have such a date.
        NotFound: it cannot be opened.
    """
    for file in named:
        source = files.format_name(file)
        octets = stdin if file == files.STDIN else None
        if octets is None:
            octets = files.read(file, MAX_OCTETS)
        rrsets = master.try_read(octets, source, at.zone)
        if rrsets is not None:
            identity = _set_date(repo.now(), dates, file, rrsets[at.zone, rrtypes.SOA])
            words = message or f"import {files.format_name(Path(file).name)}"
            words = import_sources.add_source(words, import_sources.make_file_source(octets))
            yield ImportedVersion(source, rrsets, words, identity, identity, master.take_findings())


def read_git(
    session: Session,
    at: BranchPosition,
    history: GitHistory,
    commits: Sequence[str],
    master: MasterFiles,
    known: int = 0,
    findings: tuple[Finding, ...] = (),
) -> Iterator[ImportedVersion]:
    """Yield a version for each git commit that changed the file, with its author, committer and
    message. A commit that deleted the file is skipped with a note.

    Args:
        session: the session of the command.
        at: the branch.
        history: the git repository.
        commits: the git commits, the oldest first.
        master: reads master files.
        known: the number of commits at the beginning to leave out.
        findings: findings to add to those of the first version.

    Raises:
        Invalid: a version is not a valid zone; names the git commit, the file and the line.
    """
    for each in history.read(commits, known):
        source = f"{each.short}:{history.file}"
        if each.content is None:
            session.output.print_progress("")
            session.output.print_note(
                f"{source} was deleted by this commit; the zone is not changed"
            )
            continue
        rrsets = master.try_read(each.content, source, at.zone)
        if rrsets is not None:
            commit = each.commit
            words = import_sources.add_source(
                commit.message or f"import {source}", import_sources.make_git_source(each.id)
            )
            found = findings + master.take_findings()
            findings = ()
            yield ImportedVersion(source, rrsets, words, commit.author, commit.committer, found)


def _set_date(identity: Identity, dates: Dates, file: str, found: RRset) -> Identity:
    match dates:
        case "now":
            return identity
        case "serial":
            return msgspec.structs.replace(
                identity, time=_find_serial_time(file, found), zone="+0000"
            )
        case "mtime":
            return msgspec.structs.replace(
                identity, time=_read_modification_time(file), zone="+0000"
            )


def _find_serial_time(file: str, found: RRset) -> int:
    serial = parse_soa(found).serial
    at = parse_time(serial)
    if at is None:
        raise Invalid(
            f"{files.format_name(file)}: the serial {serial} is not a date (YYYYMMDDnn)",
            hint="use --dates mtime for the file's modification time, or --dates now",
        )
    return at


def _read_modification_time(file: str) -> int:
    if file == files.STDIN:
        raise Invalid("standard input has no modification time", hint="use --dates now or serial")
    try:
        return max(0, int(os.stat(file).st_mtime))
    except OSError as error:
        raise NotFound(f"cannot read {file}: {error.strerror}") from error
