"""zonegit review: show what a proposal would change, and whether it merges."""

from collections.abc import Iterator
from typing import Any

import click

from zonegit.objects.model import subject
from zonegit.repo import heads, refish
from zonegit.repo.change import proposals
from zonegit.repo.change.proposals import Review
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.outcomes import Preview
from zonegit.repo.heads import BranchPosition
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.views.conflict import make_conflicts
from zonegit.views.diff import make_changes
from zonegit.views.verdict import make_verdict
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_count, format_id
from zonegit_cli.render import conflict_lines, dry_runs, findings, patches
from zonegit_cli.session import Session
from zonegit_cli.text_width import fit_line, wrap_line


@options.session_command("review")
@click.argument("name", type=options.BRANCH)
@click.option("--stat", is_flag=True, help="Only count the records of each RRset.")
@options.proposal_options
async def command(session: Session, name: str, stat: bool, zone: Name | None, branch: str) -> None:
    """Show the commits of the proposal NAME, its changes in total, and whether it merges.

    It merges if there is no conflict and refs would accept the move. The exit status is 0 in any
    case; that of zonegit approve NAME --dry-run is the exit status of the merge.

    \b
    zonegit review new-mail
    zonegit review new-mail --stat
    zonegit review new-mail --into staging --json
    """
    async with session.connect() as repo:
        into = await heads.find_position(repo, zone, branch)
        proposed = await refish.resolve(repo, name, zone=into.zone)
        review = await proposals.review(repo, into, proposed.commit)
    data = {"zone": names.text(into.zone), "proposal": name, "into": branch}
    session.output.print_result(
        lambda: {**data, **_to_json(review)},
        _format_lines(name, into, review, stat=stat),
        paged=True,
    )
    if not isinstance(review.outcome, Conflicted):
        findings.print_findings(session, review.outcome.findings)


def _format_lines(name: str, into: BranchPosition, review: Review, *, stat: bool) -> Iterator[str]:
    commits = format_count(len(review.commits), "commit")
    yield from wrap_line(f"{name} has {commits} for {into.branch} of {names.text(into.zone)}")
    for each in review.commits:
        yield fit_line(f"  {format_id(each.id)} {each.commit.author.name}: {subject(each.commit)}")
    yield from (patches.format_stat if stat else patches.format_lines)(review.deltas)
    match review.outcome:
        case Conflicted() as conflicted:
            advice = conflict_lines.advise_merge(into.zone, name, into.branch)
            yield from conflict_lines.format_conflicts(conflicted, advice)
        case Preview(judgement=Judgement(refusal=refusal)) if refusal is not None:
            yield from wrap_line(f"the merge would be refused ({refusal.code}): {refusal.message}")
            if refusal.hint:
                yield from wrap_line(f"    {refusal.hint}")
        case Preview(before=before, serial=serial, judgement=judgement):
            yield from dry_runs.format_lines(judgement)
            into_it = "" if into.branch == DEFAULT_BRANCH else f" --into {into.branch}"
            done = f"it merges ({before} -> {serial}): zonegit approve {name}{into_it}"
            yield from wrap_line(done)
        case _ if review.refused is not None:
            yield from wrap_line(review.refused.message)
            yield from wrap_line(f"    {review.refused.hint}")
        case _:
            yield f"{into.branch} already contains it"


def _to_json(review: Review) -> dict[str, Any]:
    outcome = review.outcome
    conflicts = outcome.clashes if isinstance(outcome, Conflicted) else []
    warnings = () if isinstance(outcome, Conflicted) else outcome.findings
    judgement = review.outcome.judgement if isinstance(review.outcome, Preview) else None
    return {
        "commits": [
            {
                "commit": each.id.hex(),
                "author": each.commit.author.name,
                "message": each.commit.message,
            }
            for each in review.commits
        ],
        "changes": make_changes(review.deltas),
        "merges": (
            not conflicts
            and review.refused is None
            and (judgement is None or judgement.refusal is None)
        ),
        "reverted_by": review.refused.details["reverts"].split() if review.refused else [],
        "warnings": make_warnings(warnings),
        "verdict": make_verdict(judgement),
        "conflicts": make_conflicts(conflicts),
    }
