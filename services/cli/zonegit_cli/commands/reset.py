"""zonegit reset: a branch as it was."""

import click

from zonegit.objects.ids import short
from zonegit.repo import refish
from zonegit.repo.change import revert
from zonegit.repo.commit.commit_loop import Outcome
from zonegit.repo.heads import BranchPosition, Repo
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.session import Session


@options.page("reset")
@click.argument("text", type=options.REFISH, metavar="REFISH")
@click.option("--hard", is_flag=True, help="Required: what came after REFISH leaves the branch.")
@click.option("--exact", is_flag=True, help="Move to that very commit; needs --force.")
@options.commits
async def command(session: Session, text: str, hard: bool, exact: bool, how: CommitOptions) -> int:
    """Make the branch as it was at REFISH: its records, and its history.

    Secondaries follow serials, and those never go back: so the branch gets a new commit on top of
    REFISH, with the same records and the next serial. --exact moves it to REFISH itself; then
    secondaries keep what they have until the serial is past what they saw. What is left behind
    stays in the store: zonegit reflog knows its ids.

    \b
    zonegit reset --hard HEAD~1
    zonegit reset --hard v1 --dry-run
    """
    if not hard:
        raise click.UsageError("there is no working copy to keep: say --hard")

    async def work(repo: Repo, at: BranchPosition) -> Outcome:
        target = await refish.resolve(repo, text, zone=at.zone, branch=at.branch)
        intent = commit_command.intent(how, "reset", f"reset to {short(target.commit)}")
        return await revert.reset(repo, at, target.commit, intent, exact=exact)

    return await commit_command.carry_out(
        session, how, work, nothing="{} is there already", jumped="that very commit"
    )
