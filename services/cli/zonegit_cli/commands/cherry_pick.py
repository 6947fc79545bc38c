"""zonegit cherry-pick: apply the change of one commit to another branch."""

from typing import Final

from zonegit.objects.ids import CommitId
from zonegit.repo import read_zone, refish
from zonegit.repo.change import cherry_pick
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit_cli import options, sequencer
from zonegit_cli.options import CommitOptions
from zonegit_cli.sequencer import SequencedCommand, SequencerOptions
from zonegit_cli.sequencer_state import RequestedOperation
from zonegit_cli.session import Session


async def _resolve(repo: Repo, at: BranchPosition, text: str) -> tuple[CommitId, str]:
    found = await refish.resolve(repo, text, zone=at.zone)
    picked = await read_zone.read_commit(Reader(repo.objects), found.commit)
    return found.commit, picked.message


async def _run(
    repo: Repo, at: BranchPosition, begun: RequestedOperation, intent: Intent, choices: Choices
) -> Outcome:
    return await cherry_pick.cherry_pick(repo, at, begun.commit_id, begun.mainline, intent, choices)


PICK: Final = SequencedCommand(
    "cherry-pick", "{} already has the change of {refish}", _resolve, _run
)


@options.session_command("cherry-pick")
@sequencer.MAINLINE
@sequencer.sequencer_options
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
    return await sequencer.run(session, commit_options, PICK, sequencer_options)
