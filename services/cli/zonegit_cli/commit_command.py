"""Run a command that commits: find the branch, make the change or preview it, wait for the
resolvers, and print the outcome."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

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
from zonegit_cli.propagation import Propagated, Waiter
from zonegit_cli.render import conflict_lines, documents, findings, outcomes
from zonegit_cli.render.documents import CommitDocument
from zonegit_cli.run import EXIT_STATUS
from zonegit_cli.session import Session

ExtendDocument = Callable[[CommitDocument], CommitDocument]
"""Adds a command's own fields to its JSON document, after all other fields are set."""


def keep_document(document: CommitDocument) -> CommitDocument:
    """Return the document unchanged, for commands that have no fields of their own."""
    return document


class Presentation(msgspec.Struct, frozen=True, kw_only=True):
    """The texts and functions by which the outcome of a command is printed.

    Args:
        unchanged_text: the text if nothing changed, with ``{}`` for the branch.
        existing_text: the text for a move to a commit that existed before.
        advise: returns what to do about conflicts.
        extend: adds the command's own fields to its JSON document.
    """

    unchanged_text: str = outcomes.NOTHING_TO_COMMIT
    existing_text: str = outcomes.FAST_FORWARD
    advise: conflict_lines.Advice = conflict_lines.advise_by_hand
    extend: ExtendDocument = keep_document


DEFAULT_PRESENTATION: Final = Presentation()


class TargetBranch(msgspec.Struct, frozen=True):
    """The branch that a command works on, while the command is connected to the bus.

    Args:
        repo: the stores.
        at: the zone, the branch and its tip.
        warnings: the warnings about HEAD that were printed.
        waiter: waits for the resolvers that serve the branch.
    """

    repo: Repo
    at: BranchPosition
    warnings: tuple[Finding, ...]
    waiter: Waiter

    def to_json(
        self, document: CommitDocument, extend: ExtendDocument = keep_document
    ) -> dict[str, Any]:
        """Return a document for ``--json``, with the warnings about HEAD first."""
        document.warnings = [*documents.make_warnings(self.warnings), *document.warnings]
        return documents.to_json(extend(document))


async def commit_edit(
    session: Session,
    commit_options: CommitOptions,
    words: Sequence[str],
    edit: Callable[[Name], RRsetEdit],
    found: Sequence[Finding] = (),
) -> None:
    """Commit one edit.

    Args:
        session: the session of the command.
        commit_options: the options of the command.
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
    """Commit a plan on the branch that the command works on, and print the outcome.

    Args:
        session: the session of the command.
        commit_options: the options of the command.
        plan_for: returns the plan for a branch.
        intent: the message, and how to commit.
        extend: adds the command's own fields to its JSON document.
    """

    async def operation(repo: Repo, at: BranchPosition) -> Outcome:
        return await commit_loop.commit(repo, at, plan_for(repo, at), intent)

    await run_commit(session, commit_options, operation, Presentation(extend=extend))


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


@asynccontextmanager
async def open_target(
    session: Session, commit_options: CommitOptions
) -> AsyncIterator[TargetBranch]:
    """Connect to the bus and open the branch that the command works on.

    A warning about HEAD is printed. With ``--wait`` the reports of resolvers are collected while
    the context is open.

    Raises:
        Invalid: HEAD was moved, and ``--strict`` makes that an error.
        NotFound: the zone or the branch does not exist.
        Unavailable: the bus or a store cannot be reached.
    """
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        at = await heads.find_position(repo, commit_options.zone, commit_options.branch)
        warnings = warn_of_head(
            session, strict=commit_options.strict, dry_run=commit_options.dry_run
        )
        wanted = commit_options.wait and not commit_options.dry_run
        async with propagation.watch_branch(
            session, bus, at.zone, at.branch, wanted=wanted
        ) as waiter:
            yield TargetBranch(repo, at, warnings, waiter)


async def run_commit(
    session: Session,
    commit_options: CommitOptions,
    operation: Callable[[Repo, BranchPosition], Awaitable[Outcome]],
    presentation: Presentation = DEFAULT_PRESENTATION,
) -> int:
    """Run an operation on the branch that the command works on, and print its outcome.

    Args:
        session: the session of the command.
        commit_options: the options of the command.
        operation: the operation.
        presentation: how the outcome is printed.

    Returns:
        The exit status.

    Raises:
        ZonegitError: what ``operation`` raises; after a dry run was printed, what its move would
            raise.
    """
    async with open_target(session, commit_options) as target:
        outcome = await operation(target.repo, target.at)
        propagated = Propagated()
        if isinstance(outcome, Committed):
            propagated = await target.waiter.wait(outcome.moved)
        if not isinstance(outcome, Conflicted):
            findings.print_findings(session, outcome.findings)
        await _print_outcome(
            session, target, outcome, propagated, presentation, dry_run=commit_options.dry_run
        )
    if isinstance(outcome, Preview) and outcome.judgement.refusal is not None:
        raise outcome.judgement.refusal
    return EXIT_STATUS["conflict"] if isinstance(outcome, Conflicted) else 0


async def _print_outcome(
    session: Session,
    target: TargetBranch,
    outcome: Outcome,
    propagated: Propagated,
    presentation: Presentation,
    *,
    dry_run: bool,
) -> None:
    hints = presentation.advise(outcome) if isinstance(outcome, Conflicted) else ()
    data: dict[str, Any] = {}
    lines: Iterable[str] = ()
    if session.output.as_json:
        document = await outcomes.make_document(
            target.repo, outcome, dry_run=dry_run, served_by=propagated.served_by, hints=hints
        )
        data = target.to_json(document, presentation.extend)
    else:
        text = await outcomes.format_lines(
            target.repo,
            outcome,
            presentation.unchanged_text,
            presentation.existing_text,
            hints,
        )
        lines = [*text, *propagated.format_lines()]
        if isinstance(outcome, Committed):
            lines = [*lines, *outcomes.format_reversal(outcome.moved)]
    session.output.print_result(data, lines, paged=not isinstance(outcome, Committed))
