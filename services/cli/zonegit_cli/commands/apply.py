"""zonegit apply: commit a file of edits, a diff or a saved plan."""

from pathlib import Path

import click
import msgspec

from zonegit.errors import Invalid
from zonegit.repo.change import saved_plan
from zonegit.repo.change.saved_plan import SavedPlan
from zonegit.repo.commit import commit_loop
from zonegit.repo.commit.intent import OnConflict
from zonegit.zone import names
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse import file_kinds, files
from zonegit_cli.render import plans
from zonegit_cli.session import Session


@options.session_command("apply")
@click.argument("file", type=click.Path(), metavar="FILE|-")
@options.RESPELL
@options.commit_options
async def command(session: Session, file: str, commit_options: CommitOptions) -> None:
    """Apply the edits of FILE, or of standard input, as one commit: all of them or none.

    FILE holds one edit a line, in the words of the commands, quoted as in a shell. Or it is a diff,
    as zonegit diff prints it: then its first line (after empty lines and # comments) begins with
    diff, + or -. A record that a diff removes must exist with the same TTL; a record that it adds
    may exist. A difference of the serial alone is ignored. Errors name file and line.

    Or FILE is a plan that zonegit plan saved; it begins with {. It is applied to the zone and
    branch that it was made for, even if the branch moved since. If an RRset of the plan changed
    since, the branch does not move, and the exit status is 4.

    \b
    zonegit apply changes.txt      set www A 300 192.0.2.7
                                   add @ MX 1h 20 mail2    # a comment
                                   remove www AAAA 2001:db8::7
                                   delete old
    zonegit diff main...canary | zonegit apply - --branch staging
    zonegit plan example.com.zone --out tuesday.plan && zonegit apply tuesday.plan
    """
    octets = files.read(file, saved_plan.MAX_OCTETS)
    source = files.format_name(file)
    message = f"apply {files.format_name(Path(file).name)}"
    file_kinds.refuse_for_apply(octets, file, source)
    if saved_plan.is_plan(octets):
        await _apply_plan(session, saved_plan.read(octets, source), message, commit_options)
        return

    intent = commit_command.build_intent(commit_options, "apply", message)
    async with commit_command.open_target(session, commit_options) as target:
        plan = plans.plan_file(
            octets, target.at, source, session.ttl, respell=commit_options.respell
        )
        outcome = await commit_loop.commit(target.repo, target.at, plan, intent)
        await commit_command.report_outcome(target, outcome)


async def _apply_plan(
    session: Session, saved: SavedPlan, message: str, commit_options: CommitOptions
) -> None:
    _refuse_elsewhere(saved, commit_options)
    there = msgspec.structs.replace(commit_options, zone=saved.zone, branch=saved.branch)
    intent = commit_command.build_intent(
        commit_options, "apply", message, imports=saved.is_import, on_conflict=OnConflict.REBASE
    )
    async with commit_command.open_target(session, there) as target:
        plan = saved_plan.plan_saved(saved)
        outcome = await commit_loop.commit(target.repo, target.at, plan, intent)
        await commit_command.report_outcome(target, outcome)


def _refuse_elsewhere(saved: SavedPlan, commit_options: CommitOptions) -> None:
    """Check that the command names no other zone and branch than the plan.

    Raises:
        Invalid: it names another zone or branch.
    """
    if commit_options.zone in (None, saved.zone) and commit_options.branch in (None, saved.branch):
        return
    raise Invalid(
        f"the plan is for {names.text(saved.zone)} {saved.branch}",
        hint="omit --zone and --branch, or make a new plan",
    )
