"""zonegit revert: take back what one commit changed."""

from typing import Final

from zonegit.objects.ids import CommitId
from zonegit.objects.model import subject
from zonegit.repo import read_zone, refish
from zonegit.repo.change import revert
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
    found = await refish.resolve(repo, text, zone=at.zone, branch=at.branch)
    undone = await read_zone.read_commit(Reader(repo.objects), found.commit)
    return found.commit, f'revert "{subject(undone)}"'


async def _work(
    repo: Repo, at: BranchPosition, begun: RequestedOperation, intent: Intent, choices: Choices
) -> Outcome:
    return await revert.revert(repo, at, begun.commit_id, begun.mainline, intent, choices)


REVERT: Final = SequencedCommand(
    "revert", "nothing to revert: {} has none of it any more", _begin, _work
)


@options.page("revert")
@sequencer.MAINLINE
@sequencer.stoppable
@options.committing(options.in_zone, options.LONG_MESSAGE)
async def command(session: Session, asked: SequencerOptions, how: CommitOptions) -> int:
    """Take back what one commit changed, as a new commit; what came later stays.

    A record that was changed again since is a conflict: it is listed, nothing is moved, and the
    exit status is 4. Decide and go on as with zonegit merge; ours is what is here now.

    \b
    zonegit revert HEAD               the last change
    zonegit revert 1a2b3c4d           any other
    zonegit revert HEAD -m 1         all that a merge brought
    zonegit revert --continue
    """
    return await sequencer.run(session, how, REVERT, asked)
