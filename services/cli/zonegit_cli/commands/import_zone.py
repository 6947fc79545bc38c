"""zonegit import: import master files, or the history of a file, as commits."""

import gc
import os
from pathlib import Path
from typing import Final

import click
import msgspec

from zonegit.errors import NotFound
from zonegit.repo.commit import change_plan, commit_loop, edits
from zonegit.repo.commit.edits import RRsetEdit
from zonegit.repo.commit.intent import OnConflict
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.zone import rrtypes
from zonegit.zone.rrset import RRset
from zonegit.zonefile.reader import MAX_OCTETS
from zonegit_cli import commit_command, options
from zonegit_cli.import_export import commit_series, continuation, versions
from zonegit_cli.import_export.commit_series import NewVersions
from zonegit_cli.import_export.git_history import GitHistory
from zonegit_cli.import_export.master_files import MasterFiles, SkippedRecords
from zonegit_cli.import_export.versions import DATES, Dates
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse import files
from zonegit_cli.session import Session

IMPORT_NICENESS: Final = 10
"""Niceness of the process: an import must not delay a resolver on the same machine."""


@options.session_command("import")
@click.argument("named", nargs=-1, type=click.Path(), metavar="FILE|-...")
@click.option("--merge", is_flag=True, help="Add the file's records and keep all others.")
@click.option("--series", is_flag=True, help="Import each FILE as a version, with its own commit.")
@click.option(
    "--dates",
    type=click.Choice(DATES),
    help="Source of the dates of a series  [now]",
)
@click.option(
    "--from-git",
    "repository",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Import the history of a file in this git repository.",
)
@click.option("--file", "name", metavar="NAME", help="The file, relative to the repository's top.")
@click.option("--rev", metavar="BRANCH", help="The git branch to import  [HEAD]")
@click.option("--lenient", is_flag=True, help="Skip invalid records, and list them.")
@options.RESPELL
@options.commit_options
async def command(
    session: Session,
    named: tuple[str, ...],
    merge: bool,
    series: bool,
    dates: Dates | None,
    repository: Path | None,
    name: str | None,
    rev: str | None,
    lenient: bool,
    commit_options: CommitOptions,
) -> None:
    """Replace the zone by the content of a master file (RFC 1035), as one commit; or import many
    versions, as one commit each.

    The file is checked before anything is written; an error names file, line and record. If the
    file's serial is later than the zone's, it is used; otherwise the zone's serial is incremented.
    With --force every object is stored again, which repairs objects that are corrupt in the store.

    With --lenient these records are skipped, and listed with their line: a record with malformed
    RDATA (such as a string over 255 octets), a record outside the zone, a DS or a second SOA at the
    apex, and a CNAME or other data at the same name, whichever comes later in the file.
    Where NS and DNAME have the same name below the apex, the DNAME is skipped. An RRset that does
    not fit into a DNS message is skipped. In a series a version that cannot be read is skipped.

    With --series the files are versions of the zone, the oldest first. Each version that differs
    from the one before becomes a commit; the branch moves once, at the end. The date of a commit is
    the current time; with --dates serial it is the date in a serial YYYYMMDDnn (midnight UTC plus
    nn minutes), with --dates mtime the modification time of the file.

    With --from-git each git commit that changed the file NAME becomes a commit with the same
    author, committer, dates and message: those that git log -- NAME lists. If both sides of a merge
    changed the file, only the merge becomes a commit, on its first parent.

    If a history is imported again, only new versions are added: the last line of each commit's
    message names the file or the git commit that it came from.

    \b
    zonegit import example.com.zone --dry-run
    zonegit import example.com.zone -m 'initial import' --wait
    zonegit import example.com.zone --lenient
    zonegit import hosts.zone --merge       add its records to the zone
    zonegit export canary | zonegit import - --branch main
    zonegit import --series --dates serial root-*.zone
    zonegit import --from-git ~/dns --file zones/example.com.zone
    """
    git_file = _parse_git_options(repository, name, rev)
    _check_options(named, git_file, dates, commit_options.message, merge=merge, series=series)
    os.nice(IMPORT_NICENESS)
    gc.disable()  # a zone is millions of objects without cycles, and each collection visits all
    skipped = SkippedRecords(session) if lenient else None
    master = MasterFiles(session, None if git_file else session.include, skipped)
    if git_file is not None:
        await _import_git(session, git_file, master, commit_options)
    elif series:
        await _import_series(session, named, dates or "now", master, commit_options)
    else:
        await _import_one(session, named[0], master, commit_options, merge=merge)


