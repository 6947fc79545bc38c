"""zonegit workspace: checkout, status, diff, commit, update."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile.zone_paths import OFFERED, Scheme
from zonegit_cli import options
from zonegit_cli.output import columns, count
from zonegit_cli.session import Session
from zonegit_cli.workspace import schemes, working_tree
from zonegit_cli.workspace.file_status import FileProgress, FileStatus, compare
from zonegit_cli.workspace.index import IndexEntry

SHOWN: Final = 20
"""Files listed one by one before they are only counted."""

_COLOURS: Final = {
    "changed": "yellow",
    "new": "green",
    "deleted": "red",
    "malformed": "red",
    "rewritten": None,
}

_in_folder: Final = click.option(
    "-C",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The workspace, or a folder in it; else the working folder.",
)
_of_zones: Final = click.option(
    "--zone", "zones", type=options.ZONE, multiple=True, metavar="ZONE",
    help="Only this zone; may be given several times.",
)  # fmt: skip


@options.page("checkout")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.argument("zones", type=options.ZONE_AT, nargs=-1, metavar="[ZONE[@REFISH]]...")
@click.option(
    "--scheme", type=click.Choice(OFFERED), help="How zones lie in DIR (ZONEGIT_WORKSPACE_SCHEME)."
)
async def checkout(
    session: Session, folder: Path, zones: tuple[str, ...], scheme: Scheme | None
) -> None:
    """Write zones as master files below DIR, which becomes a workspace.

    Each zone is that of the branch you would work on, or of its REFISH; without ZONEs it is every
    zone that is registered. In a workspace that is there already, zones are added to it, and files
    that are gone come back; no file that is there is written over.

    \b
    golang   com/example/db.zone       the path shows the canonical name
    flat     example.com.zone          all in one folder

    Zones that are named and would share a file are refused before one is written; of all zones,
    those without a file of their own are left out.

    \b
    zonegit workspace checkout zones
    zonegit workspace checkout --scheme flat zones example.com example.net@canary
    zonegit workspace checkout was example.com@{yesterday}
    """
    from zonegit_cli.workspace import checkout as taking

    asked = [taking.wanted(text) for text in zones]
    fresh = schemes.fresh(session.settings, scheme)
    index = working_tree.peek(folder) or fresh
    if scheme is not None and index.scheme != scheme:
        raise Invalid(
            f"{folder} is a workspace of the scheme {index.scheme}",
            hint="name another folder for another scheme",
        )
    async with session.connected() as repo:
        chosen = await taking.chosen(repo, asked, session.output.note)
        if not asked:
            chosen = taking.leave_out(index, chosen, session.output.note)
        taking.plan(index, chosen)
        with working_tree.made(folder, fresh) as workspace:
            written = await taking.write(repo.objects, workspace, chosen, _bar(session))
    data = {
        "folder": str(folder),
        "scheme": index.scheme,
        "written": [_entry_json(entry) for entry in written],
    }
    head = f"checked out {count(len(written), 'zone')} below {folder}, scheme {index.scheme}"
    rows = [(f"  {names.text(entry.zone)}", entry.refish, entry.path) for entry in written[:SHOWN]]
    session.output.result(data, [head, *columns(rows), *_rest(written)])


@options.page("status")
@_in_folder
async def status(session: Session, folder: Path | None) -> int:
    """Show what was changed in a workspace since it was checked out.

    Nothing is asked over the bus. A file that was only rewritten (comments, order) is the same
    zone. The exit status is 1 where a file does not parse, and tells the line.

    \b
    zonegit workspace status
    zonegit workspace status -C zones --json
    """
    with working_tree.opened(working_tree.find(folder), exclusive=False) as workspace:
        files = compare(workspace, progress=_bar(session))
        root, index = workspace.folder.root, workspace.index
    differ = [file for file in files if file.state != "unchanged"]
    head = f"{root}: {count(len(index.entries), 'zone')}, scheme {index.scheme}"
    clean = [] if differ else ["all as checked out"]
    data = {
        "folder": str(root),
        "scheme": index.scheme,
        "zones": len(index.entries),
        "files": [_file_json(file) for file in differ],
    }
    session.output.result(data, [head, *clean, *_file_lines(differ)], paged=True)
    return 1 if any(file.state == "malformed" for file in files) else 0


@options.page("diff")
@_in_folder
@_of_zones
async def diff(session: Session, folder: Path | None, zones: tuple[Name, ...]) -> None:
    """Show what was changed in a workspace, record by record.

    It is what zonegit workspace commit would commit, from the commit that each file came from.

    \b
    zonegit workspace diff
    zonegit workspace diff --zone example.com
    """
    from zonegit_cli.workspace import file_diff
    from zonegit_cli.workspace.commit_files import malformed

    with working_tree.opened(working_tree.find(folder), exclusive=False) as workspace:
        files = compare(workspace, zones, _bar(session))
    changed = [file for file in files if file.state == "changed"]
    found = []
    if changed:
        async with session.connected() as repo:
            found = await file_diff.differences(repo, changed)
    lines = (line for each in found for line in file_diff.lines(each))
    session.output.result(lambda: [file_diff.as_json(each) for each in found], lines, paged=True)
    if wrong := malformed(files):
        raise wrong


@options.page("commit")
@_in_folder
@_of_zones
@click.option("--new", is_flag=True, help="Register the zones of new files, too.")
@options.MESSAGE
@options.SIGN
@options.NO_SIGN
@options.FORCE
@options.REASON
@options.STRICT
@options.RESPELL
@options.DRY_RUN
@options.waits
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
    """Commit what was changed in a workspace: one commit for each zone, all one operation.

    Each is made on the commit that the file came from. Where a branch has moved since, or a file
    does not parse, nothing at all is committed. A file's serial is taken when it is later than the
    branch's, else that moves by one; files stay as they are, comments and all.

    \b
    zonegit workspace commit -m 'new mail servers'
    zonegit workspace commit --dry-run
    """
    from zonegit.repo import heads
    from zonegit.repo.commit.commit_loop import Intent
    from zonegit_cli import propagation
    from zonegit_cli.render import documents, findings
    from zonegit_cli.workspace import commit_files

    session = options.signing(session, sign, off=no_sign)
    intent = Intent(
        (message or "").strip() or "workspace commit", "workspace commit", force,
        dry_run=dry_run, reason=reason, operation=heads.new_operation(), strict=strict,
        respell=respell,
    )  # fmt: skip
    with working_tree.opened(working_tree.find(folder), exclusive=not dry_run) as workspace:
        todo = _to_commit(session, compare(workspace, zones, _bar(session)), new=new)
        if not todo:
            nothing = documents.SeveralDocument(
                committed=False, dry_run=dry_run, operation=None, warnings=[], results=[]
            )
            text = "nothing to commit: no zone was changed"
            session.output.result(documents.as_json(nothing), [text])
            return
        wanted = wait and not dry_run
        async with (
            session.bus() as bus,
            propagation.waiting_for(
                session, bus, commit_files.places(todo), wanted=wanted
            ) as waiters,
        ):
            repo = session.repo(bus)
            results = await commit_files.commit(repo, workspace, todo, intent)
            heard = await propagation.until_all(waiters, commit_files.moved(results))
            findings.tell(session, commit_files.found(results))
            data: dict[str, Any] = {}
            shown: list[str] = []
            if session.output.as_json:
                found = await commit_files.documents_of(repo, results, heard, intent)
                data = documents.as_json(found)
            else:
                shown = await commit_files.lines(repo, results)
                shown += propagation.together(heard.values()).lines()
    session.output.result(data, shown, paged=True)
    if failure := commit_files.failure(results, intent):
        raise failure


@options.page("update")
@_in_folder
@click.option("--merge", is_flag=True, help="Put changes of yours and of others together.")
async def update(session: Session, folder: Path | None, merge: bool) -> int:
    """Bring the files of a workspace forward to the tips of their branches.

    What you changed is never written over: a file of yours whose branch has moved is left and
    named. With --merge it becomes both changes, yours not yet committed; where both changed the
    same RRset it stays, and the exit status is 4. Comments go then, and for text that its records
    do not hold the former file stays beside it, as FILE.orig.

    \b
    zonegit workspace update
    zonegit workspace update --merge
    """
    from zonegit.repo import many_zones
    from zonegit_cli.workspace import update_files, update_report

    with working_tree.opened(working_tree.find(folder), exclusive=True) as workspace:
        files = compare(workspace, progress=_bar(session))
        zones = [file.zone for file in files if file.entry and file.entry.branch is not None]
        async with session.connected() as repo:
            refs = await many_zones.read_refs(repo, zones)
            fates = update_files.fates(files, refs, merge=merge)
            found = await update_files.update(repo, workspace, fates, _bar(session))
    return update_report.tell(session, found)


@click.group("workspace")
def command() -> None:
    """Work on zones as files: with any editor, linter or CI.

    \b
    zonegit workspace checkout zones         every zone as a master file below zones/
    cd zones; vi com/example/db.zone
    zonegit workspace diff
    zonegit workspace commit -m 'new mail servers'
    zonegit workspace update                 what others have committed
    """


for _page in (checkout, status, diff, commit, update):
    command.add_command(_page)


def _bar(session: Session) -> FileProgress:
    return lambda done, total: session.output.bar(done, total, "zones")


def _to_commit(session: Session, files: Sequence[FileStatus], *, new: bool) -> list[FileStatus]:
    """The files that get a commit; those that are left alone, and what is odd about the others, is
    told.

    Raises:
        Invalid: one that would get a commit does not parse.
    """
    from zonegit_cli.workspace import commit_files

    if wrong := commit_files.malformed([file for file in files if file.entry or new]):
        raise wrong
    for file in files:
        zone = names.text(file.zone)
        if file.entry is None and not new:
            session.output.note(f"{file.path} is new; --new registers {zone}")
        if file.state == "deleted":
            session.output.note(f"{file.path} is gone, {zone} is not: see zonegit zone remove")
    todo = [file for file in files if file.state == "changed" or (new and file.state == "new")]
    return todo


def _rest(every: Sequence[Any]) -> list[str]:
    return [f"  and {len(every) - SHOWN:,} more"] if len(every) > SHOWN else []


def _entry_json(entry: IndexEntry) -> dict[str, Any]:
    return {
        "zone": names.text(entry.zone),
        "path": entry.path,
        "branch": entry.branch,
        "refish": entry.refish,
        "commit": entry.commit.hex(),
    }


def _file_json(file: FileStatus) -> dict[str, Any]:
    return {
        "zone": names.text(file.zone),
        "path": file.path,
        "state": file.state,
        "branch": file.entry.branch if file.entry else None,
        "commit": file.entry.commit.hex() if file.entry else None,
        "errors": list(file.problems),
    }


def _file_lines(files: Sequence[FileStatus]) -> list[str]:
    rows = [
        (f"  {click.style(file.state, fg=_COLOURS[file.state])}", names.text(file.zone), shown)
        for file in files
        for shown in file.problems or (file.path,)
    ]
    return columns(rows)
