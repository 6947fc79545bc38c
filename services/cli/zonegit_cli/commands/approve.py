"""zonegit approve: merge a proposal into its target branch."""

import click

from zonegit.repo import heads, refish
from zonegit.repo.change import merge
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit_cli import commit_command, options
from zonegit_cli.commit_command import Presentation
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
    is_current = False

    async def operation(repo: Repo, at: BranchPosition) -> Outcome:
        nonlocal is_current
        is_current = await heads.find_current_branch(repo, at.zone) == name
        proposed = await refish.resolve(repo, name, zone=at.zone)
        intent = commit_command.build_intent(commit_options, "approve", f"approve {name}")
        return await merge.merge(repo, at, proposed.commit, intent)

    presentation = Presentation(
        unchanged_text="{} already contains it",
        advise=conflict_lines.advise_merge(name, commit_options.branch or DEFAULT_BRANCH),
    )
    status = await commit_command.run_commit(session, commit_options, operation, presentation)
    if status == 0 and is_current:
        session.output.print_note(
            f"HEAD is still {name}; to switch: zonegit checkout {commit_options.branch}"
        )
    return status