class _GitFile(msgspec.Struct, frozen=True):
    """A file in a git repository, and the revision whose history is imported."""

    repository: Path
    file: str
    rev: str


def _parse_git_options(
    repository: Path | None, name: str | None, rev: str | None
) -> _GitFile | None:
    if repository is None:
        if name is not None or rev is not None:
            raise click.UsageError("--file and --rev require --from-git")
        return None
    if name is None:
        raise click.UsageError("--from-git requires --file NAME, relative to the repository's top")
    return _GitFile(repository, name, rev or "HEAD")


def _check_options(
    named: tuple[str, ...],
    git_file: _GitFile | None,
    dates: Dates | None,
    message: str | None,
    *,
    merge: bool,
    series: bool,
) -> None:
    if git_file is not None and (named or merge or series or message is not None):
        raise click.UsageError("--from-git takes no FILE, --merge, --series or --message")
    if dates is not None and not series:
        raise click.UsageError("--dates requires --series; git commits have their own dates")
    if git_file is None and not series and len(named) != 1:
        raise click.UsageError("expected one FILE; with --series one or more")
    if series and (merge or not named):
        raise click.UsageError("--series takes one or more FILEs, and no --merge")


async def _import_one(
    session: Session, file: str, master: MasterFiles, commit_options: CommitOptions, *, merge: bool
) -> None:
    octets = files.read(file, MAX_OCTETS)
    words = f"{'merge' if merge else 'import'} {files.format_name(Path(file).name)}"
    on_conflict = OnConflict.REBASE_IF_DISJOINT if merge else OnConflict.FAIL
    intent = commit_command.build_intent(
        commit_options, "import", words, imports=not merge, on_conflict=on_conflict
    )
    respell = commit_options.respell
    async with commit_command.open_target(session, commit_options) as target:
        repo, at = target.repo, target.at
        read = master.read(octets, files.format_name(file), at.zone, whole=not merge)
        found, rrsets = master.take_findings(), list(read.values())
        if merge:
            todo = _merge_edits(rrsets, at)
            plan = change_plan.plan_edits(todo, at.zone, respell=respell, found=found)
        else:
            renew = repo.objects if commit_options.force and not commit_options.dry_run else None
            plan = change_plan.plan_replacement(rrsets, at.zone, renew, respell=respell)
            plan = change_plan.add_findings(plan, found)
        outcome = await commit_loop.commit(repo, at, plan, intent)
        await commit_command.report_outcome(target, outcome, extend=master.extend)


async def _import_series(
    session: Session,
    named: tuple[str, ...],
    dates: Dates,
    master: MasterFiles,
    commit_options: CommitOptions,
) -> None:
    async def versions_for(repo: Repo, at: BranchPosition) -> NewVersions:
        stdin = files.read(files.STDIN, MAX_OCTETS) if files.STDIN in named else None
        known = await continuation.count_known_files(
            repo, at, named, stdin, master, force=commit_options.force
        )
        new = named[known:]
        made = versions.read_files(repo, at, new, dates, commit_options.message, master, stdin)
        return NewVersions(made, known)

    intent = commit_command.build_intent(
        commit_options, "import", "import", imports=True, on_conflict=OnConflict.FAIL
    )
    await commit_series.commit(session, commit_options, versions_for, intent, master)


async def _import_git(
    session: Session, git_file: _GitFile, master: MasterFiles, commit_options: CommitOptions
) -> None:
    history = GitHistory(git_file.repository, git_file.file)
    chain = history.list_commits(git_file.rev)
    if not chain:
        raise NotFound(
            f"no commit of {git_file.rev} touches {git_file.file}",
            hint="the path is relative to the repository's top, as in git log --name-only",
        )

    async def versions_for(repo: Repo, at: BranchPosition) -> NewVersions:
        found = await continuation.continue_from_git(
            repo, at, history, git_file.rev, chain, master, force=commit_options.force
        )
        warnings = found.make_findings(at.branch)
        made = versions.read_git(session, at, history, found.commits, master, found.known, warnings)
        return NewVersions(made, found.known, found.base)

    intent = commit_command.build_intent(
        commit_options, "import", "import", imports=True, on_conflict=OnConflict.FAIL
    )
    await commit_series.commit(session, commit_options, versions_for, intent, master)


def _merge_edits(rrsets: list[RRset], position: BranchPosition) -> list[RRsetEdit]:
    """Return edits that add all records; the SOA is used only if the zone has none."""
    return [
        edits.Set(rrset) if rrset.rdtype == rrtypes.SOA else edits.Add(rrset)
        for rrset in rrsets
        if rrset.rdtype != rrtypes.SOA or position.tip is None
    ]
