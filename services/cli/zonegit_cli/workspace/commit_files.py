"""Commit the changed files of a workspace, one commit for each zone.

Everything is checked before the first branch moves. A ref store has no transaction over several
zones, so a branch that moves concurrently can still leave a part of them uncommitted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from zonegit.errors import Conflict, Invalid, ZonegitError
from zonegit.objects.ids import short
from zonegit.repo import read_zones
from zonegit.repo.change import multi_zone
from zonegit.repo.change.multi_zone import ZoneCommitRequest, ZoneResult, ZonesRefused
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Preview, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import operations
from zonegit.repo.repo import Repo
from zonegit.store.ref_log import Moved
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.store.refs import ZoneRefs
from zonegit.views.outcome import SeveralDocument
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit_cli.output import format_count
from zonegit_cli.render import outcomes
from zonegit_cli.workspace.file_status import FileStatus
from zonegit_cli.workspace.index import IndexEntry
from zonegit_cli.workspace.working_tree import Workspace

if TYPE_CHECKING:
    from zonegit.bus.propagation import ZoneBranch

MAX_SHOWN: Final = 5
"""Zones that an error names; the others are counted."""


async def commit(
    repo: Repo, workspace: Workspace, files: Sequence[FileStatus], intent: Intent
) -> dict[Name, ZoneResult]:
    """Commit changed and new files; the zones of new files are registered.

    The files are not changed. Their index entries refer to the new commits afterwards.

    Raises:
        Conflict: a branch moved since its zone was checked out, or the zone of a new file has
            commits; names them, and nothing was committed.
        Invalid: a zone is not at a branch, or violates a rule of DNS; nothing was committed.
        Unsafe: a signed zone was changed and not signed again; nothing was committed.
        Unavailable: the stores cannot be reached.
        Conflict, Invalid: the index cannot be written; the commits were made.
    """
    refs = await read_zones.read_refs(repo, [file.zone for file in files])
    requests = _make_requests(files, refs)
    try:
        results = await multi_zone.commit(repo, requests, intent)
    except ZonesRefused as refused:
        raise combine_errors(refused.errors, "nothing was committed") from None
    if not intent.dry_run:
        entries = [_make_entry_after(file, results[file.zone]) for file in files]
        _write_index(workspace, [entry for entry in entries if entry is not None])
    return results


def _write_index(workspace: Workspace, entries: Sequence[IndexEntry]) -> None:
    try:
        workspace.keep(entries)
    except ZonegitError as error:  # for example a full disk
        raise type(error)(
            f"{error.message}; the commits were made anyway",
            hint="update the files with zonegit workspace update --merge",
        ) from error


def _make_requests(
    files: Sequence[FileStatus], refs: Mapping[Name, ZoneRefs]
) -> list[ZoneCommitRequest]:
    requests: list[ZoneCommitRequest] = []
    errors: dict[Name, ZonegitError] = {}
    for file in files:
        try:
            requests.append(_make_request(file, refs.get(file.zone)))
        except ZonegitError as error:
            errors[file.zone] = error
    if errors:
        raise combine_errors(errors, "nothing was committed")
    return requests


def _make_request(file: FileStatus, refs: ZoneRefs | None) -> ZoneCommitRequest:
    rrsets, found = file.content.rrsets, file.content.findings
    if file.entry is None:
        return ZoneCommitRequest(
            _require_no_commit(file.zone, refs), rrsets, register=refs is None, findings=found
        )
    entry = file.entry
    if entry.branch is None:
        raise Invalid(
            f"{entry.shown} is not at a branch, so it cannot be committed",
            hint="check out its branch into another folder, and make the change there",
        )
    tip = refs.heads.get(entry.branch) if refs is not None else None
    if tip is None:
        raise Conflict(
            f"branch {entry.branch} of {names.text(file.zone)} was deleted after the checkout",
            hint="run zonegit workspace update",
        )
    if tip.target != entry.commit:
        raise Conflict(
            f"{names.text(file.zone)} {entry.branch} moved to {short(tip.target)}, and"
            f" {entry.path} was checked out from {short(entry.commit)}",
            hint="merge both with zonegit workspace update --merge",
            tip=tip.target.hex(),
        )
    return ZoneCommitRequest(BranchPosition(file.zone, entry.branch, tip), rrsets, findings=found)


def _require_no_commit(zone: Name, refs: ZoneRefs | None) -> BranchPosition:
    if refs is not None and refs.heads:
        raise Conflict(
            f"{names.text(zone)} already has commits, and this file was not checked out",
            hint="move the file away, check the zone out, and make the change there",
        )
    return BranchPosition(zone, DEFAULT_BRANCH, None)


def _make_entry_after(file: FileStatus, result: ZoneResult) -> IndexEntry | None:
    """Return the index entry of a file after the commit; None if it was not committed."""
    seen, tree = file.fingerprint, file.content.tree
    match result:
        case Committed():
            branch, commit = result.branch, result.commit
            if file.entry is None:
                return IndexEntry(
                    file.zone, file.path, branch, branch, commit, tree, seen, own=True
                )
            return msgspec.structs.replace(
                file.entry, commit=commit, tree=tree, seen=seen, own=True
            )
        case Unchanged() if file.entry is not None:
            return msgspec.structs.replace(file.entry, tree=tree, seen=seen, own=True)
        case _:
            return None


def combine_errors(errors: Mapping[Name, ZonegitError], outcome: str) -> ZonegitError:
    """Return one error for those of several zones.

    It is a Conflict if one of them is, and has the hint of the first of that kind. Its details are
    the tips of the branches that moved.

    Args:
        errors: the error of each zone.
        outcome: the consequence for all zones, which begins the message.
    """
    first = min(errors.values(), key=lambda error: not isinstance(error, Conflict))
    messages = [_format_message(zone, error) for zone, error in errors.items()]
    more = (
        f"; and {format_count(len(messages) - MAX_SHOWN, 'more zone')}"
        if len(messages) > MAX_SHOWN
        else ""
    )
    message = f"{outcome}: {'; '.join(messages[:MAX_SHOWN])}{more}"
    tips = {
        names.text(zone): error.details["tip"]
        for zone, error in errors.items()
        if "tip" in error.details
    }
    return type(first)(message, hint=first.hint, **tips)


def _format_message(zone: Name, error: ZonegitError) -> str:
    shown = names.text(zone)
    return error.message if shown in error.message else f"{shown}: {error.message}"


async def make_document(
    repo: Repo,
    results: Mapping[Name, ZoneResult],
    served_by: Mapping["ZoneBranch", list[str] | None],
    intent: Intent,
) -> SeveralDocument:
    """Return the JSON document of all zones but the refused ones, which are reported as an
    error."""
    found = []
    for each in results.values():
        if isinstance(each, ZonegitError):
            continue
        served = served_by[each.zone, each.branch] if isinstance(each, Committed) else None
        found.append(
            await outcomes.make_document(repo, each, dry_run=intent.dry_run, served_by=served)
        )
    return SeveralDocument(
        committed=any(each.committed for each in found),
        dry_run=intent.dry_run,
        operation=intent.operation if not intent.dry_run else None,
        warnings=[warning for each in found for warning in each.warnings],
        results=found,
    )


async def format_lines(repo: Repo, results: Mapping[Name, ZoneResult]) -> list[str]:
    """Return the lines of all zones but the refused ones, which are reported as an error."""
    done = [each for each in results.values() if not isinstance(each, ZonegitError)]
    return [line for each in done for line in await outcomes.format_lines(repo, each)]


def list_branches(files: Collection[FileStatus]) -> "list[ZoneBranch]":
    """Return the branches that get the commits."""
    return [(file.zone, file.entry.branch if file.entry else DEFAULT_BRANCH) for file in files]


def list_moves(results: Mapping[Name, ZoneResult]) -> "dict[ZoneBranch, Moved]":
    """Return the moves by zone and branch."""
    made = [each for each in results.values() if isinstance(each, Committed)]
    return {(each.zone, each.branch): each.moved for each in made}


def list_findings(results: Mapping[Name, ZoneResult]) -> list[Finding]:
    """Return the findings about all zones that were not refused."""
    done = [each for each in results.values() if not isinstance(each, ZonegitError)]
    return [finding for each in done for finding in each.findings]


def find_failure(results: Mapping[Name, ZoneResult], intent: Intent) -> ZonegitError | None:
    """Return the error for refused commits, after a dry run or after some were made; None if none
    was refused. It names the zones that were committed, and the command to undo them."""
    would = {
        zone: each.judgement.refusal
        for zone, each in results.items()
        if isinstance(each, Preview) and each.judgement.refusal is not None
    }
    if would:
        return combine_errors(would, "nothing would be committed")
    failed = {zone: each for zone, each in results.items() if isinstance(each, ZonegitError)}
    if not failed:
        return None
    done = [zone for zone, each in results.items() if isinstance(each, Committed)]
    begun = [zone for zone, each in failed.items() if multi_zone.REGISTERED in each.details]
    if not done and not begun:
        return combine_errors(failed, "nothing was committed")
    outcome = (
        f"{_format_zones(done)} committed, but not all"
        if done
        else f"only registered {_format_zones(begun)}"
    )
    error = combine_errors(failed, outcome)
    assert intent.operation is not None
    undo = f"to undo what was done: zonegit undo {operations.shorten_id(intent.operation)}"
    hint = f"{undo}; or {error.hint}" if error.hint else undo
    return type(error)(error.message, hint=hint, **error.details, operation=intent.operation)


def _format_zones(zones: Sequence[Name]) -> str:
    shown = ", ".join(names.text(zone) for zone in zones[:MAX_SHOWN])
    more = (
        f" and {format_count(len(zones) - MAX_SHOWN, 'more zone')}"
        if len(zones) > MAX_SHOWN
        else ""
    )
    return f"{shown}{more}"


def malformed_error(files: Collection[FileStatus]) -> Invalid | None:
    """Return the error for files that do not parse; None if all do."""
    bad = [file for file in files if file.state == "malformed"]
    if not bad:
        return None
    more = f" (and {format_count(len(bad) - 1, 'more file')})" if len(bad) > 1 else ""
    return Invalid(f"{bad[0].problems[0]}{more}", hint="zonegit workspace status lists all errors")
