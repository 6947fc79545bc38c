"""What was changed in a workspace, as one commit for each zone; all of them or none, as far as can
be."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, ZonegitError
from zonegit.objects.ids import short
from zonegit.repo import many_zones
from zonegit.repo.change import multi_zone
from zonegit.repo.change.multi_zone import Result, ZoneCommitRequest, ZonesRefused
from zonegit.repo.commit.commit_loop import Committed, Intent, Preview, Unchanged
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.repo.inspect import operations
from zonegit.store.protocols import Moved, ZoneRefs
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit_cli.output import count
from zonegit_cli.propagation import Propagated, ZoneBranch
from zonegit_cli.render import outcomes
from zonegit_cli.render.documents import SeveralDocument
from zonegit_cli.workspace.file_status import FileStatus
from zonegit_cli.workspace.index import IndexEntry
from zonegit_cli.workspace.working_tree import Workspace

SHOWN: Final = 5
"""Zones that an error names before it only counts them."""


async def commit(
    repo: Repo, workspace: Workspace, files: Sequence[FileStatus], intent: Intent
) -> dict[Name, Result]:
    """Commits ``files``, which are changed or new; those are registered. Each file stays as it is,
    and says from now on what its commit does.

    Raises:
        Conflict: a branch moved since its zone was checked out, or a new zone is registered
            already; names them, and nothing was committed.
        Invalid: a zone is at no branch, or breaks a rule of DNS; nothing was committed.
        Unsafe: a signed zone was changed and not signed anew; nothing was committed.
        Unavailable: as the stores say.
        Conflict, Invalid: the index cannot be written; says that the commits stand.
    """
    refs = await many_zones.read_refs(repo, [file.zone for file in files])
    wishes = _wishes(files, refs)
    try:
        results = await multi_zone.commit(repo, wishes, intent)
    except ZonesRefused as refused:
        raise together(refused.errors, "nothing was committed") from None
    if not intent.dry_run:
        done = [_done(file, results[file.zone]) for file in files]
        _keep(workspace, [entry for entry in done if entry is not None])
    return results


def _keep(workspace: Workspace, entries: Sequence[IndexEntry]) -> None:
    try:
        workspace.keep(entries)
    except ZonegitError as error:  # a full disk, perhaps
        raise type(error)(
            f"{error.message}; what was committed is committed all the same",
            hint="zonegit workspace update --merge brings the files up to that",
        ) from error


def _wishes(files: Sequence[FileStatus], refs: Mapping[Name, ZoneRefs]) -> list[ZoneCommitRequest]:
    wishes: list[ZoneCommitRequest] = []
    errors: dict[Name, ZonegitError] = {}
    for file in files:
        try:
            wishes.append(_wish(file, refs.get(file.zone)))
        except ZonegitError as error:
            errors[file.zone] = error
    if errors:
        raise together(errors, "nothing was committed")
    return wishes


def _wish(file: FileStatus, refs: ZoneRefs | None) -> ZoneCommitRequest:
    rrsets, found = file.content.rrsets, file.content.findings
    if file.entry is None:
        return ZoneCommitRequest(
            _beginning(file.zone, refs), rrsets, register=refs is None, findings=found
        )
    entry = file.entry
    if entry.branch is None:
        raise Invalid(
            f"{entry.shown} is at no branch that could get a commit",
            hint="check its branch out into another folder, and change it there",
        )
    tip = refs.heads.get(entry.branch) if refs is not None else None
    if tip is None:
        raise Conflict(
            f"branch {entry.branch} of {names.text(file.zone)} is gone since it was checked out",
            hint="zonegit workspace update",
        )
    if tip.target != entry.commit:
        raise Conflict(
            f"{names.text(file.zone)} {entry.branch} is at {short(tip.target)} by now, and"
            f" {entry.path} is from {short(entry.commit)}",
            hint="zonegit workspace update --merge puts both together",
            tip=tip.target.hex(),
        )
    return ZoneCommitRequest(BranchPosition(file.zone, entry.branch, tip), rrsets, findings=found)


def _beginning(zone: Name, refs: ZoneRefs | None) -> BranchPosition:
    if refs is not None and refs.heads:
        raise Conflict(
            f"{names.text(zone)} is registered, and has commits that this file is not from",
            hint="move the file away, check the zone out, and change that",
        )
    return BranchPosition(zone, DEFAULT_BRANCH, None)


def _done(file: FileStatus, result: Result) -> IndexEntry | None:
    """What the index says of a file whose content is committed; None: it is not."""
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


def together(errors: Mapping[Name, ZonegitError], outcome: str) -> ZonegitError:
    """One error for those of several zones: of the gravest kind, with the hint of the first such;
    ``outcome`` is what this means for all of them. Its details are the tips that zones are at."""
    first = min(errors.values(), key=lambda error: not isinstance(error, Conflict))
    said = [_named(zone, error) for zone, error in errors.items()]
    more = f"; and {count(len(said) - SHOWN, 'more zone')}" if len(said) > SHOWN else ""
    message = f"{outcome}: {'; '.join(said[:SHOWN])}{more}"
    tips = {
        names.text(zone): error.details["tip"]
        for zone, error in errors.items()
        if "tip" in error.details
    }
    return type(first)(message, hint=first.hint, **tips)


def _named(zone: Name, error: ZonegitError) -> str:
    shown = names.text(zone)
    return error.message if shown in error.message else f"{shown}: {error.message}"


async def documents_of(
    repo: Repo,
    results: Mapping[Name, Result],
    heard: Mapping[ZoneBranch, Propagated],
    intent: Intent,
) -> SeveralDocument:
    """Return the JSON document of what became of all zones; of the refused ones an error tells."""
    found = []
    for each in results.values():
        if isinstance(each, ZonegitError):
            continue
        served = heard[each.zone, each.branch].served_by if isinstance(each, Committed) else None
        found.append(await outcomes.document(repo, each, dry_run=intent.dry_run, served_by=served))
    return SeveralDocument(
        committed=any(each.committed for each in found),
        dry_run=intent.dry_run,
        operation=intent.operation if not intent.dry_run else None,
        warnings=[warning for each in found for warning in each.warnings],
        results=found,
    )


async def lines(repo: Repo, results: Mapping[Name, Result]) -> list[str]:
    """Return what became of all zones for people; of the refused ones an error tells."""
    done = [each for each in results.values() if not isinstance(each, ZonegitError)]
    return [line for each in done for line in await outcomes.lines(repo, each)]


def places(files: Collection[FileStatus]) -> list[ZoneBranch]:
    """The branches that get the commits."""
    return [(file.zone, file.entry.branch if file.entry else DEFAULT_BRANCH) for file in files]


def moved(results: Mapping[Name, Result]) -> dict[ZoneBranch, Moved]:
    """What moved, by its place."""
    made = [each for each in results.values() if isinstance(each, Committed)]
    return {(each.zone, each.branch): each.moved for each in made}


def found(results: Mapping[Name, Result]) -> list[Finding]:
    """Return the findings about all zones that were not refused."""
    done = [each for each in results.values() if not isinstance(each, ZonegitError)]
    return [finding for each in done for finding in each.findings]


def failure(results: Mapping[Name, Result], intent: Intent) -> ZonegitError | None:
    """Return the error for what was refused, after all was judged or in a dry run.
    None where nothing was. It names what was committed, and the command that takes it back."""
    would = {
        zone: each.judgement.refusal
        for zone, each in results.items()
        if isinstance(each, Preview) and each.judgement.refusal is not None
    }
    if would:
        return together(would, "nothing would be committed")
    failed = {zone: each for zone, each in results.items() if isinstance(each, ZonegitError)}
    if not failed:
        return None
    done = [zone for zone, each in results.items() if isinstance(each, Committed)]
    begun = [zone for zone, each in failed.items() if multi_zone.REGISTERED in each.details]
    if not done and not begun:
        return together(failed, "nothing was committed")
    outcome = (
        f"{_listed(done)} committed, but not all" if done else f"only registered {_listed(begun)}"
    )
    error = together(failed, outcome)
    assert intent.operation is not None
    undo = f"zonegit undo {operations.short_id(intent.operation)} takes back what was done"
    hint = f"{undo}; or {error.hint}" if error.hint else undo
    return type(error)(error.message, hint=hint, **error.details, operation=intent.operation)


def _listed(zones: Sequence[Name]) -> str:
    shown = ", ".join(names.text(zone) for zone in zones[:SHOWN])
    more = f" and {count(len(zones) - SHOWN, 'more zone')}" if len(zones) > SHOWN else ""
    return f"{shown}{more}"


def malformed(files: Collection[FileStatus]) -> Invalid | None:
    """The error of those that do not parse, None where all do."""
    bad = [file for file in files if file.state == "malformed"]
    if not bad:
        return None
    more = f" (and {count(len(bad) - 1, 'more file')})" if len(bad) > 1 else ""
    return Invalid(
        f"{bad[0].problems[0]}{more}", hint="zonegit workspace status lists all that is wrong"
    )
