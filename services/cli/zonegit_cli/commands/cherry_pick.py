"""zonegit cherry-pick: apply the change of one commit to another branch."""

from zonegit_cli import options, sequencer_command
from zonegit_cli.options import CommitOptions
from zonegit_cli.sequencer_command import SequencerOptions
from zonegit_cli.session import Session


@options.session_command("cherry-pick")
@sequencer_command.MAINLINE
@sequencer_command.sequencer_options
@options.commit_options_with(options.zone_options, options.LONG_MESSAGE)
async def command(
    session: Session, sequencer_options: SequencerOptions, commit_options: CommitOptions
) -> int:
    """Apply the change of one commit to the current branch, as a new commit.

    The new commit has the same author and message; you are its committer. Conflicts are listed, the
    branch does not move, and the exit status is 4: resolve them as with zonegit merge.

    \b
    zonegit cherry-pick 1a2b3c4d
    zonegit cherry-pick canary --branch main --wait     the latest change of canary
    zonegit cherry-pick 5e6f7a8b -m 1                   the changes that a merge brought in
    zonegit cherry-pick --continue
    """
    return await sequencer_command.run(session, commit_options, "cherry-pick", sequencer_options)
