"""zonegit cherry-pick: make the change of one commit on another branch."""

from typing import Final

from zonegit.objects.ids import CommitId
from zonegit.repo import read_zone, refish
from zonegit.repo.change import cherry_pick
from zonegit.repo.commit.commit_loop import Intent, Outcome
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.store.reader import Reader
from zonegit_cli import options, sequencer
from zonegit_cli.options import CommitOptions
from zonegit_cli.sequencer import SequencedCommand, SequencerOptions
from zonegit_cli.sequencer_state import RequestedOperation
from zonegit_cli.session import Session


async def _begin(repo: Repo, at: BranchPosition, text: str) -> tuple[CommitId, str]:
    found = await refish.resolve(repo, text, zone=at.zone)
    picked = await read_zone.read_commit(Reader(repo.objects), found.commit)
    return found.commit, picked.message


async def _work(
    repo: Repo, at: BranchPosition, begun: RequestedOperation, intent: Intent, choices: Choices
) -> Outcome:
    return await cherry_pick.cherry_pick(repo, at, begun.commit_id, begun.mainline, intent, choices)


PICK: Final = SequencedCommand(
    "cherry-pick", "{} has the change of {refish} already", _begin, _work
)


@options.page("cherry-pick")
@sequencer.MAINLINE
@sequencer.stoppable
@options.committing(options.in_zone, options.LONG_MESSAGE)
async def command(session: Session, asked: SequencerOptions, how: CommitOptions) -> int:
    """Make the change of one commit on the branch you stand on, as a new commit.

    It keeps its author and its message; you are its committer. What clashes with this branch is
    listed, nothing is moved, and the exit status is 4: decide and go on as with zonegit merge.

    \b
    zonegit cherry-pick 1a2b3c4d
    zonegit cherry-pick canary --branch main --wait     the latest change of canary
    zonegit cherry-pick 5e6f7a8b -m 1                   all that a merge brought
    zonegit cherry-pick --continue
    """
    return await sequencer.run(session, how, PICK, asked)
