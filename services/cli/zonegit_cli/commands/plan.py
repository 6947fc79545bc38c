"""zonegit plan: show and save what a file would change."""

import gc
from pathlib import Path

import click

from zonegit.errors import Invalid
from zonegit.repo import heads
from zonegit.repo.change import saved_plan
from zonegit.repo.commit import change_plan, patch
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.dry_runs import find_refusal
from zonegit.repo.heads import BranchPosition
from zonegit.zone.names import Name
from zonegit.zonefile import reader
from zonegit_cli import options
from zonegit_cli.import_export.master_files import MasterFiles
from zonegit_cli.output import Json, format_json
from zonegit_cli.parse import edit_scripts, file_kinds, files
from zonegit_cli.render import findings
from zonegit_cli.render import plans as shown
from zonegit_cli.run import EXIT_DIFFERENT
from zonegit_cli.session import Session


@options.session_command("plan")
@click.argument("file", type=click.Path(), metavar="FILE|-")
@click.option("--out", type=click.Path(path_type=Path), metavar="PLAN", help="Save the plan here.")
@click.option("--exit-code", is_flag=True, help="Exit with 10 if the plan changes anything.")
@options.RESPELL
@options.zone_options
async def command(
    session: Session,
    file: str,
    out: Path | None,
    exit_code: bool,
    respell: bool,
    zone: Name | None,
    branch: str | None,
) -> int:
    """Show what FILE would change, RRset by RRset, and change nothing.

    FILE is a master file, as zonegit import takes it, or edits or a diff, as zonegit apply takes
    them. The first line that is neither empty nor a comment decides: edits begin with set, add,
    remove or delete, a diff begins with diff, + or -, and any other line begins a master file.

    With --out the plan is saved, and zonegit apply PLAN makes exactly these changes, even if the
    branch moved since. It refuses (exit status 4) if one of these RRsets changed since the plan was
    made. The file is the JSON that --json prints.

    The last line says whether refs would accept the move now. If not, the plan is still printed and
    saved, and the exit status is that of the refusal (7: unsafe).

    \b
    zonegit plan example.com.zone
    zonegit plan changes.txt --branch staging --exit-code
    zonegit plan example.com.zone --out tuesday.plan
    zonegit apply tuesday.plan -m 'as agreed'
    """
    octets = files.read(file, reader.MAX_OCTETS)
    source = files.format_name(file)
    file_kinds.refuse_for_plan(octets, file, source)
    is_import = not (patch.is_patch(octets) or edit_scripts.is_script(octets))
    async with session.connect() as repo:
        at = await heads.find_position(repo, zone, branch)
        if is_import:
            plan = _plan_zone(session, octets, source, at, respell=respell)
        else:
            plan = shown.plan_file(octets, at, source, session.ttl, respell=respell)
        saved, size = await saved_plan.make_plan(repo, at, plan, is_import=is_import)
    findings.print_findings(session, saved.findings)
    if out is not None:
        _save(out, shown.to_json(saved, size))
        session.output.print_note(f"saved in {out}; to make these changes: zonegit apply {out}")
    session.output.print_result(
        lambda: shown.to_json(saved, size), shown.format_lines(saved, size), paged=True
    )
    if refusal := find_refusal([saved.judgement]):
        raise refusal
    differs = bool(saved.deltas) or saved.serial != saved.before
    return EXIT_DIFFERENT if exit_code and differs else 0


def _plan_zone(
    session: Session, octets: bytes, source: str, at: BranchPosition, *, respell: bool
) -> ChangePlanner:
    gc.disable()  # a zone is millions of objects without cycles, and each collection visits all
    master = MasterFiles(session, session.include)
    found = master.read(octets, source, at.zone)
    plan = change_plan.plan_replacement(list(found.values()), at.zone, respell=respell)
    return change_plan.add_findings(plan, master.take_findings())


def _save(path: Path, document: Json) -> None:
    """Save a plan.

    Raises:
        Invalid: it cannot be written, or exceeds ``saved_plan.MAX_OCTETS``.
    """
    octets = format_json(document, indent=1).encode() + b"\n"
    if len(octets) > saved_plan.MAX_OCTETS:
        raise Invalid(
            f"the plan has {len(octets)} octets, more than {saved_plan.MAX_OCTETS}",
            hint="too large to save as a plan; import it directly with zonegit import",
        )
    try:
        path.write_bytes(octets)
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}") from error
