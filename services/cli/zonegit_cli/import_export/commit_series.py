"""Commit many versions of a zone: find the branch, write the commits, move the branch once, wait
for the resolvers, and print the outcome."""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from zonegit.errors import Denied, Unavailable, ZonegitError
from zonegit.objects.ids import CommitId
from zonegit.repo.change import import_series
from zonegit.repo.change.import_series import ImportedCommit, ImportedSeries, ImportedVersion
from zonegit.repo.commit.dry_runs import find_refusal
from zonegit.repo.commit.intent import Intent
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.views.outcome import (
    CommitDocument,
    ImportDocument,
    SeriesDocument,
    VersionDocument,
)
from zonegit.views.verdict import make_verdict
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit_cli import commit_command
from zonegit_cli.commit_command import TargetBranch
from zonegit_cli.import_export.master_files import MasterFiles
from zonegit_cli.options import CommitOptions
from zonegit_cli.output import Json, format_count, format_id, to_hex
from zonegit_cli.render import dry_runs, findings, outcomes, resolvers
from zonegit_cli.session import Session


class NewVersions(msgspec.Struct, frozen=True):
    """The versions to commit.

    Args:
        versions: those that the branch does not have, the oldest first.
        known: the number of versions that were left out because the branch has them.
        base: the parent of the first one, a descendant of the tip; None for the tip.
    """

    versions: Iterable[ImportedVersion]
    known: int = 0
    base: CommitId | None = None


VersionsFor = Callable[[Repo, BranchPosition], Awaitable[NewVersions]]
"""Returns the versions to commit on a branch."""


async def commit(
    session: Session,
    commit_options: CommitOptions,
    versions_for: VersionsFor,
    intent: Intent,
    master: MasterFiles,
) -> None:
    """Commit versions on the branch that the command works on, and print the outcome.

    Args:
        session: the session of the command.
        commit_options: the options of the command.
        versions_for: returns the versions to commit on a branch.
        intent: how to commit.
        master: the reader of the versions, which adds the skipped records to the document.
    """
    done = 0

    def progress(added: ImportedCommit) -> None:
        nonlocal done
        done += 1
        text = f"serial {added.serial}" if added.commit is not None else "no change"
        session.output.print_progress(f"{done:,} versions, {added.source}: {text}")

    async with commit_command.open_target(session, commit_options) as target:
        new = await versions_for(target.repo, target.at)
        written = await import_series.import_versions(
            target.repo, target.at, new.versions, intent, progress, new.base
        )
        session.output.print_progress("")
        served_by, failure = await _wait(target, written)
        findings.print_findings(session, written.findings)
        data: Json = {}
        if session.output.as_json:
            document = await _make_document(target, written, commit_options)
            document.served_by = served_by

            def extend(document: CommitDocument) -> CommitDocument:
                return _add_versions(master.extend(document), new, written)

            data = target.to_json(document, extend)
    lines = [
        *_format_lines(target.at, new, written, commit_options),
        *resolvers.format_served_by(served_by),
        *(outcomes.format_reversal(written.moved) if written.moved is not None else ()),
    ]
    session.output.print_result(data, lines, paged=True)
    if refusal := find_refusal([written.judgement]):
        raise refusal
    if failure is not None:
        raise failure


async def _wait(
    target: TargetBranch, written: ImportedSeries
) -> tuple[list[str] | None, ZonegitError | None]:
    """Wait for the resolvers with ``--wait``; return them, or the error to raise at the end."""
    try:
        return await target.waiter.wait(written.moved), None
    except (Unavailable, Denied) as error:
        return None, error


def _format_lines(
    at: BranchPosition, new: NewVersions, written: ImportedSeries, commit_options: CommitOptions
) -> list[str]:
    where = f"{names.text(at.zone)} {at.branch}"
    made = written.commits
    known = [f"  {format_count(new.known, 'version')} imported before"] if new.known else []
    if not made and new.base is not None:
        would = "would move" if commit_options.dry_run else "moved"
        return [
            *known,
            f"{would} {where} to {format_id(new.base)}, which was exported from here",
        ]
    if not made:
        return [*known, f"nothing to commit: {where} is already up to date"]
    would = "would commit to " if commit_options.dry_run else ""
    counted = (
        f"{format_count(len(made), 'commit')} of {format_count(len(written.added), 'version')}"
    )
    was = f"{written.before} -> " if written.before is not None else ""
    return [
        *known,
        *map(_format_line, made),
        f"{would}{where} {format_id(made[-1].commit or b'')} ({counted},"
        f" serial {was}{made[-1].serial})",
        *(dry_runs.format_lines(written.judgement) if written.judgement is not None else ()),
    ]


def _format_line(added: ImportedCommit) -> str:
    return (
        f"  {format_id(added.commit or b'')} serial {added.serial},"
        f" {format_count(added.changed, 'RRset')}: {added.source}"
    )


async def _make_document(
    target: TargetBranch, written: ImportedSeries, commit_options: CommitOptions
) -> CommitDocument:
    at, made = target.at, written.commits
    tip = at.tip.target if at.tip is not None else None
    if written.moved is not None:
        tip = made[-1].commit
    return CommitDocument(
        zone=names.text(at.zone),
        branch=at.branch,
        committed=written.moved is not None,
        dry_run=commit_options.dry_run,
        new_commit=bool(made),
        commit=to_hex(tip),
        parent=written.parent.hex() if written.moved is not None and written.parent else None,
        serial=made[-1].serial if made else written.before,
        serial_before=written.before,
        verdict=make_verdict(written.judgement),
        warnings=make_warnings(written.findings),
        changes=await outcomes.read_changes(target.repo, written.trees)
        if written.trees is not None
        else [],
    )


def _add_versions(
    document: ImportDocument, new: NewVersions, written: ImportedSeries
) -> SeriesDocument:
    versions = [
        VersionDocument(
            source=each.source,
            commit=to_hex(each.commit),
            serial=each.serial,
            changed=each.changed,
        )
        for each in written.added
    ]
    return SeriesDocument(**msgspec.structs.asdict(document), known=new.known, versions=versions)
