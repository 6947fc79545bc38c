"""Commit many versions of a zone: find the branch, write the commits, move the branch once, wait
for the resolvers, and print the outcome."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from zonegit.objects.ids import CommitId
from zonegit.repo import heads
from zonegit.repo.change import import_series
from zonegit.repo.change.import_series import Added, ImportedSeries, ImportedVersion
from zonegit.repo.commit.commit_loop import Intent
from zonegit.repo.commit.dry_runs import first_refusal
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.zone import names
from zonegit_cli import propagation
from zonegit_cli.commit_command import warn_of_head
from zonegit_cli.import_export.master_files import MasterFiles
from zonegit_cli.options import CommitOptions
from zonegit_cli.output import commit_id, count
from zonegit_cli.render import documents, dry_runs, findings, outcomes
from zonegit_cli.render.documents import (
    CommitDocument,
    ImportDocument,
    SeriesDocument,
    VersionDocument,
)
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
    how: CommitOptions,
    versions_for: VersionsFor,
    intent: Intent,
    master: MasterFiles,
) -> None:
    """Commit versions on the branch that the command works on, and print the outcome."""
    done = 0

    def progress(added: Added) -> None:
        nonlocal done
        done += 1
        text = f"serial {added.serial}" if added.commit is not None else "no change"
        session.output.progress(f"{done:,} versions, {added.source}: {text}")

    async with session.bus() as bus:
        repo = session.repo(bus)
        at = await heads.find_position(repo, how.zone, how.branch)
        of_head = warn_of_head(session, strict=how.strict, dry_run=how.dry_run)
        wait = how.wait and not how.dry_run
        async with propagation.watch_branch(
            session, bus, at.zone, at.branch, wanted=wait
        ) as waiter:
            new = await versions_for(repo, at)
            written = await import_series.import_versions(
                repo, at, new.versions, intent, progress, new.base
            )
            session.output.progress("")
            heard = await waiter.wait(written.moved) if written.moved else propagation.Propagated()
        findings.print_findings(session, written.findings)
        data: dict[str, Any] = {}
        if session.output.as_json:
            found = await _document(repo, at, written, how)
            found.served_by = heard.served_by
            found.warnings = [*documents.warnings(of_head), *found.warnings]
            data = documents.as_json(_with_versions(master.extend(found), new, written))
    session.output.result(data, [*_lines(at, new, written, how), *heard.lines()], paged=True)
    if refusal := first_refusal([written.judgement]):
        raise refusal


def _lines(
    at: BranchPosition, new: NewVersions, written: ImportedSeries, how: CommitOptions
) -> list[str]:
    where = f"{names.text(at.zone)} {at.branch}"
    made = written.commits
    known = [f"  {count(new.known, 'version')} imported before"] if new.known else []
    if not made and new.base is not None:
        would = "would move" if how.dry_run else "moved"
        return [*known, f"{would} {where} to {commit_id(new.base)}, which was exported from here"]
    if not made:
        return [*known, f"nothing to commit: {where} is already up to date"]
    would = "would commit to " if how.dry_run else ""
    counted = f"{count(len(made), 'commit')} of {count(len(written.added), 'version')}"
    was = f"{written.before} -> " if written.before is not None else ""
    return [
        *known,
        *map(_line, made),
        f"{would}{where} {commit_id(made[-1].commit or b'')} ({counted},"
        f" serial {was}{made[-1].serial})",
        *(dry_runs.lines(written.judgement) if written.judgement is not None else ()),
    ]


def _line(added: Added) -> str:
    return (
        f"  {commit_id(added.commit or b'')} serial {added.serial},"
        f" {count(added.changed, 'RRset')}: {added.source}"
    )


async def _document(
    repo: Repo, at: BranchPosition, written: ImportedSeries, how: CommitOptions
) -> CommitDocument:
    made = written.commits
    tip = at.tip.target if at.tip is not None else None
    if written.moved is not None:
        tip = made[-1].commit
    return CommitDocument(
        zone=names.text(at.zone),
        branch=at.branch,
        committed=written.moved is not None,
        dry_run=how.dry_run,
        new_commit=bool(made),
        commit=tip.hex() if tip is not None else None,
        parent=written.parent.hex() if written.moved is not None and written.parent else None,
        serial=made[-1].serial if made else written.before,
        serial_before=written.before,
        verdict=dry_runs.document(written.judgement),
        warnings=documents.warnings(written.findings),
        changes=await outcomes.changes(repo, written.trees) if written.trees is not None else [],
    )


def _with_versions(
    document: ImportDocument, new: NewVersions, written: ImportedSeries
) -> SeriesDocument:
    versions = [
        VersionDocument(
            source=each.source,
            commit=each.commit.hex() if each.commit is not None else None,
            serial=each.serial,
            changed=each.changed,
        )
        for each in written.added
    ]
    return SeriesDocument(**msgspec.structs.asdict(document), known=new.known, versions=versions)
