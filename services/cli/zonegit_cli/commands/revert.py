"""zonegit revert: reverse the change of one commit."""

from typing import Final

from zonegit.objects.ids import CommitId
from zonegit.objects.model import subject
from zonegit.repo import read_zone, refish
from zonegit.repo.change import revert
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
    found = await refish.resolve(repo, text, zone=at.zone, branch=at.branch)
    undone = await read_zone.read_commit(Reader(repo.objects), found.commit)
    return found.commit, f'revert "{subject(undone)}"'


async def _run(
    repo: Repo, at: BranchPosition, begun: RequestedOperation, intent: Intent, choices: Choices
) -> Outcome:
    return await revert.revert(repo, at, begun.commit_id, begun.mainline, intent, choices)


REVERT: Final = SequencedCommand(
    "revert", "nothing to revert: {} no longer has this change", _resolve, _run
)


@options.session_command("revert")
@sequencer.MAINLINE
@sequencer.sequencer_options
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
    return await sequencer.run(session, commit_options, REVERT, sequencer_options)
