"""zonegit import: master files become the zone, one commit each."""

import gc
import os
from pathlib import Path
from typing import Final

import click
import msgspec

from zonegit.errors import NotFound
from zonegit.repo.commit import change_plan, edits
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.commit_loop import OnConflict
from zonegit.repo.commit.edits import RRsetEdit
from zonegit.repo.heads import BranchPosition, Repo
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

MODEST: Final = 10
"""How nice an import is: what it computes must not keep a resolver on this machine waiting."""


@options.page("import")
@click.argument("named", nargs=-1, type=click.Path(), metavar="FILE|-...")
@click.option("--merge", is_flag=True, help="Add the file's records; what else there is stays.")
@click.option("--series", is_flag=True, help="Each FILE is a version of the zone: a commit each.")
@click.option(
    "--dates",
    type=click.Choice(DATES),
    help="What dates the commits of a series  [now]",
)
@click.option(
    "--from-git",
    "repository",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Take the history of a file in this repository of git.",
)
@click.option("--file", "name", metavar="NAME", help="That file, from the repository's top.")
@click.option("--rev", metavar="BRANCH", help="The branch of git that it is taken from  [HEAD]")
@click.option("--lenient", is_flag=True, help="Skip records that cannot stand, and say which.")
@options.RESPELL
@options.commits
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
    how: CommitOptions,
) -> None:
    """Make the zone equal a master file (RFC 1035), as one commit; or many, one after the other.

    Everything is checked before anything is written; an error names file, line and record. The
    file's serial is taken when it is later than the zone's, else the zone's moves by one. With
    --force every object is stored anew, which repairs those that the store calls corrupt.

    With --lenient a record is left out, and named with its line, when its RDATA is malformed (a
    string over 255 octets), it is outside the zone, a DS or a second SOA at the apex, or a CNAME
    and other data meet at its name: of those the first in the file stays. Where NS and DNAME meet
    below the apex, the DNAME is left out, and an RRset that fits no DNS message is left out whole.
    Of a series a whole version is left out that cannot be read.

    With --series the files are versions of the zone, the oldest first. Those that differ from the
    one before become commits, and the branch moves once, at the end. With --dates serial a serial
    YYYYMMDDnn dates its commit (midnight UTC and nn minutes), with mtime the time of the file.

    With --from-git each commit of git that changed the file NAME becomes one, with its author,
    committer, dates and message: those that git log -- NAME lists, but of a merge to which both
    sides gave something the merge alone, on its first parent.

    A history that is imported again adds only what is new: each commit names the file or the commit
    of git that it came from in the last line of its message.

    \b
    zonegit import example.com.zone --dry-run
    zonegit import example.com.zone -m 'initial import' --wait
    zonegit import example.com.zone --lenient
    zonegit import hosts.zone --merge       add its records; the rest stays
    zonegit export canary | zonegit import - --branch main
    zonegit import --series --dates serial root-*.zone
    zonegit import --from-git ~/dns --file zones/example.com.zone
    """
    past = _past(repository, name, rev)
    if past is not None and (named or merge or series or how.message is not None):
        raise click.UsageError("--from-git takes no FILE, --merge, --series or --message")
    if dates is not None and not series:
        raise click.UsageError("--dates is for --series; commits of git have dates of their own")
    if past is None and not series and len(named) != 1:
        raise click.UsageError("one FILE makes a commit; --series takes many")
    if series and (merge or not named):
        raise click.UsageError("--series takes the FILEs of whole zones, and no --merge")
    os.nice(MODEST)
    gc.disable()  # a zone is millions of objects without a cycle, and it would walk them all
    left_out = SkippedRecords(session) if lenient else None
    master = MasterFiles(session, None if past else session.include, left_out)
    if past is not None:
        await _import_git(session, past, master, how)
    elif series:
        await _import_series(session, named, dates or "now", master, how)
    else:
        await _import_one(session, named[0], master, how, merge=merge)


class _Past(msgspec.Struct, frozen=True):
    """The history of a file in a repository of git."""

    repository: Path
    file: str
    rev: str


def _past(repository: Path | None, name: str | None, rev: str | None) -> _Past | None:
    if repository is None:
        if name is not None or rev is not None:
            raise click.UsageError("--file and --rev are for --from-git")
        return None
    if name is None:
        raise click.UsageError("--from-git needs --file NAME, a path from the repository's top")
    return _Past(repository, name, rev or "HEAD")


async def _import_one(
    session: Session, file: str, master: MasterFiles, how: CommitOptions, *, merge: bool
) -> None:
    octets = files.read(file, MAX_OCTETS)

    def plan_for(repo: Repo, position: BranchPosition) -> ChangePlanner:
        found = master.read(octets, files.shown(file), position.zone, whole=not merge)
        rrsets = list(found.values())
        if not merge:
            renew = repo.objects if how.force and not how.dry_run else None
            plan = change_plan.plan_replacement(rrsets, position.zone, renew, respell=how.respell)
        else:
            todo = _merging(rrsets, position)
            plan = change_plan.plan_edits(todo, position.zone, respell=how.respell)
        return change_plan.add_findings(plan, master.take_findings())

    words = f"{'merge' if merge else 'import'} {files.shown(Path(file).name)}"
    on_conflict = OnConflict.REBASE_IF_DISJOINT if merge else OnConflict.FAIL
    intent = commit_command.intent(how, "import", words, imports=not merge, on_conflict=on_conflict)
    await commit_command.commit(session, how, plan_for, intent, master.extend)


async def _import_series(
    session: Session, named: tuple[str, ...], dates: Dates, master: MasterFiles, how: CommitOptions
) -> None:
    async def versions_for(repo: Repo, at: BranchPosition) -> NewVersions:
        stdin = files.read(files.STDIN, MAX_OCTETS) if files.STDIN in named else None
        known = await continuation.count_known_files(
            repo, at, named, stdin, master, force=how.force
        )
        new = named[known:]
        made = versions.of_files(repo, at, new, dates, how.message, master, stdin)
        return NewVersions(made, known)

    intent = commit_command.intent(
        how, "import", "import", imports=True, on_conflict=OnConflict.FAIL
    )
    await commit_series.commit(session, how, versions_for, intent, master)


async def _import_git(
    session: Session, past: _Past, master: MasterFiles, how: CommitOptions
) -> None:
    history = GitHistory(past.repository, past.file)
    chain = history.commits(past.rev)
    if not chain:
        raise NotFound(
            f"no commit of {past.rev} touches {past.file}",
            hint="a path from the repository's top, such as git log --name-only shows",
        )

    async def versions_for(repo: Repo, at: BranchPosition) -> NewVersions:
        found = await continuation.continue_from_git(
            repo, at, history, past.rev, chain, master, force=how.force
        )
        warnings = found.findings(at.branch)
        made = versions.of_git(session, at, history, found.commits, master, found.known, warnings)
        return NewVersions(made, found.known, found.base)

    intent = commit_command.intent(
        how, "import", "import", imports=True, on_conflict=OnConflict.FAIL
    )
    await commit_series.commit(session, how, versions_for, intent, master)


def _merging(rrsets: list[RRset], position: BranchPosition) -> list[RRsetEdit]:
    """Every record joins its RRset; an SOA counts only where the zone has none."""
    return [
        edits.Set(rrset) if rrset.rdtype == rrtypes.SOA else edits.Add(rrset)
        for rrset in rrsets
        if rrset.rdtype != rrtypes.SOA or position.tip is None
    ]
