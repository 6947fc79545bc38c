"""zonegit merge: bring another branch's changes into this one."""

import click

from zonegit.repo import merges, refish
from zonegit.repo.commits import Outcome
from zonegit.repo.heads import Position, Repo
from zonegit_cli import committing, page
from zonegit_cli.page import How
from zonegit_cli.session import Session


@page.page("merge")
@click.argument("other", type=page.REFISH, metavar="REFISH")
@page.commits
async def command(session: Session, other: str, how: How) -> int:
    """Bring what REFISH has (a branch, as a rule) into the branch you stand on.

    Where this branch has nothing of its own it is moved forward; else a merge commit takes the
    changes of both. An RRset that both changed is a conflict: all are listed with their reasons,
    nothing is moved, and the exit status is 4. The serial is later than both; it never conflicts.

    \b
    zonegit merge canary --dry-run
    zonegit merge canary
    zonegit merge canary --branch main --wait
    """

    async def work(repo: Repo, at: Position) -> Outcome:
        theirs = await refish.resolve(repo, other, zone=at.zone)
        intent = committing.intent(how, "merge", f"merge {other} into {at.branch}")
        return await merges.merge(repo, at, theirs.commit, intent)

    return await committing.carry_out(
        session, how, work, nothing="{} has all of " + other + " already"
    )
