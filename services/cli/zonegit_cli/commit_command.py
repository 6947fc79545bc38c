"""Run a command that commits: find the branch, make the change or preview it, wait for the
resolvers, and print the outcome."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import RRsetEdit
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Outcome, Preview
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.zone.findings import Finding, refuse
from zonegit.zone.names import Name
from zonegit_cli import propagation
from zonegit_cli.options import CommitOptions
from zonegit_cli.render import conflict_lines, documents, findings, outcomes
from zonegit_cli.render.documents import CommitDocument
from zonegit_cli.run import EXIT_STATUS
from zonegit_cli.session import Session

ExtendDocument = Callable[[CommitDocument], CommitDocument]
"""Adds a command's own fields to its JSON document, after all other fields are set."""


def keep_document(document: CommitDocument) -> CommitDocument:
    """Return the document unchanged, for commands that have no fields of their own."""
    return document


async def commit_edit(
    session: Session,
    commit_options: CommitOptions,
    words: Sequence[str],
    edit: Callable[[Name], RRsetEdit],
    found: Sequence[Finding] = (),
) -> None:
    """Commit one edit.

    Args:
        words: the command and its arguments; the message if none was given.
        edit: makes the edit, once the zone is known.
        found: findings about the arguments.
    """

    def plan_for(_repo: Repo, position: BranchPosition) -> ChangePlanner:
        plan = change_plan.plan_edits(
            [edit(position.zone)], position.zone, respell=commit_options.respell
        )
        return change_plan.add_findings(plan, found)

    await commit(
        session, commit_options, plan_for, build_intent(commit_options, words[0], " ".join(words))
    )


def build_intent(
    commit_options: CommitOptions,
    command: str,
    words: str,
    *,
    imports: bool = False,
    on_conflict: OnConflict = OnConflict.REBASE_IF_DISJOINT,
) -> Intent:
    """Return the intent of a command that commits.

    Args:
        commit_options: the options of the command.
        command: the command's name, for the reflog.
        words: the message if none was given, or a blank one.
        imports: see :class:`Intent`.
        on_conflict: see :class:`Intent`.
    """
    message = (commit_options.message or "").strip() or words
    return Intent(
        message,
        command,
        commit_options.force,
        imports=imports,
        on_conflict=on_conflict,
        dry_run=commit_options.dry_run,
        reason=commit_options.reason,
        strict=commit_options.strict,
        respell=commit_options.respell,
    )


async def commit(
    session: Session,
    commit_options: CommitOptions,
    plan_for: Callable[[Repo, BranchPosition], ChangePlanner],
    intent: Intent,
    extend: ExtendDocument = keep_document,
) -> None:
    """Commit a plan on the branch that the command works on, and print the outcome."""

    async def operation(repo: Repo, at: BranchPosition) -> Outcome:
        return await commit_loop.commit(repo, at, plan_for(repo, at), intent)

    await run_commit(session, commit_options, operation, extend=extend)


def warn_of_head(
    session: Session, *, strict: bool = False, dry_run: bool = False
) -> tuple[Finding, ...]:
    """Warn if HEAD chose the branch and was moved from elsewhere since this terminal session last
    used it. Print the warning and return it.

    Raises:
        Invalid: HEAD was moved, and ``strict`` makes that an error.
    """
    found = session.head.find_warnings()
    if strict:
        refuse(found)
    findings.print_findings(session, found)
    if not dry_run:
        session.head.accept()
    return found


async def run_commit(
    session: Session,
    commit_options: CommitOptions,
    operation: Callable[[Repo, BranchPosition], Awaitable[Outcome]],
    *,
    unchanged_text: str = "nothing to commit: {} is already up to date",
    existing_text: str = "fast-forward",
    extend: ExtendDocument = keep_document,
    advice: conflict_lines.Advice = conflict_lines.advise_by_hand,
) -> int:
    """Run an operation on the branch that the command works on, and print its outcome.

    Args:
        operation: the operation.
        unchanged_text: printed if nothing changed, with ``{}`` for the branch.
        existing_text: printed if the branch moved to a commit that existed before.
        extend: adds fields to the JSON document.
        advice: returns what to do about conflicts.

    Returns:
        The exit status.

    Raises:
        ZonegitError: what ``operation`` raises; after a dry run was printed, what its move would
            raise.
    """
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        at = await heads.find_position(repo, commit_options.zone, commit_options.branch)
        of_head = warn_of_head(
            session, strict=commit_options.strict, dry_run=commit_options.dry_run
        )
        wait = commit_options.wait and not commit_options.dry_run
        async with propagation.watch_branch(
            session, bus, at.zone, at.branch, wanted=wait
        ) as waiter:
            outcome = await operation(repo, at)
            propagated = propagation.Propagated()
            if isinstance(outcome, Committed):
                propagated = await waiter.wait(outcome.moved)
        if not isinstance(outcome, Conflicted):
            findings.print_findings(session, outcome.findings)
        hints = advice(outcome) if isinstance(outcome, Conflicted) else ()
        data: dict[str, Any] = {}
        shown: Iterable[str] = ()
        if session.output.as_json:
            found = await outcomes.make_document(
                repo,
                outcome,
                dry_run=commit_options.dry_run,
                served_by=propagated.served_by,
                hints=hints,
            )
            found.warnings = [*documents.make_warnings(of_head), *found.warnings]
            data = documents.to_json(extend(found))
        else:
            text = await outcomes.format_lines(repo, outcome, unchanged_text, existing_text, hints)
            shown = [*text, *propagated.format_lines()]
        session.output.print_result(data, shown, paged=not isinstance(outcome, Committed))
    if isinstance(outcome, Preview) and outcome.judgement.refusal is not None:
        raise outcome.judgement.refusal
    return EXIT_STATUS["conflict"] if isinstance(outcome, Conflicted) else 0
