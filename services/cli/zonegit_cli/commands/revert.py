"""zonegit revert: reverse the change of one commit."""

from zonegit_cli import options, sequencer_command
from zonegit_cli.options import CommitOptions
from zonegit_cli.sequencer_command import SequencerOptions
from zonegit_cli.session import Session


@options.session_command("revert")
@sequencer_command.MAINLINE
@sequencer_command.sequencer_options
@options.commit_options_with(options.zone_options, options.LONG_MESSAGE)
async def command(
    session: Session, sequencer_options: SequencerOptions, commit_options: CommitOptions
) -> int:
    """Reverse the change of one commit, as a new commit; later changes stay.

    A record that was changed again since is a conflict: it is listed, the branch does not move, and
    the exit status is 4. Resolve it as with zonegit merge; --ours is the current content.

    \b
    zonegit revert HEAD               the latest change
    zonegit revert 1a2b3c4d           any other change
    zonegit revert HEAD -m 1          the changes that a merge brought in
    zonegit revert --continue
    """
    return await sequencer_command.run(session, commit_options, "revert", sequencer_options)
