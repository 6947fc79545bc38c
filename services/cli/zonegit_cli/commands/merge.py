"""zonegit merge: merge another branch into this one."""

from zonegit_cli import options, sequencer_command
from zonegit_cli.options import CommitOptions
from zonegit_cli.sequencer_command import SequencerOptions
from zonegit_cli.session import Session


@options.session_command("merge")
@sequencer_command.sequencer_options
@options.RESPELL
@options.commit_options
async def command(
    session: Session, sequencer_options: SequencerOptions, commit_options: CommitOptions
) -> int:
    """Merge REFISH, usually a branch, into the current branch.

    If REFISH contains the tip of the current branch, the branch is fast-forwarded. Otherwise a
    merge commit combines the changes of both. RRsets that both changed are merged by TTL and by
    record. If that is not possible, the conflicts are listed with their reasons, the branch does
    not move, and the exit status is 4. Choose a side for each conflict and continue; or give --ours
    or --theirs with REFISH to choose a side for all of them. The serial is later than both; it is
    never a conflict.

    \b
    zonegit merge canary --dry-run
    zonegit merge canary                    stops at conflicts
    zonegit merge --theirs www A            use the RRset of canary
    zonegit merge --ours                    keep all other RRsets of this branch
    zonegit merge --continue                commit on the current tip of the branch
    zonegit merge --abort                   or abort the merge
    zonegit merge canary --branch main --theirs --wait
    """
    return await sequencer_command.run(session, commit_options, "merge", sequencer_options)
