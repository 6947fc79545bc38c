"""zonegit workspace: check zones out as files, compare, commit and update them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zonegit.errors import Invalid
from zonegit.repo.repo import make_operation_id
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES, Scheme
from zonegit_cli import options
from zonegit_cli.output import Json, format_count
from zonegit_cli.session import Session
from zonegit_cli.table import Column, align_columns
from zonegit_cli.workspace import working_tree
from zonegit_cli.workspace.file_status import FileProgress, FileStatus, compare
from zonegit_cli.workspace.index import IndexEntry, make_index
from zonegit_cli.workspace.working_tree import Workspace

if TYPE_CHECKING:
    from zonegit.repo.change.multi_zone import ZoneResult
    from zonegit.repo.commit.intent import Intent

MAX_SHOWN: Final = 20
"""Files that are listed; the others are counted."""

COLUMNS: Final = (Column("STATE"), Column("ZONE", "middle"), Column("FILE", "wrap"))
CHECKED_OUT: Final = (Column("ZONE", "middle"), Column("REFISH", "middle"), Column("FILE", "wrap"))

_COLOURS: Final = {
    "changed": "yellow",
    "new": "green",
    "deleted": "red",
    "malformed": "red",
    "rewritten": None,
}

_FOLDER: Final = click.option(
    "-C",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The workspace, or a folder in it. [the working folder]",
)
_ZONES: Final = click.option(
    "--zone", "zones", type=options.ZONE, multiple=True, metavar="ZONE",
    help="Only this zone; repeatable.",
)  # fmt: skip


@options.session_command("checkout")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.argument("zones", type=options.ZONE_AT, nargs=-1, metavar="[ZONE[@REFISH]]...")
@click.option(
    "--scheme",
    type=click.Choice(OPERATOR_SCHEMES),
    help="Layout of the files in DIR (ZONEGIT_WORKSPACE_SCHEME).",
)
async def checkout(
    session: Session, folder: Path, zones: tuple[str, ...], scheme: Scheme | None
) -> None:
    """Write zones as master files below DIR, which becomes a workspace.

    A zone is checked out at its current branch or at REFISH. Without ZONEs all registered zones are
    checked out. If DIR is already a workspace, zones are added to it and deleted files are
    restored. Existing files are never overwritten.

    \b
    golang   com/example/db.zone       a folder for each label
    flat     example.com.zone          all files in one folder

    If two of the named ZONEs would get the same file, the command fails before it writes a file.
    Without ZONEs such zones are left out.

    \b
    zonegit workspace checkout zones
    zonegit workspace checkout --scheme flat zones example.com example.net@canary
    zonegit workspace checkout was example.com@{yesterday}
    """
    from zonegit_cli.workspace import checkout as zone_checkout

    requested = [zone_checkout.parse_zone(text) for text in zones]
    new_index = make_index(session.settings, scheme)
    index = working_tree.read_index(folder) or new_index
    if scheme is not None and index.scheme != scheme:
        raise Invalid(
            f"{folder} is a workspace with the scheme {index.scheme}",
            hint="use another folder for another scheme",
        )
    async with session.connect() as repo:
        chosen = await zone_checkout.resolve_zones(repo, requested, session.output.print_note)
        if not requested:
            chosen = zone_checkout.leave_out(index, chosen, session.output.print_note)
        zone_checkout.plan_paths(index, chosen)
        with working_tree.open_or_create(folder, new_index) as workspace:
            written = await zone_checkout.write(
                repo.objects, workspace, chosen, _make_progress(session)
            )
    data = {
        "folder": str(folder),
        "scheme": index.scheme,
        "written": [_entry_to_json(entry) for entry in written],
    }
    head = f"checked out {format_count(len(written), 'zone')} below {folder}, scheme {index.scheme}"
    rows = [
        (f"  {names.text(entry.zone)}", entry.refish, entry.path) for entry in written[:MAX_SHOWN]
    ]
    session.output.print_result(
        data, [head, *align_columns(rows, CHECKED_OUT, has_header=False), *_format_rest(written)]
    )


@options.session_command("status")
@_FOLDER
async def status(session: Session, folder: Path | None) -> int:
    """Show the files of a workspace that changed since they were checked out.

    The bus is not used. A file that differs in comments or order only is shown as rewritten: it is
    the same zone. The exit status is 1 if a file does not parse; the line is shown.

    \b
    zonegit workspace status
    zonegit workspace status -C zones --json
    """
    with working_tree.open_workspace(working_tree.find(folder), exclusive=False) as workspace:
        files = compare(workspace, progress=_make_progress(session))
        root, index = workspace.folder.root, workspace.index
    differ = [file for file in files if file.state != "unchanged"]
    head = f"{root}: {format_count(len(index.entries), 'zone')}, scheme {index.scheme}"
    clean = [] if differ else ["no file changed"]
    data = {
        "folder": str(root),
        "scheme": index.scheme,
        "zones": len(index.entries),
        "files": [_file_to_json(file) for file in differ],
    }
    session.output.print_result(data, [head, *clean, *_format_files(differ)], paged=True)
    return 1 if any(file.state == "malformed" for file in files) else 0


@options.session_command("diff")
@_FOLDER
@_ZONES
async def diff(session: Session, folder: Path | None, zones: tuple[Name, ...]) -> None:
    """Show the changes of a workspace, record by record.

    Each file is compared with the commit that it was checked out from: zonegit workspace commit
    would commit these differences.

    \b
    zonegit workspace diff
    zonegit workspace diff --zone example.com
    """
    from zonegit_cli.workspace import file_diff
    from zonegit_cli.workspace.commit_files import malformed_error

    with working_tree.open_workspace(working_tree.find(folder), exclusive=False) as workspace:
        files = compare(workspace, zones, _make_progress(session))
    changed = [file for file in files if file.state == "changed"]
    found = []
    if changed:
        async with session.connect() as repo:
            found = await file_diff.compare_files(repo, changed)
    lines = (line for each in found for line in file_diff.format_lines(each))
    session.output.print_result(
        lambda: [file_diff.to_json(each) for each in found], lines, paged=True
    )
    if error := malformed_error(files):
        raise error


@options.session_command("commit")
@_FOLDER
@_ZONES
@click.option("--new", is_flag=True, help="Also register and commit the zones of new files.")
@options.MESSAGE
@options.SIGN
@options.NO_SIGN
@options.FORCE
@options.REASON
@options.STRICT
@options.RESPELL
@options.DRY_RUN
@options.WAIT
async def commit(
    session: Session,
    folder: Path | None,
    zones: tuple[Name, ...],
    new: bool,
    message: str | None,
    sign: Path | None,
    no_sign: bool,
    force: bool,
    reason: str | None,
    strict: bool,
    respell: bool,
    dry_run: bool,
    wait: bool,
) -> None:
    """Commit the changes of a workspace: one commit for each zone, all in one operation.

    Each commit's parent is the commit that the file was checked out from. If a branch moved since,
    or a file does not parse, nothing is committed. If the serial of a file is later than that of
    the branch, it is used; otherwise the branch's serial is incremented. The files are not changed.

    \b
    zonegit workspace commit -m 'new mail servers'
    zonegit workspace commit --dry-run
    """
    from zonegit.repo.commit.intent import Intent
    from zonegit_cli.workspace import commit_files

    session = options.apply_signing(session, sign, off=no_sign)
    intent = Intent(
        (message or "").strip() or "workspace commit", "workspace commit", force,
        dry_run=dry_run, reason=reason, operation=make_operation_id(), strict=strict,
        respell=respell,
    )  # fmt: skip
    with working_tree.open_workspace(working_tree.find(folder), exclusive=not dry_run) as workspace:
        todo = _select_files(session, compare(workspace, zones, _make_progress(session)), new=new)
        if not todo:
            _print_nothing(session, dry_run=dry_run)
            return
        results, data, lines = await _commit_files(
            session, workspace, todo, intent, wait=wait and not dry_run
        )
    session.output.print_result(data, lines, paged=True)
    if failure := commit_files.find_failure(results, intent):
        raise failure


def _print_nothing(session: Session, *, dry_run: bool) -> None:
    from zonegit.views.outcome import SeveralDocument

    nothing = SeveralDocument(
        committed=False, dry_run=dry_run, operation=None, warnings=[], results=[]
    )
    text = "nothing to commit: no zone was changed"
    session.output.print_result(nothing, [text])


async def _commit_files(
    session: Session,
    workspace: Workspace,
    todo: Sequence[FileStatus],
    intent: "Intent",
    *,
    wait: bool,
) -> tuple[dict[Name, "ZoneResult"], Json, list[str]]:
    """Commit files, and return the outcomes with their JSON or their lines."""
    from zonegit.bus import propagation
    from zonegit_cli.render import findings, resolvers
    from zonegit_cli.workspace import commit_files

    async with (
        session.connect_bus() as bus,
        session.watch_branches(bus, commit_files.list_branches(todo), wanted=wait) as waiters,
    ):
        repo = session.make_repo(bus)
        results = await commit_files.commit(repo, workspace, todo, intent)
        served_by = await propagation.wait_all(waiters, commit_files.list_moves(results))
        findings.print_findings(session, commit_files.list_findings(results))
        if session.output.as_json:
            document = await commit_files.make_document(repo, results, served_by, intent)
            return results, document, []
        lines = await commit_files.format_lines(repo, results)
        lines += resolvers.format_served_by(resolvers.merge_served_by(served_by.values()))
        return results, {}, lines


@options.session_command("update")
@_FOLDER
@click.option("--merge", is_flag=True, help="Merge your changes with those of the branches.")
async def update(session: Session, folder: Path | None, merge: bool) -> int:
    """Update the files of a workspace to the tips of their branches.

    A file that you changed is not overwritten: if its branch moved, it is listed and left as it is.
    With --merge your uncommitted changes are merged with those of the branch; if both changed the
    same RRset, the file is left as it is and the exit status is 4. A merge drops comments; the
    former file is kept as FILE.orig if it has text that its records do not hold.

    \b
    zonegit workspace update
    zonegit workspace update --merge
    """
    from zonegit.repo import read_zones
    from zonegit_cli.workspace import update_files

    with working_tree.open_workspace(working_tree.find(folder), exclusive=True) as workspace:
        files = compare(workspace, progress=_make_progress(session))
        zones = [file.zone for file in files if file.entry and file.entry.branch is not None]
        async with session.connect() as repo:
            refs = await read_zones.read_refs(repo, zones)
            planned = update_files.plan(files, refs, merge=merge)
            updated = await update_files.update(repo, workspace, planned, _make_progress(session))
    return update_files.print_updates(session, updated)


@click.group("workspace")
def command() -> None:
    """Work on zones as files, with any editor, linter or CI.

    \b
    zonegit workspace checkout zones         write all zones as master files below zones/
    cd zones; vi com/example/db.zone
    zonegit workspace diff
    zonegit workspace commit -m 'new mail servers'
    zonegit workspace update                 get the commits of others
    """


for _subcommand in (checkout, status, diff, commit, update):
    command.add_command(_subcommand)


def _make_progress(session: Session) -> FileProgress:
    return lambda done, total: session.output.print_bar(done, total, "zones")


def _select_files(session: Session, files: Sequence[FileStatus], *, new: bool) -> list[FileStatus]:
    """Return the files to commit; print a note for each new or deleted file that is not committed.

    Raises:
        Invalid: a file to commit does not parse.
    """
    from zonegit_cli.workspace import commit_files

    if error := commit_files.malformed_error([file for file in files if file.entry or new]):
        raise error
    for file in files:
        zone = names.text(file.zone)
        if file.entry is None and not new:
            session.output.print_note(f"{file.path} is new; --new registers {zone}")
        if file.state == "deleted":
            session.output.print_note(
                f"{file.path} is deleted, {zone} is not: see zonegit zone remove"
            )
    return [file for file in files if file.state == "changed" or (new and file.state == "new")]


def _format_rest(every: Sequence[Any]) -> list[str]:
    return [f"  and {len(every) - MAX_SHOWN:,} more"] if len(every) > MAX_SHOWN else []


def _entry_to_json(entry: IndexEntry) -> dict[str, Any]:
    return {
        "zone": names.text(entry.zone),
        "path": entry.path,
        "branch": entry.branch,
        "refish": entry.refish,
        "commit": entry.commit.hex(),
    }


def _file_to_json(file: FileStatus) -> dict[str, Any]:
    return {
        "zone": names.text(file.zone),
        "path": file.path,
        "state": file.state,
        "branch": file.entry.branch if file.entry else None,
        "commit": file.entry.commit.hex() if file.entry else None,
        "errors": list(file.problems),
    }


def _format_files(files: Sequence[FileStatus]) -> list[str]:
    rows = [
        (f"  {click.style(file.state, fg=_COLOURS[file.state])}", names.text(file.zone), shown)
        for file in files
        for shown in file.problems or (file.path,)
    ]
    return align_columns(rows, COLUMNS, has_header=False)
