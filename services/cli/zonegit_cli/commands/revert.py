"""zonegit revert: take back what one commit changed."""

import click

from zonegit.objects.ids import CommitId
from zonegit.objects.model import subject
from zonegit.repo import browse, refish, undoing
from zonegit.repo.commits import Outcome
from zonegit.repo.heads import Position, Repo
from zonegit.store.reading import Reader
from zonegit_cli import committing, page
from zonegit_cli.page import How
from zonegit_cli.session import Session


@page.page("revert")
@click.argument("text", type=page.REFISH, metavar="REFISH")
@click.option(
    "-m",
    "--mainline",
    type=click.IntRange(1, 2),
    metavar="N",
    help="Of a merge: its parent N counts as what was before.",
)
@page.committing(page.in_zone, page.LONG_MESSAGE)
async def command(session: Session, text: str, mainline: int | None, how: How) -> int:
    """Take back what one commit changed, as a new commit; what came later stays.

    An RRset that was changed again since is a conflict: it is listed, nothing is moved, and the
    exit status is 4.

    \b
    zonegit revert HEAD               the last change
    zonegit revert 1a2b3c4d           any other
    zonegit revert HEAD -m 1         all that a merge brought
    """

    async def work(repo: Repo, at: Position) -> Outcome:
        undone = await refish.resolve(repo, text, zone=at.zone, branch=at.branch)
        intent = committing.intent(how, "revert", await _message(repo, undone.commit))
        return await undoing.revert(repo, at, undone.commit, mainline, intent)

    return await committing.carry_out(
        session, how, work, nothing="nothing to revert: {} has none of it any more"
    )


async def _message(repo: Repo, commit: CommitId) -> str:
    undone = await browse.read_commit(Reader(repo.objects), commit)
    return f'revert "{subject(undone)}"\n\nThis takes back {commit.hex()}.'
