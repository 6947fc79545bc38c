"""zonegit apply: many edits, or a saved plan, as one commit."""

from pathlib import Path

import click
import msgspec

from zonegit.errors import Invalid
from zonegit.repo.change import saved_plan
from zonegit.repo.change.saved_plan import SavedPlan
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.commit_loop import OnConflict
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.zone import names
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse import file_kinds, files
from zonegit_cli.render import plans
from zonegit_cli.session import Session


@options.page("apply")
@click.argument("file", type=click.Path(), metavar="FILE|-")
@options.RESPELL
@options.commits
async def command(session: Session, file: str, how: CommitOptions) -> None:
    """Make the edits of FILE, or of standard input, in one commit: all of them or none.

    FILE holds the words of the commands, quoted as in a shell, one edit a line; or it is a diff as
    zonegit diff prints it, which is told by its first line (empty ones and # comments apart): that
    of a diff begins with diff, + or -. What a diff removes must be there with its TTL, what it adds
    may be; a serial goes by itself. Errors name file and line.

    Or FILE is a plan that zonegit plan saved, which begins with {: it is made where it was planned,
    whatever else has changed there since. If one of its RRsets is not as the plan saw it, nothing
    moves, and the exit status is 4.

    \b
    zonegit apply changes.txt      set www A 300 192.0.2.7
                                   add @ MX 1h 20 mail2    # a comment
                                   remove www AAAA 2001:db8::7
                                   delete old
    zonegit diff main...canary | zonegit apply - --branch staging
    zonegit plan example.com.zone --out tuesday.plan && zonegit apply tuesday.plan
    """
    octets = files.read(file, saved_plan.MAX_OCTETS)
    source = files.shown(file)
    message = f"apply {files.shown(Path(file).name)}"
    file_kinds.refuse_for_apply(octets, file, source)
    if saved_plan.is_plan(octets):
        await _apply_plan(session, saved_plan.read(octets, source), message, how)
        return

    def plan_for(_repo: Repo, position: BranchPosition) -> ChangePlanner:
        return plans.of_edits(octets, position, source, session.ttl, respell=how.respell)

    await commit_command.commit(
        session, how, plan_for, commit_command.intent(how, "apply", message)
    )


async def _apply_plan(session: Session, saved: SavedPlan, message: str, how: CommitOptions) -> None:
    _refuse_elsewhere(saved, how)
    there = msgspec.structs.replace(how, zone=saved.zone, branch=saved.branch)
    intent = commit_command.intent(
        how, "apply", message, imports=saved.is_import, on_conflict=OnConflict.REBASE
    )
    await commit_command.commit(
        session, there, lambda _repo, _at: saved_plan.plan_saved(saved), intent
    )


def _refuse_elsewhere(saved: SavedPlan, how: CommitOptions) -> None:
    """Raises:
    Invalid: the command names another place than the plan is for.
    """
    if how.zone in (None, saved.zone) and how.branch in (None, saved.branch):
        return
    raise Invalid(
        f"the plan is for {names.text(saved.zone)} {saved.branch}, and for nowhere else",
        hint="leave --zone and --branch out, or plan anew",
    )
