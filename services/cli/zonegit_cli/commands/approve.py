"""zonegit approve: merge a proposal into its target branch."""

import click

from zonegit.repo import heads, refish
from zonegit.repo.change import merge
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.render import conflict_lines
from zonegit_cli.session import Session


@options.session_command("approve")
@click.argument("name", type=options.BRANCH)
@options.commit_options_with(options.proposal_options, options.MESSAGE)
async def command(session: Session, name: str, commit_options: CommitOptions) -> int:
    """Merge the proposal NAME into its target branch.

    If there are conflicts, they are listed as by zonegit merge, the branch does not move, and the
    exit status is 4. The proposal's branch is not deleted: see zonegit branch -d NAME.

    \b
    zonegit approve new-mail --wait
    zonegit approve new-mail --into staging
    """
    intent = commit_command.build_intent(commit_options, "approve", f"approve {name}")
    async with commit_command.open_target(session, commit_options) as target:
        repo, zone = target.repo, target.at.zone
        is_current = await heads.find_current_branch(repo, zone) == name
        proposed = await refish.resolve(repo, name, zone=zone)
        into = commit_options.branch or DEFAULT_BRANCH
        status = await commit_command.report_outcome(
            target,
            await merge.merge(repo, target.at, proposed.commit, intent),
            unchanged_text="{} already contains it",
            advice=conflict_lines.advise_merge(zone, name, into),
        )
    if status == 0 and is_current:
        session.output.print_note(
            f"HEAD is still {name}; to switch: zonegit checkout {commit_options.branch}"
        )
    return status
