"""zonegit approve: make a proposal part of the branch it is for."""

import click

from zonegit.repo import heads, refish
from zonegit.repo.change import merge
from zonegit.repo.commit.commit_loop import Outcome
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.render import conflict_lines
from zonegit_cli.session import Session


@options.page("approve")
@click.argument("name", type=options.BRANCH)
@options.committing(options.into, options.MESSAGE)
async def command(session: Session, name: str, how: CommitOptions) -> int:
    """Merge the proposal NAME into the branch it is for, which is served from then on.

    As zonegit merge does: conflicts are listed, nothing is moved, and the exit status is 4. The
    proposal's branch stays: zonegit branch -d NAME deletes it.

    \b
    zonegit approve new-mail --wait
    zonegit approve new-mail --into staging
    """

    stood_on = False

    async def work(repo: Repo, at: BranchPosition) -> Outcome:
        nonlocal stood_on
        stood_on = await heads.find_current_branch(repo, at.zone) == name
        proposed = await refish.resolve(repo, name, zone=at.zone)
        intent = commit_command.intent(how, "approve", f"approve {name}")
        return await merge.merge(repo, at, proposed.commit, intent)

    status = await commit_command.carry_out(
        session,
        how,
        work,
        nothing="{} has all of it already",
        advice=conflict_lines.by_merging(name, how.branch or DEFAULT_BRANCH),
    )
    if status == 0 and stood_on:
        session.output.note(f"you still stand on {name}: zonegit checkout {how.branch} leaves it")
    return status
