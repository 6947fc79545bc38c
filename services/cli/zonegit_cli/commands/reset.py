"""zonegit reset: reset a branch to an earlier commit."""

import click

from zonegit.objects.ids import short
from zonegit.repo import refish
from zonegit.repo.change import reset
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.session import Session


@options.session_command("reset")
@click.argument("text", type=options.REFISH, metavar="REFISH")
@click.option("--hard", is_flag=True, help="Required. Discards commits after REFISH.")
@click.option("--exact", is_flag=True, help="Move to the commit REFISH itself; needs --force.")
@options.commit_options
async def command(
    session: Session, text: str, hard: bool, exact: bool, commit_options: CommitOptions
) -> int:
    """Reset the branch to the records and the history of REFISH.

    A serial must not go back, because secondaries compare serials. So the branch moves to a new
    commit on top of REFISH, with the same records and the next serial; to REFISH itself only if
    its serial is later than any that the branch has had. --exact moves it to REFISH in any case;
    then secondaries keep their copy until the serial is later than theirs. The discarded commits
    stay in the store: zonegit reflog lists their ids.

    \b
    zonegit reset --hard HEAD~1
    zonegit reset --hard v1 --dry-run
    """
    if not hard:
        raise click.UsageError("--hard is required: there is no working copy to keep")

    async with commit_command.open_target(session, commit_options) as target:
        repo, at = target.repo, target.at
        commit = (await refish.resolve(repo, text, zone=at.zone, branch=at.branch)).commit
        intent = commit_command.build_intent(commit_options, "reset", f"reset to {short(commit)}")
        return await commit_command.report_outcome(
            target,
            await reset.reset(repo, at, commit, intent, exact=exact),
            unchanged_text="{} is already at this commit",
            existing_text="exact",
        )
