"""zonegit merge: bring another branch's changes into this one."""

from typing import Final

from zonegit.objects.ids import CommitId
from zonegit.repo import refish
from zonegit.repo.change import merge
from zonegit.repo.commit.commit_loop import Intent, Outcome
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.heads import BranchPosition, Repo
from zonegit_cli import options, sequencer
from zonegit_cli.options import CommitOptions
from zonegit_cli.sequencer import SequencedCommand, SequencerOptions
from zonegit_cli.sequencer_state import RequestedOperation
from zonegit_cli.session import Session


async def _begin(repo: Repo, at: BranchPosition, text: str) -> tuple[CommitId, str]:
    theirs = await refish.resolve(repo, text, zone=at.zone)
    return theirs.commit, f"merge {text} into {at.branch}"


async def _work(
    repo: Repo, at: BranchPosition, begun: RequestedOperation, intent: Intent, choices: Choices
) -> Outcome:
    return await merge.merge(repo, at, begun.commit_id, intent, choices)


MERGE: Final = SequencedCommand("merge", "{} has all of {refish} already", _begin, _work)


@options.page("merge")
@sequencer.stoppable
@options.RESPELL
@options.commits
async def command(session: Session, asked: SequencerOptions, how: CommitOptions) -> int:
    """Bring what REFISH has (a branch, as a rule) into the branch you stand on.

    Where this branch has nothing of its own it is moved forward; else a merge commit takes the
    changes of both: of an RRset that both changed, its TTL and each of its records. What clashes
    all the same is listed with its reasons, nothing is moved, and the exit status is 4. Choose a
    side for each, and go on; or give --ours or --theirs with REFISH, which decides all that
    clashes. The serial is later than both; it never conflicts.

    \b
    zonegit merge canary --dry-run
    zonegit merge canary                    it stops at conflicts:
    zonegit merge --theirs www A            take what canary has
    zonegit merge --ours                    for all others keep what is here
    zonegit merge --continue                commit it, on what the branch holds by now
    zonegit merge --abort                   or leave it
    zonegit merge canary --branch main --theirs --wait
    """
    return await sequencer.run(session, how, MERGE, asked)
